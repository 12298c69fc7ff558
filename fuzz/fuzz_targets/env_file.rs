//! Environment files: each line has at most one variable with a valid name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_config::parse_env_file;

fuzz_target!(|text: &str| {
    let lines = text.split('\n').count();
    match parse_env_file(text) {
        Ok(variables) => {
            assert!(variables.len() <= lines);
            for (name, value) in variables {
                assert!(!name.is_empty() && !name.contains(['=', '\0', '\n']), "{name:?}");
                assert!(value.len() <= text.len() && !value.contains('\0'));
            }
        }
        Err(line) => assert!((1..=lines).contains(&line)),
    }
});

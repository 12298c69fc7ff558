//! Responses of token endpoints: JSON, forms and pages. A parsed token can be sent in a header.
#![no_main]

use libfuzzer_sys::fuzz_target;

const STATUSES: [u16; 5] = [200, 201, 400, 403, 401];

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    mcp_auth::fuzzing::token_answer(STATUSES[usize::from(*first) % STATUSES.len()], body);
});

//! Lines: for any chunks, the lines are those between the line ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_transport::framing::{Line, LineDecoder};

fuzz_target!(|data: &[u8]| {
    let [limit, chunk, data @ ..] = data else { return };
    let (limit, chunk) = (usize::from(*limit), usize::from(*chunk).max(1));
    let mut decoder = LineDecoder::new(limit);
    let mut lines = Vec::new();
    for bytes in data.chunks(chunk) {
        decoder.buffer_mut().extend_from_slice(bytes);
        while let Some(line) = decoder.next_line() {
            lines.push(line);
        }
    }
    lines.extend(decoder.finish());

    // A byte order mark may precede the first line with a byte.
    let mut has_begun = false;
    let mut expected = data.split(|byte| *byte == b'\n').filter_map(|line| {
        let too_long = line.len() > limit;
        let mark = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| !has_begun);
        has_begun |= !line.is_empty() && !too_long;
        let without_mark = mark.unwrap_or(line);
        let line_text = without_mark.trim_ascii();
        (too_long || !line_text.is_empty()).then_some((too_long, line, line_text))
    });
    for line in lines {
        let (too_long, whole, text) = expected.next().expect("no more lines than there are");
        match line {
            Line::Complete(line) => assert!(!too_long && line == text),
            Line::TooLong(ends) => {
                assert!(too_long && ends.length == whole.len());
                assert!(whole.starts_with(&ends.head) && whole.ends_with(&ends.tail));
            }
            _ => unreachable!("there are two kinds of lines"),
        }
    }
    assert_eq!(expected.next(), None);
});

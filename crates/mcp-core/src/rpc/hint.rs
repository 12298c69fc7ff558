use super::RequestId;

/// The members found in an invalid or incomplete message.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageHint {
    /// The id.
    pub id: Option<RequestId>,
    /// Whether it has a method: it is a request or a notification, not a response.
    pub is_call: bool,
    /// Whether it has `jsonrpc`, `result` or `error`, so that it was meant as a JSON-RPC message.
    pub is_rpc: bool,
}

impl MessageHint {
    /// Reads the complete members in the first bytes of a message, and an id at the end of its last bytes.
    /// Linear in the number of bytes.
    pub fn of(head: &[u8], tail: &[u8]) -> Self {
        let mut hint = Self::default();
        members(head, &mut hint);
        if hint.id.is_none() {
            hint.id = last_id(tail);
        }
        hint
    }
}

/// Reads the complete members in the first bytes of an object.
fn members(head: &[u8], hint: &mut MessageHint) {
    let mut rest = match head.trim_ascii_start().strip_prefix(b"{") {
        Some(rest) => rest.trim_ascii_start(),
        None => return,
    };
    while let Some((key, after)) = value(rest) {
        let Some(after) = after.trim_ascii_start().strip_prefix(b":") else { return };
        let key = unquoted(key);
        hint.is_call |= key == b"method";
        hint.is_rpc |= matches!(key, b"jsonrpc" | b"result" | b"error");
        let Some((text, after)) = value(after.trim_ascii_start()) else { return };
        if key == b"id" {
            hint.id = id(text);
        }
        let Some(after) = after.trim_ascii_start().strip_prefix(b",") else { return };
        rest = after.trim_ascii_start();
    }
}

/// The name of a member. Programs that print an object of their language write it in single quotes.
fn unquoted(key: &[u8]) -> &[u8] {
    let between = |quote| key.strip_prefix(&[quote])?.strip_suffix(&[quote]);
    between(b'"').or_else(|| between(b'\'')).unwrap_or(key)
}

/// Splits off the first JSON value, if it is complete. A text may be in single quotes.
fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, byte) in bytes.iter().enumerate() {
        if quote.is_some() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                byte if quote == Some(*byte) => quote = None,
                _ => {}
            }
            if quote.is_none() && depth == 0 {
                return Some(bytes.split_at(at + 1));
            }
            continue;
        }
        match byte {
            b'"' | b'\'' => quote = Some(*byte),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Some(bytes.split_at(at + 1)),
            b'}' | b']' | b',' if depth == 0 => return Some(bytes.split_at(at)),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Finds an id that is the last member of a message, or the one before a last `"jsonrpc"`.
fn last_id(tail: &[u8]) -> Option<RequestId> {
    let at = memchr::memmem::rfind(tail, b"\"id\"")?;
    let rest = tail[at + 4..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let (text, mut rest) = value(rest)?;
    rest = rest.trim_ascii_start();
    if let Some(more) = rest.strip_prefix(b",") {
        let more = more.trim_ascii_start().strip_prefix(b"\"jsonrpc\"")?;
        let more = more.trim_ascii_start().strip_prefix(b":")?;
        rest = more.trim_ascii_start().strip_prefix(b"\"2.0\"")?.trim_ascii_start();
    }
    // Exactly one closing brace: the id is a member of the envelope, not of a result.
    (rest.trim_ascii() == b"}").then(|| id(text)).flatten()
}

fn id(text: &[u8]) -> Option<RequestId> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    if let Ok(number) = text.parse() {
        return Some(RequestId::Number(number));
    }
    let string = text.strip_prefix('"')?.strip_suffix('"')?;
    (!string.contains('\\')).then(|| string.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(text: &str) -> MessageHint {
        let text = text.as_bytes();
        MessageHint::of(&text[..text.len().min(4096)], &text[text.len().saturating_sub(4096)..])
    }

    #[test]
    fn an_id_is_found_at_either_end_of_the_envelope() {
        let big = "y".repeat(9000);
        let id = |text: &str| hint(&text.replace('#', &big)).id;
        assert_eq!(id(r##"{"result":{"a":"#"},"jsonrpc":"2.0","id":12}"##), Some(12.into()));
        assert_eq!(
            id(r##"{"result":{"a":"#"}, "id" : "x" , "jsonrpc" : "2.0" }"##),
            Some("x".into())
        );
        assert_eq!(id(r##"{"jsonrpc":"2.0","result":{"a":"#","id":3}}"##), None);
        assert_eq!(id(r##"{"result":{"id":5,"a":"#"},"id":6}"##), Some(6.into()));
        assert_eq!(id("#"), None);
        assert!(hint(&format!(r#"{{"method":"notifications/message","params":"{big}"}}"#)).is_call);
        assert!(!hint(&format!(r#"{{"result":{{"method":1,"b":"{big}"}}}}"#)).is_call);
    }

    #[test]
    fn members_before_a_syntax_error_are_found() {
        for text in [
            r#"{"jsonrpc":"2.0","id":5,"result":[[[["#,
            "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"text\":\"a\tb\"}}",
            r#"{"result":NaN,"jsonrpc":"2.0","id":5}"#,
            r#"{'jsonrpc': '2.0', 'id': 5, 'result': {'text': "it's", 'is_error': False}}"#,
        ] {
            let hint = hint(text);
            assert_eq!(hint.id, Some(5.into()), "{text}");
            assert!(hint.is_rpc && !hint.is_call, "{text}");
        }
        assert!(!hint(r#"{"level":"info","id":5,"text":"#).is_rpc);
    }
}

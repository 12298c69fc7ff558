/// Whether this is the MIME type of a page, regardless of case, spaces and quotes.
pub(crate) fn is_app(mime: &str) -> bool {
    let mut parts = mime.split(';').map(str::trim);
    parts.next().is_some_and(|it| it.eq_ignore_ascii_case("text/html"))
        && parts.any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let value = value.trim().trim_matches('"');
                name.trim().eq_ignore_ascii_case("profile") && value == "mcp-app"
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_recognized_by_their_profile() {
        for mime in [
            "text/html;profile=mcp-app",
            "Text/HTML; Profile = \"mcp-app\"",
            "text/html; charset=utf-8; profile=mcp-app",
        ] {
            assert!(is_app(mime), "{mime}");
        }
        for mime in [
            "",
            "text/html",
            "text/html;profile=mcp-app-2",
            "text/plain;profile=mcp-app",
            "text/html;x=profile=mcp-app",
        ] {
            assert!(!is_app(mime), "{mime}");
        }
    }
}

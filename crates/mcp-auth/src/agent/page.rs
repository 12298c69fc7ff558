//! The page that the browser shows after a login.

use std::fmt::Write as _;

use crate::error::Error;

/// The page: static, without scripts or external resources.
pub(crate) fn page(server: &str, outcome: &Result<(), Error>) -> String {
    let (title, text) = match outcome {
        Ok(()) => ("Logged in", format!("The login to {server} is complete.")),
        Err(error) => ("The login failed", format!("The login to {server} failed: {error}.")),
    };
    let text = escaped(&text);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><h1>{title}</h1><p>{text}</p><p>You can close this page.</p></body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn text_of_peers_is_escaped() {
        let error = Error::new(ErrorKind::Refused, "<script>alert('x')</script>");
        let page = page("https://h/\"><b>", &Err(error));
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(page.contains("The login failed"));
    }
}

//! URI templates.

/// A URI template for matching: `{name}` matches one or more characters except `/`, `?` and `#`, `{+name}` matches any.
///
/// Spec: server/resources#resource-templates
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Variable { name: String, reserved: bool },
}

impl Template {
    /// `None` if it is not a template, or has another operator of RFC 6570.
    pub(crate) fn parse(mut text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        while let Some((literal, rest)) = text.split_once('{') {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (expression, rest) = rest.split_once('}')?;
            let reserved = expression.starts_with('+');
            let name = expression.strip_prefix('+').unwrap_or(expression);
            let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            if name.is_empty() || !name.chars().all(is_name) {
                return None;
            }
            parts.push(Part::Variable { name: name.to_owned(), reserved });
            text = rest;
        }
        if !text.is_empty() {
            parts.push(Part::Literal(text.to_owned()));
        }
        Some(Self { parts })
    }

    /// The variables in `uri`, percent-decoded; `None` if it does not match.
    ///
    /// A variable ends at the first occurrence of the next literal, and the last literal must end the URI. Linear time
    /// for any URI.
    pub(crate) fn matches(&self, uri: &str) -> Option<Vec<(String, String)>> {
        let mut rest = uri;
        let mut variables = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let (name, reserved) = match part {
                Part::Literal(literal) => {
                    rest = rest.strip_prefix(literal.as_str())?;
                    continue;
                }
                Part::Variable { name, reserved } => (name, *reserved),
            };
            // A variable has at least one character.
            let first = rest.chars().next()?.len_utf8();
            let end = match self.parts.get(at + 1..)? {
                [] => rest.len(),
                [Part::Literal(last)] => rest.strip_suffix(last.as_str())?.len(),
                [Part::Literal(next), ..] => first + rest[first..].find(next.as_str())?,
                [Part::Variable { .. }, ..] => first,
            };
            let value = &rest[..end];
            if value.is_empty() || (!reserved && value.contains(['/', '?', '#'])) {
                return None;
            }
            variables.push((name.clone(), percent_decode(value)?));
            rest = &rest[end..];
        }
        rest.is_empty().then_some(variables)
    }
}

fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn matched(template: &str, uri: &str) -> Option<Vec<String>> {
        let variables = Template::parse(template).unwrap().matches(uri)?;
        Some(variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    #[test]
    fn variables_are_found_and_decoded() {
        for (template, uri, expected) in [
            ("test://item/{id}", "test://item/7", Some("id=7")),
            ("test://item/{id}", "test://item/a%20b%C3%A9", Some("id=a bé")),
            ("test://item/{id}", "test://item/", None),
            ("test://item/{id}", "test://item/7/8", None),
            ("test://item/{id}", "test://item/7?x", None),
            ("test://item/{id}", "test://item/%zz", None),
            ("test://item/{id}", "test://item/%ff", None),
            ("test://item/{id}", "test://item/%4", None),
            ("test://item/{id}", "test://other/7", None),
            ("file:///{+path}", "file:///a/b?c", Some("path=a/b?c")),
            ("{a}-{b}", "x-y-z", Some("a=x b=y-z")),
            ("{a}-{b}.txt", "x-y.txt.txt", Some("a=x b=y.txt")),
            ("{a}{b}", "éyz", Some("a=é b=yz")),
            ("{a}-", "-", None),
            ("x{a}x", "x", None),
            ("x{a}x", "xx", None),
            ("plain", "plain", Some("")),
            ("plain", "plainer", None),
        ] {
            assert_eq!(
                matched(template, uri).map(|them| them.join(" ")).as_deref(),
                expected,
                "{template} {uri}"
            );
        }
    }

    #[test]
    fn other_operators_are_not_supported() {
        for template in ["{?q}", "{a", "{}", "{a,b}", "{a*}", "{/x}"] {
            assert!(Template::parse(template).is_none(), "{template}");
        }
    }
}

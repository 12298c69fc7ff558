/// Maximum length of a name; longer names get no suggestion.
const MAX_LENGTH: usize = 128;
/// Maximum number of known names that are compared.
const MAX_KNOWN: usize = 1000;

/// Returns the known name most similar to `name`, for the "did you mean" of errors: the one with the fewest edits, at
/// most a third of its letters. Case, `-` and `_` are ignored.
///
/// ```
/// use mcp_core::nearest;
///
/// assert_eq!(nearest("serch_books", ["search_books", "buy_book"]), Some("search_books"));
/// assert_eq!(nearest("open", ["search_books", "buy_book"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > MAX_LENGTH {
        return None;
    }
    let wanted = folded(name);
    let candidates = known.into_iter().take(MAX_KNOWN).filter(|it| it.len() <= MAX_LENGTH);
    let distances = candidates.map(|it| (strsim::damerau_levenshtein(&wanted, &folded(it)), it));
    let (distance, best) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= wanted.chars().count()).then_some(best)
}

fn folded(name: &str) -> String {
    name.chars().filter(|it| !matches!(it, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_names_with_few_edits_are_similar() {
        let known = ["weather_forecast", "weather_now", "shop_buy"];
        for (name, expected) in [
            ("weather_forcast", Some("weather_forecast")),
            ("weatherForecast", Some("weather_forecast")),
            ("wheather-now", Some("weather_now")),
            ("shop_bye", Some("shop_buy")),
            ("sell", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
        assert_eq!(nearest("x", []), None);
    }
}

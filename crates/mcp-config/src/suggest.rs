//! "Did you mean": the known word nearest to one that is not known.

/// The nearest of `known`, if it is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = fold(word);
    let allowed = if plain.len() < 5 { 1 } else { 2 };
    let near =
        known.into_iter().filter(|it| *it != word).map(|it| (distance(&plain, &fold(it)), it));
    near.filter(|(distance, it)| *distance <= allowed && *distance < it.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, it)| it)
}

/// `, did you mean "x"?` or nothing.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|it| format!(", did you mean {it:?}?")).unwrap_or_default()
}

/// Case and separators are no difference.
fn fold(word: &str) -> Vec<char> {
    let letters = word.chars().take(64).filter(|c| !matches!(c, '-' | '_' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// How many letters to insert, remove, replace or swap with a neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let mut best = replaced.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_none() {
        let known = ["command", "args", "env", "url", "headers"];
        for (word, wanted) in [
            ("comand", Some("command")),
            ("commnad", Some("command")),
            ("Command", Some("command")),
            ("agrs", Some("args")),
            ("header", Some("headers")),
            ("trust", None),
            ("uri", Some("url")),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), wanted, "{word}");
        }
    }
}

//! "Did you mean": the known word nearest to an unknown one.

/// Longer words have no suggestion.
const MAX_LETTERS: usize = 48;

/// The nearest of `known`, if it is one or two edits away.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = Folded::new(word)?;
    // Two edits make another word of a short one.
    let allowed = if plain.len < 4 { 1 } else { 2 };
    let mut best: Option<(usize, &str)> = None;
    for it in known {
        let Some(other) = Folded::new(it) else { continue };
        if *it == *word || plain.len.abs_diff(other.len) > allowed {
            continue;
        }
        let distance = distance(plain.letters(), other.letters());
        let is_near = distance <= allowed && distance < other.len;
        if is_near && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, it));
        }
    }
    best.map(|(_, it)| it)
}

/// `, did you mean "x"?` or nothing.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|it| format!(", did you mean {it:?}?")).unwrap_or_default()
}

/// A word without case and separators, on the stack.
struct Folded {
    letters: [char; MAX_LETTERS],
    len: usize,
}

impl Folded {
    fn new(word: &str) -> Option<Self> {
        let mut folded = Self { letters: ['\0'; MAX_LETTERS], len: 0 };
        let letters = word.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.'));
        for letter in letters.flat_map(char::to_lowercase) {
            *folded.letters.get_mut(folded.len)? = letter;
            folded.len += 1;
        }
        Some(folded)
    }

    fn letters(&self) -> &[char] {
        &self.letters[..self.len]
    }
}

/// How many letters to insert, remove, replace or swap with a neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows = [[0_usize; MAX_LETTERS + 1]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for (i, a) in from.iter().enumerate() {
        let [before, above, row] = [(i + 2) % 3, i % 3, (i + 1) % 3];
        rows[row][0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = rows[above][j] + usize::from(a != b);
            let mut best = replaced.min(rows[above][j + 1] + 1).min(rows[row][j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(rows[before][j - 1] + 1);
            }
            rows[row][j + 1] = best;
        }
    }
    rows[from.len() % 3][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_none() {
        let known = ["command", "args", "env", "url", "headers", "environment", "cwd"];
        for (word, wanted) in [
            ("comand", Some("command")),
            ("commnad", Some("command")),
            ("Command", Some("command")),
            ("agrs", Some("args")),
            ("arg", Some("args")),
            ("arguments", None),
            ("header", Some("headers")),
            ("enviroment", Some("environment")),
            ("enviromnent", Some("environment")),
            ("trust", None),
            ("uri", Some("url")),
            ("id", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), wanted, "{word}");
        }
        let long = "c".repeat(100);
        assert_eq!(nearest(&long, known), None);
    }
}

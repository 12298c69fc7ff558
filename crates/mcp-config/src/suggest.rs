//! "Did you mean": the known word nearest to an unknown one.

/// Maximum length of a word; longer words get no suggestion.
const MAX_LETTERS: usize = 48;

/// The nearest of `known`, if it is one or two edits away.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = Folded::new(word)?;
    // Two edits turn a short word into an unrelated one.
    let allowed = if plain.len < 4 { 1 } else { 2 };
    let mut best: Option<(usize, &str)> = None;
    for it in known {
        let Some(other) = Folded::new(it) else { continue };
        if *it == *word || !plain.may_be_near(&other, allowed) {
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
    letters: [u8; MAX_LETTERS],
    len: usize,
    /// Bit set of the letters in the word.
    set: u64,
}

impl Folded {
    /// `None` for a word that is too long, or not ASCII as all known ones are.
    fn new(word: &str) -> Option<Self> {
        let mut folded = Self { letters: [0; MAX_LETTERS], len: 0, set: 0 };
        for byte in word.bytes().filter(|byte| !matches!(byte, b'-' | b'_' | b' ' | b'.')) {
            let letter = byte.is_ascii().then(|| byte.to_ascii_lowercase())?;
            *folded.letters.get_mut(folded.len)? = letter;
            folded.len += 1;
            folded.set |= 1 << (letter & 63);
        }
        Some(folded)
    }

    fn letters(&self) -> &[u8] {
        &self.letters[..self.len]
    }

    /// An edit changes the length by one at most, and the set by two letters.
    fn may_be_near(&self, other: &Self, allowed: usize) -> bool {
        self.len.abs_diff(other.len) <= allowed
            && (self.set ^ other.set).count_ones() as usize <= 2 * allowed
    }
}

/// The number of insertions, deletions, substitutions and transpositions.
fn distance(from: &[u8], to: &[u8]) -> usize {
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
    fn typos_get_a_suggestion_and_other_words_none() {
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

//! The difference between two versions of a file.

/// The removed and added lines, prefixed with `-` and `+`, among the unchanged lines.
pub(super) fn diff(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let first = same(&mut before.iter().zip(&after));
    let (rest_before, rest_after) = (&before[first..], &after[first..]);
    let last = same(&mut rest_before.iter().rev().zip(rest_after.iter().rev()));
    let context = before[first.saturating_sub(1)..first].iter().map(|it| format!("  {it}"));
    let gone = rest_before[..rest_before.len() - last].iter().map(|it| format!("- {it}"));
    let new = rest_after[..rest_after.len() - last].iter().map(|it| format!("+ {it}"));
    let end = rest_before[rest_before.len() - last..].iter().take(1).map(|it| format!("  {it}"));
    context.chain(gone).chain(new).chain(end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn what_stays_is_left_out() {
        assert_eq!(diff("a\nb\nc\nd", "a\nb\nx\ny\nd"), "  b\n- c\n+ x\n+ y\n  d");
        assert_eq!(diff("", "a"), "+ a");
        assert_eq!(diff("a\na", "a\na\na"), "  a\n+ a");
    }
}

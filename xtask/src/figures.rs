//! Figures of an earlier version, committed as a file, which a change must not exceed.

use std::fmt::Write as _;
use std::fs;

use crate::run::{Result, command, output, read, root};

/// How much a figure may grow, as a factor.
const LIMIT: f64 = 1.02;

/// The same for figures of other tools, which count differently. A figure with a floor is then compared as its ratio to
/// the floor, which was measured with the same tools.
const LIMIT_OF_OTHER_TOOLS: f64 = 1.1;

/// The start of the line that names the tools.
const TOOLS: &str = "# measured with ";

/// A measured value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// That of the minimum that any client needs.
    pub(crate) floor: Option<f64>,
}

/// A file of figures.
pub(crate) struct Committed {
    renew: &'static str,
    tools: String,
    figures: Vec<Figure>,
}

/// What a figure depends on besides the code.
pub(crate) enum Needs {
    Compiler,
    CompilerAndValgrind,
}

impl Figure {
    /// From a line of name, value and floor, separated by tabs.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let mut words = line.split('\t');
        let name = words.next().unwrap_or_default().to_owned();
        let mut number = || words.next().map(str::parse).transpose();
        let numbers = number().and_then(|value| Ok((value, number()?)));
        match numbers {
            Ok((Some(value), floor)) => Ok(Self { name, value, floor }),
            _ => Err(format!("no figure: {line:?}")),
        }
    }
}

/// The versions of the tools that figures depend on.
pub(crate) fn tools(needs: &Needs) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let version = output(&mut command(rustc, "--version --verbose"))?;
    let field = |name| version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let mut tools = format!("{}, {}", version.lines().next().unwrap_or_default(), field("host: "));
    if let Needs::CompilerAndValgrind = needs {
        let valgrind = output(&mut command("valgrind", "--version"))?;
        let libc = output(&mut command("getconf", "GNU_LIBC_VERSION")).unwrap_or_default();
        write!(tools, ", {}, {}", valgrind.trim(), libc.trim()).map_err(|it| it.to_string())?;
    }
    Ok(tools)
}

impl Committed {
    /// Reads `tests/benches/NAME`. `renew` is the command that writes it.
    pub(crate) fn read(name: &str, renew: &'static str) -> Result<Self> {
        let text = read(root().join("tests/benches").join(name))?;
        let tools = text.lines().find_map(|line| line.strip_prefix(TOOLS)).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let figures = lines.map(Figure::parse).collect::<Result<Vec<_>>>()?;
        Ok(Self { renew, tools: tools.to_owned(), figures })
    }

    /// Whether the figures were measured with these tools.
    pub(crate) fn is_of(&self, tools: &str) -> bool {
        self.tools == tools
    }

    /// Prints each figure next to its committed value, and fails if one grew too much.
    pub(crate) fn check(&self, tools: &str, figures: &[Figure]) -> Result {
        let is_same = self.is_of(tools);
        if !is_same {
            println!(
                "note: the committed figures were measured with {}, and these with {tools}. So ratios to the floors \
                 are compared where there are floors, and figures may grow by {:.0} % instead of {:.0} %. `{}` \
                 renews them.",
                self.tools,
                (LIMIT_OF_OTHER_TOOLS - 1.0) * 100.0,
                (LIMIT - 1.0) * 100.0,
                self.renew
            );
        }
        let mut problems = Vec::new();
        let mut has_shrunk = false;
        println!("{:<28} {:>14} {:>14} {:>8}", "figure", "committed", "now", "change");
        for new in figures {
            let Some(old) = self.figures.iter().find(|old| old.name == new.name) else {
                problems.push(format!("{} is not committed", new.name));
                continue;
            };
            let growth = growth(old, new, is_same);
            let (old, now) = (old.value, new.value);
            println!("{:<28} {old:>14.1} {now:>14.1} {:>+7.1}%", new.name, (growth - 1.0) * 100.0);
            let limit = if is_same { LIMIT } else { LIMIT_OF_OTHER_TOOLS };
            if growth > limit {
                problems.push(format!("{} grew by {:.1} %", new.name, (growth - 1.0) * 100.0));
            }
            has_shrunk |= is_same && growth < 2.0 - LIMIT;
        }
        for old in &self.figures {
            if !figures.iter().any(|new| new.name == old.name) {
                problems.push(format!("{} is not measured any more", old.name));
            }
        }
        if has_shrunk {
            println!("note: figures became smaller; `{}` keeps it so", self.renew);
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(format!("{}; if it has to be so, `{}`", problems.join("; "), self.renew)),
        }
    }
}

/// The factor by which a figure grew. With other tools it is that of the ratio to its floor, if there is one.
fn growth(old: &Figure, new: &Figure, is_same: bool) -> f64 {
    let growth = new.value / old.value;
    match (old.floor, new.floor) {
        (Some(old), Some(new)) if !is_same => growth / (new / old),
        _ => growth,
    }
}

/// Writes `tests/benches/NAME`.
pub(crate) fn bless(name: &str, renew: &str, tools: &str, figures: &[Figure]) -> Result {
    let mut text = format!("# Written by `{renew}`.\n{TOOLS}{tools}\n");
    for Figure { name, value, floor } in figures {
        let floor = floor.map_or_else(String::new, |floor| format!("\t{floor}"));
        text.push_str(&format!("{name}\t{value}{floor}\n"));
        println!("{name:<28} {value:>14.1}");
    }
    let path = root().join("tests/benches").join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn figure(name: &str, value: f64, floor: Option<f64>) -> Figure {
        Figure { name: name.to_owned(), value, floor }
    }

    fn committed(figures: &[Figure]) -> Committed {
        Committed { renew: "renew", tools: "rustc 1".to_owned(), figures: figures.to_vec() }
    }

    #[test]
    fn a_line_is_a_figure() {
        assert_eq!(Figure::parse("a b\t1.5\t1"), Ok(figure("a b", 1.5, Some(1.0))));
        assert_eq!(Figure::parse("a\t2"), Ok(figure("a", 2.0, None)));
        for line in ["", "a", "a\tx", "a\t1\tx"] {
            Figure::parse(line).unwrap_err();
        }
    }

    #[test]
    fn growth_fails() {
        let committed = committed(&[figure("a", 100.0, Some(50.0)), figure("b", 10.0, None)]);
        let now = |a, floor, b| [figure("a", a, floor), figure("b", b, None)];
        let check = |tools, figures: [Figure; 2]| committed.check(tools, &figures);
        check("rustc 1", now(101.9, None, 10.0)).unwrap();
        check("rustc 1", now(50.0, None, 5.0)).unwrap();
        let error = check("rustc 1", now(103.0, None, 11.0)).unwrap_err();
        assert!(error.contains("a grew by 3.0 %; b grew by 10.0 %"), "{error}");
        // With another compiler the floor tells what is its part.
        check("rustc 2", now(150.0, Some(75.0), 10.0)).unwrap();
        check("rustc 2", now(108.0, Some(50.0), 10.9)).unwrap();
        check("rustc 2", now(112.0, Some(50.0), 10.0)).unwrap_err();
    }

    #[test]
    fn a_figure_on_one_side_only_fails() {
        let committed = committed(&[figure("a", 1.0, None)]);
        let both = [figure("a", 1.0, None), figure("b", 1.0, None)];
        assert!(committed.check("rustc 1", &both).unwrap_err().contains("b is not committed"));
        assert!(committed.check("rustc 1", &[]).unwrap_err().contains("a is not measured"));
    }
}

//! The command line.

use std::ops::Range;

/// Number of worlds without `--seeds`.
const SEEDS: u64 = 500;

pub(crate) struct Options {
    pub(crate) seeds: Range<u64>,
    /// Whether to print the events of each world.
    pub(crate) is_traced: bool,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut from, mut count, mut is_traced) = (1, SEEDS, false);
        while let Some(arg) = args.next() {
            let mut number = || {
                let number = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
                number.parse::<u64>().map_err(|_| format!("{arg} {number}: not a number"))
            };
            match &*arg {
                "--seeds" => count = number()?,
                "--from" => from = number()?,
                "--seed" => (from, count, is_traced) = (number()?, 1, true),
                _ => return Err(format!("unknown option {arg}")),
            }
        }
        let to = from.checked_add(count).ok_or("there are not so many seeds")?;
        Ok(Self { seeds: from..to, is_traced })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_seeds() {
        let parse = |line: &str| {
            let options = Options::parse(line.split_whitespace().map(str::to_owned));
            options.map(|options| (options.seeds, options.is_traced))
        };
        assert_eq!(parse(""), Ok((1..501, false)));
        assert_eq!(parse("--seeds 3 --from 10"), Ok((10..13, false)));
        assert_eq!(parse("--seed 7"), Ok((7..8, true)));
        assert!(parse("--seed").is_err() && parse("--seeds x").is_err() && parse("7").is_err());
    }
}

//! Resources of this process over time.

use std::{collections::HashMap, fs, time::Duration};

use tokio::runtime::Handle;

/// Tolerance for memory, in KiB: caches of the allocator.
const MEMORY_SLACK: u64 = 4096;
/// Tolerance for memory, in percent.
const MEMORY_SLACK_PERCENT: u64 = 10;
/// Tolerance for descriptors: idle connections.
const DESCRIPTOR_SLACK: u64 = 4;

/// Resources of the process at rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// Resident memory, in KiB.
    pub(crate) memory: u64,
    pub(crate) descriptors: u64,
    /// Descendant processes, including zombies.
    pub(crate) children: u64,
    /// Tasks of the runtime.
    pub(crate) tasks: u64,
}

impl Sample {
    pub(crate) fn take(at: Duration) -> Result<Self, String> {
        let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let descriptors = fs::read_dir("/proc/self/fd").map_err(|error| error.to_string())?;
        Ok(Self {
            at,
            memory: memory.ok_or("/proc/self/status has no VmRSS")?,
            descriptors: descriptors.count() as u64,
            children: descendants().len() as u64,
            tasks: Handle::current().metrics().num_alive_tasks() as u64,
        })
    }
}

/// The processes below this one.
pub(crate) fn descendants() -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let parents: HashMap<u32, u32> = processes
        .filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name in parentheses may contain anything.
            let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let own = std::process::id();
    let is_below = |mut pid: u32| {
        // Parents may change while the chain is followed.
        for _ in 0..64 {
            match parents.get(&pid) {
                Some(parent) if *parent == own => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    parents.keys().copied().filter(|pid| is_below(*pid)).collect()
}

/// Why the curve is not flat, if it is not: compares its last quarter with its second one. In the first quarter, pools
/// and caches fill.
pub(crate) fn growth(curve: &[Sample]) -> Result<(), String> {
    let quarter = curve.len() / 4;
    if quarter == 0 {
        return Err(format!("{} rounds are too few to compare", curve.len()));
    }
    let (early, late) = (&curve[quarter..2 * quarter], &curve[curve.len() - quarter..]);
    let memory = |part| median(part, |sample| sample.memory);
    let (before, after) = (memory(early), memory(late));
    if after > before + before * MEMORY_SLACK_PERCENT / 100 + MEMORY_SLACK {
        return Err(format!("the memory grew from {before} KiB to {after} KiB"));
    }
    flat("descriptors", early, late, |sample| sample.descriptors, DESCRIPTOR_SLACK)?;
    flat("children", early, late, |sample| sample.children, 0)?;
    flat("tasks", early, late, |sample| sample.tasks, DESCRIPTOR_SLACK)
}

fn flat(
    what: &str,
    early: &[Sample],
    late: &[Sample],
    of: fn(&Sample) -> u64,
    slack: u64,
) -> Result<(), String> {
    let (before, after) = (median(early, of), median(late, of));
    match after > before + slack {
        true => Err(format!("the {what} grew from {before} to {after}")),
        false => Ok(()),
    }
}

fn median(part: &[Sample], of: fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = part.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn curve(memory: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> u64) -> Vec<Sample> {
        let sample = |round: u64| Sample {
            at: Duration::from_secs(round),
            memory: memory(round),
            descriptors: descriptors(round),
            children: 5,
            tasks: 9,
        };
        (0..16).map(sample).collect()
    }

    #[test]
    fn growth_is_detected_and_a_warm_up_is_ignored() {
        assert_eq!(growth(&curve(|round| 50_000 + round.min(3) * 10_000, |_| 30)), Ok(()));
        let leak = growth(&curve(|round| 50_000 + round * 2_000, |_| 30)).unwrap_err();
        assert!(leak.contains("memory"), "{leak}");
        let leak = growth(&curve(|_| 50_000, |round| 30 + round)).unwrap_err();
        assert!(leak.contains("descriptors"), "{leak}");
        assert!(growth(&curve(|_| 1, |_| 1)[..3]).is_err());
    }
}

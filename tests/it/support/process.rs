//! Processes by their numbers.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Kills a process, which has no say in it.
pub(crate) fn kill(pid: u32) {
    kill_process(known(pid), Signal::KILL).unwrap();
}

/// Whether there is such a process.
pub(crate) fn runs(pid: u32) -> bool {
    test_kill_process(known(pid)).is_ok()
}

fn known(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

//! Processes by id.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Kills a process with SIGKILL.
pub(crate) fn kill(pid: u32) {
    kill_process(known(pid), Signal::KILL).unwrap();
}

/// Whether a process exists.
pub(crate) fn runs(pid: u32) -> bool {
    test_kill_process(known(pid)).is_ok()
}

fn known(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

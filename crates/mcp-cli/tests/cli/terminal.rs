//! Forms, prompts and progress at a terminal, and bytes, which are never written there.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Child,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{
    answers::asking,
    support::{Served, command},
};

/// The command at a terminal of 80 columns.
struct AtTerminal {
    child: Child,
    keys: File,
    shown: Arc<Mutex<String>>,
}

impl AtTerminal {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let pty = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&pty).unwrap();
        unlockpt(&pty).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&pty, size).unwrap();
        let name = ptsname(&pty, Vec::new()).unwrap();
        let flags = OFlags::NOCTTY.bits().cast_signed();
        let mut options = OpenOptions::new();
        let terminal = options.read(true).write(true).custom_flags(flags);
        let terminal = terminal.open(name.to_str().unwrap()).unwrap();
        let mut command = command(folder);
        command.args(args).env("TERM", "xterm").env_remove("NO_COLOR");
        command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap());
        let child = command.stderr(terminal).spawn().unwrap();
        let (keys, mut screen) = (File::from(pty.try_clone().unwrap()), File::from(pty));
        let shown = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Fails when the command has exited.
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { child, keys, shown }
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Waits until a text is shown.
    #[track_caller]
    fn sees(&self, text: &str) {
        let start = Instant::now();
        while !self.shown().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(20), "no {text:?} in {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The exit code and the complete output.
    fn ends(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        // The rest of the output.
        std::thread::sleep(Duration::from_millis(100));
        (code, self.shown())
    }
}

#[test]
fn a_form_is_filled_in() {
    let served = asking();
    let folder = tempfile::tempdir().unwrap();
    let mut call = AtTerminal::start(folder.path(), &["call", &served.url, "order"]);
    call.sees("Who and how many?");
    call.sees("Who it is for\r\nname: ");
    call.types("Ann\r");
    call.sees("count");
    call.types("\u{8}12\r");
    call.sees("must be at most 9\r\n");
    call.types("\u{8}3\r");
    call.sees("Send this?");
    call.types("y");
    let (code, shown) = call.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains(r#"{"action":"accept","content":{"name":"Ann","count":3}}"#), "{shown}");
}

#[test]
fn ctrl_c_in_a_form_ends_it() {
    let served = asking();
    let folder = tempfile::tempdir().unwrap();
    let mut call = AtTerminal::start(folder.path(), &["call", &served.url, "order"]);
    call.sees("name");
    call.types("\u{3}");
    let (code, shown) = call.ends();
    assert_eq!(code, Some(130), "{shown}");
}

#[test]
fn ctrl_c_at_a_prompt_shows_the_cursor_again() {
    let served = asking();
    let folder = tempfile::tempdir().unwrap();
    let mut call = AtTerminal::start(folder.path(), &["call", &served.url, "order"]);
    call.sees("name");
    call.types("Ann\r");
    call.sees("count");
    call.types("\r");
    call.sees("Send this?");
    call.sees("\u{1b}[?25l");
    call.types("\u{3}");
    let (code, shown) = call.ends();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.rfind("\u{1b}[?25h") > shown.rfind("\u{1b}[?25l"), "{shown:?}");
}

#[test]
fn progress_is_shown_and_cleared() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let call = AtTerminal::start(folder.path(), &["call", &served.url, "wait", "seconds=2"]);
    call.sees("%");
    call.sees("waiting");
    let (code, shown) = call.ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.ends_with("waited\r\n"), "{shown:?}");
}

#[test]
fn a_program_of_the_workspace_is_asked_about_once() {
    let folder = tempfile::tempdir().unwrap();
    let entry = r#"{"mcpServers": {"it": {"command": "touch", "args": ["started"]}}}"#;
    std::fs::write(folder.path().join("mcp.json"), entry).unwrap();
    let started = folder.path().join("started");
    let mut list = AtTerminal::start(folder.path(), &["list", "it"]);
    list.sees("Start it? [y/N]");
    list.types("n\r");
    assert_eq!(list.ends().0, Some(2));
    assert!(!started.exists());
    let mut list = AtTerminal::start(folder.path(), &["list", "it"]);
    list.sees("Start it? [y/N]");
    list.types("y\r");
    assert_eq!(list.ends().0, Some(4));
    assert!(started.exists());
    // The confirmation is stored until the entry changes.
    let (code, shown) = AtTerminal::start(folder.path(), &["list", "it"]).ends();
    assert!(code == Some(4) && !shown.contains("Start it?"), "{shown}");
    let entry = entry.replace("started", "other");
    std::fs::write(folder.path().join("mcp.json"), entry).unwrap();
    let mut list = AtTerminal::start(folder.path(), &["list", "it"]);
    list.sees("Start it? [y/N]");
    list.types("\r");
    assert_eq!(list.ends().0, Some(2));
}

#[test]
fn what_a_terminal_would_obey_is_escaped_and_bytes_are_refused() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| AtTerminal::start(folder.path(), args).ends();
    let (code, shown) = run(&["read", &served.url, "shop://logo"]);
    assert_eq!(code, Some(2));
    assert!(shown.contains("is not text"), "{shown}");
    let (code, shown) = run(&["call", &served.url, "echo", "text=a\u{1b}]0;title\u{7}b"]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("a\\u{1b}]0;title\\u{7}b"), "{shown:?}");
    // Only names are bold.
    let (_, shown) = run(&["list", &served.url]);
    assert!(shown.contains("\u{1b}[1mecho\u{1b}[0m(text: string)"), "{shown:?}");
}

#[test]
fn a_shell_reads_commands_with_history() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let mut shell = AtTerminal::start(folder.path(), &["shell", &served.url]);
    shell.sees("mcp> ");
    shell.types("call echo text=first\r");
    shell.sees("\nfirst\r\n");
    shell.types("call fail\r");
    shell.sees("the tool failed");
    shell.types("exit\r");
    let (code, shown) = shell.ends();
    assert_eq!(code, Some(0), "{shown}");
    let history = std::fs::read_to_string(folder.path().join("state/mcp/history")).unwrap();
    assert!(history.contains("call echo text=first"), "{history}");
}

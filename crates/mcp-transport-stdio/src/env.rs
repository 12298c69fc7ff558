//! What a child process inherits of the environment.

use std::ffi::{OsStr, OsString};

#[cfg(unix)]
const INHERITED: &[&str] = &["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];

#[cfg(windows)]
const INHERITED: &[&str] = &[
    "APPDATA",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "USERNAME",
    "USERPROFILE",
    // Ours from here on: shells, installers and runtimes fail without them, and none is a secret.
    "COMMONPROGRAMFILES",
    "COMMONPROGRAMFILES(X86)",
    "COMMONPROGRAMW6432",
    "COMPUTERNAME",
    "COMSPEC",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "PROGRAMW6432",
    "PUBLIC",
    "TMP",
    "USERDOMAIN",
    "WINDIR",
];

/// The whole environment of a child.
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// The allow-list, `more` of ours by name, and `own` over both.
    pub(crate) fn new(more: &[OsString], own: &[(OsString, OsString)]) -> Self {
        Self(select(more, own, |name| std::env::var_os(name)))
    }

    pub(crate) fn get(&self, wanted: &str) -> Option<&OsStr> {
        let is_wanted = |name: &OsString| match cfg!(windows) {
            true => name.eq_ignore_ascii_case(wanted),
            false => name == wanted,
        };
        let var = self.0.iter().rev().find(|(name, _)| is_wanted(name));
        var.map(|(_, value)| value.as_os_str())
    }

    pub(crate) fn vars(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

fn select(
    more: &[OsString],
    own: &[(OsString, OsString)],
    get: impl Fn(&OsStr) -> Option<OsString>,
) -> Vec<(OsString, OsString)> {
    let names = INHERITED.iter().map(OsStr::new).chain(more.iter().map(OsString::as_os_str));
    let inherited = names.filter(|name| is_name(name)).filter_map(|name| {
        // A shell function, which some shells would run.
        let value = get(name).filter(|value| !value.as_encoded_bytes().starts_with(b"()"))?;
        Some((name.to_owned(), value))
    });
    inherited.chain(own.iter().cloned()).collect()
}

/// What `std::env::var_os` would take for a mistake is not set anyway.
fn is_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'=' | 0))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn inherits_the_list_and_what_is_named_and_skips_shell_functions() {
        let parent = [
            ("PATH", "/bin"),
            ("HOME", "/root"),
            ("TERM", "() { :; }"),
            ("SECRET", "hush"),
            ("SSL_CERT_FILE", "ca.pem"),
            ("HOOK", "() { evil; }"),
        ];
        let get = |name: &OsStr| {
            let (_, value) = parent.iter().find(|(known, _)| name == *known)?;
            Some(OsString::from(value))
        };
        let more = ["SSL_CERT_FILE", "HOOK", "UNSET", "", "A=B"].map(OsString::from);
        let own = [("HOME".into(), "/tmp".into()), ("KEY".into(), "() is a value".into())];
        let mut found = std::collections::BTreeMap::new();
        for (name, value) in select(&more, &own, get) {
            found.insert(name, value);
        }
        let expected = [
            ("HOME", "/tmp"),
            ("KEY", "() is a value"),
            ("PATH", "/bin"),
            ("SSL_CERT_FILE", "ca.pem"),
        ];
        let expected = expected.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(found, std::collections::BTreeMap::from(expected));
    }
}

//! The environment of a child process.

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
    // Not in the official SDKs: shells, installers and runtimes fail without these. None is a secret.
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

/// The complete environment of a child process.
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// Inherits the allow-list and the variables named in `inherit`, both overridden by `set`.
    pub(crate) fn new(inherit: &[OsString], set: &[(OsString, OsString)]) -> Self {
        Self(select(inherit, set, |name| std::env::var_os(name)))
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
    inherit: &[OsString],
    set: &[(OsString, OsString)],
    get: impl Fn(&OsStr) -> Option<OsString>,
) -> Vec<(OsString, OsString)> {
    let names = INHERITED.iter().map(OsStr::new).chain(inherit.iter().map(OsString::as_os_str));
    let inherited = names.filter(|name| is_name(name)).filter_map(|name| {
        // A shell function, which some shells would execute.
        let value = get(name).filter(|value| !value.as_encoded_bytes().starts_with(b"()"))?;
        Some((name.to_owned(), value))
    });
    inherited.chain(set.iter().cloned()).collect()
}

/// Whether this can be the name of a variable. `std::env::var_os` may panic on any other.
fn is_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'=' | 0))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_allow_list_and_named_variables_are_inherited_except_shell_functions() {
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
        let inherit = ["SSL_CERT_FILE", "HOOK", "UNSET", "", "A=B"].map(OsString::from);
        let set = [("HOME".into(), "/tmp".into()), ("KEY".into(), "() is a value".into())];
        let mut found = std::collections::BTreeMap::new();
        for (name, value) in select(&inherit, &set, get) {
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

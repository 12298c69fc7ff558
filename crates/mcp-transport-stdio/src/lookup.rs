//! Finds the file of a command: to start it on Windows, and to explain on Unix why it could not be started.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Finds the file of `program`: a path relative to `cwd`, or a name on `path`. If the name has none of the
/// `extensions`, each of them is tried.
pub(crate) fn find(
    program: &OsStr,
    cwd: &Path,
    path: Option<&OsStr>,
    extensions: &[OsString],
) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    if is_path(program) {
        return with_extension(cwd.join(program), extensions);
    }
    // The default of operating systems if PATH is not set.
    let path = path.unwrap_or(OsStr::new(if cfg!(windows) { "" } else { "/bin:/usr/bin" }));
    std::env::split_paths(path)
        .find_map(|directory| with_extension(cwd.join(directory).join(program), extensions))
}

/// Whether it is a path rather than a name.
pub(crate) fn is_path(program: &OsStr) -> bool {
    program.as_encoded_bytes().iter().any(|byte| std::path::is_separator(char::from(*byte)))
}

fn with_extension(file: PathBuf, extensions: &[OsString]) -> Option<PathBuf> {
    let has_one = file.extension().is_some_and(|extension| {
        extensions.iter().any(|known| {
            known
                .as_encoded_bytes()
                .strip_prefix(b".")
                .is_some_and(|known| known.eq_ignore_ascii_case(extension.as_encoded_bytes()))
        })
    });
    if (has_one || extensions.is_empty()) && file.is_file() {
        return Some(file);
    }
    extensions.iter().find_map(|extension| {
        let mut file = file.clone().into_os_string();
        file.push(extension);
        Some(PathBuf::from(file)).filter(|file| file.is_file())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_are_found_on_the_path_and_paths_relative_to_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, bin) = (dir.path(), dir.path().join("bin"));
        std::fs::create_dir(&bin).unwrap();
        for name in ["npx", "npx.CMD", "plain.exe"] {
            std::fs::write(bin.join(name), "").unwrap();
        }
        let path = std::env::join_paths([dir, &bin]).unwrap();
        let on_path = |name: &str, extensions: &[&str]| {
            let extensions: Vec<OsString> = extensions.iter().map(OsString::from).collect();
            find(name.as_ref(), dir, Some(&path), &extensions)
        };
        assert_eq!(on_path("npx", &[]), Some(bin.join("npx")));
        // The file without an extension is a script for other shells.
        assert_eq!(on_path("npx", &[".EXE", ".CMD"]), Some(bin.join("npx.CMD")));
        assert_eq!(on_path("plain.exe", &[".EXE"]), Some(bin.join("plain.exe")));
        assert_eq!(on_path("bin", &[]), None);
        assert_eq!(on_path("", &[]), None);
        assert_eq!(on_path("bin/npx", &[]), Some(dir.join("bin/npx")));
        assert_eq!(find("npx".as_ref(), &bin, Some("".as_ref()), &[]), Some(bin.join("npx")));
    }
}

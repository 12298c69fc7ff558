use std::{collections::BTreeMap, path::Path};

use mcp_testkit::within;
use mcp_transport_stdio::{Stderr, Stdio};

use crate::support::{call, connect};

/// The exact environment of a started process.
async fn environment_of(configure: impl FnOnce(Stdio) -> Stdio) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("environ");
    let copy = Stdio::new("cp").arg("/proc/self/environ").arg(&file).stderr(Stderr::Null);
    let connection = connect(configure(copy)).await;
    within(call(&connection.transport, 1)).await.unwrap_err();
    read(&file)
}

fn read(file: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.split_terminator('\0')
        .map(|var| var.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn inherited() -> BTreeMap<String, String> {
    ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect()
}

#[tokio::test]
async fn the_child_inherits_the_allow_list_and_nothing_else() {
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    assert_eq!(environment_of(|stdio| stdio).await, inherited());
}

#[tokio::test]
async fn set_variables_override_inherited_ones() {
    let environment = environment_of(|stdio| {
        stdio.env("API_KEY", "k=1").envs([("HOME", "/nowhere"), ("LAST", "no")]).env("LAST", "yes")
    });
    let mut expected = inherited();
    for (name, value) in [("API_KEY", "k=1"), ("HOME", "/nowhere"), ("LAST", "yes")] {
        expected.insert(name.into(), value.into());
    }
    assert_eq!(environment.await, expected);
}

#[tokio::test]
async fn named_variables_are_inherited_if_they_are_set() {
    let environment =
        environment_of(|stdio| stdio.inherit_env(["CARGO_PKG_NAME", "SURELY_UNSET", "", "A=B"]));
    let mut expected = inherited();
    expected.insert("CARGO_PKG_NAME".into(), env!("CARGO_PKG_NAME").into());
    assert_eq!(environment.await, expected);
}

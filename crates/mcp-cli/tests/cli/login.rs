//! `login`, `logout` and `auth list`, at an authorization server of the testkit.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::Stdio,
};

use mcp_testkit::{http::log_in, oauth::Guarded};

use crate::support::{command, ran, run_in};

/// Logs in like a user who visits the page and pastes the final URL of the browser.
fn login(runtime: &tokio::runtime::Runtime, folder: &Path, url: &str) {
    let mut login = command(folder);
    login.args(["login", url, "--no-browser"]);
    login.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut login = login.spawn().unwrap();
    let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
    let page = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let start = line.find("http")?;
        line[start..]
            .split_whitespace()
            .next()
            .filter(|it| it.contains("code_challenge"))
            .map(str::to_owned)
    });
    let address = runtime.block_on(log_in(&page.unwrap(), &[])).unwrap();
    writeln!(login.stdin.take().unwrap(), "{address}").unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(login.wait().unwrap().code(), Some(0), "{rest:?}");
    assert!(rest.iter().any(|it| it.starts_with("logged in by ")), "{rest:?}");
}

#[test]
fn a_login_is_kept_for_other_commands() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let guarded = runtime.block_on(Guarded::start());
    let url = guarded.url();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("mcp.json"),
        format!(r#"{{"mcpServers": {{"guarded": {{"url": "{url}"}}}}}}"#),
    )
    .unwrap();
    // Only `login` opens a page.
    let said = run_in(folder, &["list", &url]).fails(3);
    assert!(said.contains("mcp login"), "{said}");
    let state = || {
        let listed = run_in(folder, &["auth", "list"]).ok();
        let row = listed.lines().find(|it| it.contains(":guarded ")).map(str::to_owned);
        row.unwrap_or_else(|| panic!("{listed}"))
    };
    assert!(state().contains("no login"), "{}", state());

    login(&runtime, folder, &url);
    assert!(run_in(folder, &["list", &url]).ok().contains("echo("));
    assert!(run_in(folder, &["list", "guarded"]).ok().contains("echo("));
    let program = ["--", env!("CARGO_BIN_EXE_mcp"), "proxy", &*url];
    let through =
        run_in(folder, &[&["list", "-e", "HOME", "-e", "XDG_DATA_HOME"][..], &program].concat());
    assert!(through.ok().contains("echo("));
    assert!(state().contains("logged in"), "{}", state());
    let listed = run_in(folder, &["auth", "list", "--json"]).ok();
    assert!(listed.contains("\"loggedIn\": true"), "{listed}");
    guarded.expire();
    assert!(run_in(folder, &["list", &url]).ok().contains("echo("), "it is refreshed");

    run_in(folder, &["logout", &url]).ok();
    run_in(folder, &["list", &url]).fails(3);
}

#[test]
fn a_service_logs_in_with_its_secret_or_its_key() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let guarded = runtime.block_on(Guarded::start());
    let url = guarded.url();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let service = ["login", &*url, "--client-credentials", "--client-id", "SERVICE"];
    run_in(folder, &service).fails(2);
    let missing = run_in(folder, &[&service[..], &["--client-key", "none.pem"]].concat()).fails(2);
    assert!(missing.contains("none.pem"), "{missing}");

    let mut login = command(folder);
    login.args(service).args(["--client-secret-env", "SECRET"]).env("SECRET", "SECRET_VALUE");
    ran(login.output().unwrap()).ok();
    let asked = guarded.seen("client_credentials");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(run_in(folder, &["list", &url]).ok().contains("echo("));
    // Only the name of the variable is stored.
    guarded.expire();
    let mut list = command(folder);
    list.args(["list", &*url]).env("SECRET", "SECRET_VALUE");
    assert!(ran(list.output().unwrap()).ok().contains("echo("), "another token");
    let state = std::fs::read_to_string(folder.join("state/mcp/services.json"));
    if let Ok(state) = state {
        assert!(state.contains("SERVICE") && !state.contains("SECRET_VALUE"), "{state}");
    }
    let said = run_in(folder, &["logout", &url]).fails(3);
    assert!(said.contains("the client has no secret"), "{said}");
    let mut logout = command(folder);
    logout.args(["logout", &*url]).env("SECRET", "SECRET_VALUE");
    ran(logout.output().unwrap()).ok();
    run_in(folder, &["list", &url]).fails(3);
}

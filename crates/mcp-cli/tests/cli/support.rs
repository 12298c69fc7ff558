//! Runs the command and a server.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use mcp_client::serve::{Http, Listener};
use mcp_server::{Context, Json, Server};
use schemars::JsonSchema;

/// Output and exit code of the command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The stdout of a command that must succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The stderr of a command that must fail with this code, without a result on stdout.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!((self.code, &*self.out), (code, ""), "{self:?}");
        self.err
    }
}

/// The command in an isolated environment: no configuration of this machine, no colours, 80 columns.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp"));
    command
        .current_dir(folder)
        .env("HOME", folder.join("home"))
        .env("USERPROFILE", folder.join("home"))
        .env("APPDATA", folder.join("home"))
        .env("LOCALAPPDATA", folder.join("home"))
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("NO_COLOR", "1")
        .env_remove("COLUMNS")
        .stdin(Stdio::null());
    command
}

pub(crate) fn run_in(folder: &Path, args: &[&str]) -> Ran {
    ran(command(folder).args(args).output().unwrap())
}

pub(crate) fn run(args: &[&str]) -> Ran {
    run_in(tempfile::tempdir().unwrap().path(), args)
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[derive(serde::Deserialize, JsonSchema)]
struct Add {
    a: i64,
    #[serde(default)]
    b: Option<i64>,
}

#[derive(serde::Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(serde::Deserialize, JsonSchema)]
struct Nothing {}

#[derive(serde::Deserialize, JsonSchema)]
struct Echo {
    /// What to return
    text: String,
}

#[derive(serde::Deserialize, JsonSchema)]
struct Wait {
    seconds: f64,
}

/// A server over HTTP in this process.
pub(crate) struct Served {
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::of(server(), |http| http)
    }

    pub(crate) fn of(server: Server, change: impl FnOnce(Http<Server>) -> Http<Server>) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let http = change(Http::new(server));
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        runtime.spawn(listener.serve(http, std::future::pending()));
        Self { url, _runtime: runtime }
    }
}

/// A server with a tool for each case.
pub(crate) fn server() -> Server {
    Server::builder("shop")
        .version("1.2")
        .instructions("Sells books.\u{1b}[31m")
        .tool("echo", "Returns the text\nAnd more.", |echo: Echo| async { echo.text })
        .tool("add", "Adds numbers", |add: Add| async move {
            Json(Sum { sum: add.a + add.b.unwrap_or(1) })
        })
        .tool("fail", "Fails", |_: Nothing| async { Err::<(), _>("out of \u{1b}paper".to_owned()) })
        .tool("wait", "Waits", |wait: Wait, cx: Context| async move {
            for step in 1..=100 {
                tokio::time::sleep(std::time::Duration::from_secs_f64(wait.seconds / 100.0)).await;
                cx.progress(step).total(100).message("waiting").await;
            }
            "waited"
        })
        .resource("shop://greeting", "greeting", |_| async { "hello" })
        .resource("shop://logo", "logo", |_| async { vec![0_u8, 159, 146, 150] })
        .resource_template("shop://item/{id}", "item", |read| async move {
            format!("item {}", read.variable("id"))
        })
        .build()
}

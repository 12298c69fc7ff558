//! A Redis for one test.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mcp_store_redis::RedisStore;

const PROGRAMS: &[&str] = &["/usr/bin/redis-server", "/usr/local/bin/redis-server"];

/// A Redis on a free port. Dropping it ends it.
pub(crate) struct Redis {
    process: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// `None` if Redis is not installed, which is an error in continuous integration.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = PROGRAMS.iter().find(|path| Path::new(path).exists()) else {
            let is_ci = std::env::var_os("CI").is_some_and(|it| it == "true");
            assert!(!is_ci, "redis-server is not installed");
            eprintln!("skipped: redis-server is not installed");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Self { process, url: format!("redis://127.0.0.1:{port}/0"), _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "Redis listens");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(redis)
    }

    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::new(&self.url).unwrap()
    }

    /// Stops it for a while: its port stays open and answers nothing.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts this program for one function of the tests, as another process.
pub(crate) fn start(function: &str, variables: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([function, "--exact", "--nocapture"])
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for processes; whether each succeeded.
pub(crate) async fn ended(children: Vec<Child>) -> Vec<bool> {
    let waiting = tokio::task::spawn_blocking(move || {
        children.into_iter().map(|mut child| child.wait().unwrap().success()).collect()
    });
    mcp_testkit::within(waiting).await.unwrap()
}

//! The hostile peer on its standard streams. Its arguments are the steps listed in `mcp_testkit::hostile`.

use std::{
    io::{self, BufRead, Read, Write},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use mcp_core::{Message, RequestId};
use serde_json::Value;

const SENTENCE: &str = "the quick brown fox jumps over the lazy dog\n";

fn main() -> ExitCode {
    let mut peer = Peer { id: "null".to_owned(), progress_token: Value::Null, signals: None };
    let mut steps = std::env::args().skip(1);
    while let Some(step) = steps.next() {
        let (name, value) = step.split_once('=').unwrap_or((&step, ""));
        match peer.step(name, value, &mut steps) {
            Ok(None) => {}
            Ok(Some(code)) => return code.into(),
            Err(error) => {
                eprintln!("hostile-peer: {step}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

struct Peer {
    /// The id of the last request, as JSON.
    id: String,
    /// The progress token of the last request.
    progress_token: Value,
    /// Keeps a signal handler installed.
    signals: Option<tokio::runtime::Runtime>,
}

impl Peer {
    /// Runs a step, which may take further arguments. Returns the exit code after an `exit` step.
    fn step(
        &mut self,
        name: &str,
        value: &str,
        further: &mut impl Iterator<Item = String>,
    ) -> io::Result<Option<u8>> {
        let id = self.id.clone();
        match name {
            "read" => {
                self.read()?;
            }
            "answer" => self.answer(&id)?,
            "answer-id" => self.answer(value)?,
            "result" => {
                line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{value}}}"#))?;
            }
            "both-null" => {
                let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":null,"error":null}}"#);
                line(&text)?;
            }
            "both" => line(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{}},"error":{{"code":1,"message":"m"}}}}"#
            ))?,
            "echo" => self.echo()?,
            "banner" => line("Hostile peer 1.0 is listening [stdio]")?,
            "not-utf8" => write(b"\xff\xfe\xc3\x28\n")?,
            "write" => write(value.as_bytes())?,
            "half-line" => write(format!(r#"{{"jsonrpc":"2.0","id":{id},"res"#).as_bytes())?,
            "oversize-first" => {
                let filler = filler(value)?;
                line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"x":"{filler}"}}}}"#))?;
            }
            "oversize-last" => {
                let filler = filler(value)?;
                line(&format!(r#"{{"result":{{"x":"{filler}"}},"jsonrpc":"2.0","id":{id}}}"#))?;
            }
            "oversize-none" => line(&filler(value)?)?,
            "notifications" => {
                let method = "notifications/message";
                for count in 0..number(value)? {
                    let params = format!(r#"{{"level":"info","data":{count}}}"#);
                    line(&format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#))?;
                }
            }
            "progress" => {
                let token = &self.progress_token;
                let mut out = io::BufWriter::new(io::stdout().lock());
                for count in 0..number(value)? {
                    let params = format!(r#"{{"progressToken":{token},"progress":{count}}}"#);
                    let method = "notifications/progress";
                    writeln!(out, r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)?;
                }
                out.flush()?;
            }
            "stderr" => eprintln!("{value}"),
            "flood-stderr" => {
                let mut text = SENTENCE.bytes().cycle().take(number(value)?).collect::<Vec<_>>();
                text.push(b'\n');
                io::stderr().write_all(&text)?;
            }
            "sleep" => std::thread::sleep(Duration::from_millis(number(value)? as u64)),
            "hang" => {
                io::copy(&mut io::stdin().lock(), &mut io::sink())?;
            }
            "hang-for-ever" => loop {
                std::thread::park();
            },
            "ignore-term" => self.signals = Some(ignore_term()?),
            #[cfg(unix)]
            "close-stdout" => rustix::stdio::dup2_stdout(std::fs::File::create("/dev/null")?)?,
            #[cfg(unix)]
            "close-stdin" => rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?,
            "pid" => std::fs::write(value, std::process::id().to_string())?,
            "grandchild" => {
                // Inherits the pipes, like the child of a wrapper that does not replace itself.
                let child = Command::new(std::env::current_exe()?)
                    .args(["ignore-term", "hang-for-ever"])
                    .stdin(Stdio::inherit())
                    .spawn()?;
                std::fs::write(value, child.id().to_string())?;
            }
            "spawn" => {
                Command::new(std::env::current_exe()?).args(value.split(';')).spawn()?;
            }
            "hold" => {
                let _connection = std::net::TcpStream::connect(value)?;
                loop {
                    std::thread::park();
                }
            }
            "arguments" => {
                let arguments: Vec<String> = further.collect();
                std::fs::write(value, arguments.join("\0"))?;
                self.echo()?;
            }
            "environment" => {
                let vars = std::env::vars_os().map(|(name, value)| {
                    format!("{}={}", name.to_string_lossy(), value.to_string_lossy())
                });
                std::fs::write(value, vars.collect::<Vec<_>>().join("\0"))?;
            }
            "exit" => return Ok(Some(number(value)? as u8)),
            unknown => {
                let text = format!("unknown step {unknown}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        Ok(None)
    }

    /// Reads a line and stores the id of its request. Returns `false` at the end of the input.
    fn read(&mut self) -> io::Result<bool> {
        let mut text = Vec::new();
        io::stdin().lock().take(1 << 30).read_until(b'\n', &mut text)?;
        let more = !text.is_empty();
        self.id = "null".to_owned();
        if let Ok(Message::Request(request)) = Message::parse(text) {
            self.id = match request.id {
                RequestId::Number(number) => number.to_string(),
                RequestId::String(string) => Value::from(string).to_string(),
            };
            let params: Option<Value> = request.params.and_then(|params| params.decode().ok());
            let token = params.as_ref().and_then(|it| it.get("_meta")?.get("progressToken"));
            self.progress_token = token.cloned().unwrap_or_default();
        }
        Ok(more)
    }

    /// Responds to requests until the end of the input.
    fn echo(&mut self) -> io::Result<()> {
        while self.read()? {
            let id = self.id.clone();
            if id != "null" {
                self.answer(&id)?;
            }
        }
        Ok(())
    }

    fn answer(&self, id: &str) -> io::Result<()> {
        line(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#))
    }
}

fn line(text: &str) -> io::Result<()> {
    write(text.as_bytes())?;
    write(b"\n")
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn filler(value: &str) -> io::Result<String> {
    Ok("x".repeat(number(value)?))
}

fn number(value: &str) -> io::Result<usize> {
    value.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Installs a handler, which stays installed as long as the runtime exists.
fn ignore_term() -> io::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let _guard = runtime.enter();
        drop(signal(SignalKind::terminate())?);
    }
    Ok(runtime)
}

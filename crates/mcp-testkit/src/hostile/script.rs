use std::{io, time::Duration};

use mcp_core::{Message, RequestId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The steps of one connection, built by chaining. [`play`] and [`HttpServer`](super::HttpServer) run it.
///
/// In all written bytes, `$ID` is replaced by the id of the last request, as JSON.
///
/// ```
/// use mcp_testkit::hostile::Script;
///
/// // An event stream that is cut in the middle of an event.
/// let script = Script::new()
///     .read_request()
///     .write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
///     .bytewise("data: {\"jsonrpc\":\"2.0\",\"id\":$ID,\"res")
///     .reset();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Script(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    ReadLine,
    ReadRequest,
    ReadBytes(usize),
    Write(Vec<u8>),
    Bytewise(Vec<u8>),
    Respond { head: String, body: Vec<u8> },
    Flood(Vec<u8>),
    Sleep(Duration),
    Hang,
    Again,
    Reset,
}

/// How a [`Script`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The last step was run, and the connection was closed gracefully.
    Close,
    /// The script ended with [`reset`](Script::reset).
    Reset,
    /// The peer closed the connection before the last step.
    Gone,
}

impl Script {
    /// Creates a script that closes the connection immediately.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one line.
    #[must_use]
    pub fn read_line(self) -> Self {
        self.then(Step::ReadLine)
    }

    /// Reads one HTTP request with its body.
    #[must_use]
    pub fn read_request(self) -> Self {
        self.then(Step::ReadRequest)
    }

    /// Reads this many bytes, so that the next step runs in the middle of an upload.
    #[must_use]
    pub fn read_bytes(self, count: usize) -> Self {
        self.then(Step::ReadBytes(count))
    }

    /// Writes bytes.
    #[must_use]
    pub fn write(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Write(bytes.as_ref().to_vec()))
    }

    /// Writes bytes one at a time, each in its own segment if the carrier supports it.
    #[must_use]
    pub fn bytewise(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Bytewise(bytes.as_ref().to_vec()))
    }

    /// Writes an HTTP response with the correct length. `status` is, for example, `404 Not Found`.
    #[must_use]
    pub fn respond(self, status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n");
        self.then(Step::Respond { head, body: body.as_ref().to_vec() })
    }

    /// Writes an HTTP response with an empty JSON-RPC result.
    #[must_use]
    pub fn answer(self) -> Self {
        self.respond("200 OK", "application/json", ANSWER)
    }

    /// Writes bytes repeatedly until the peer closes the connection.
    #[must_use]
    pub fn flood(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Flood(bytes.as_ref().to_vec()))
    }

    /// Waits.
    #[must_use]
    pub fn sleep(self, time: Duration) -> Self {
        self.then(Step::Sleep(time))
    }

    /// Writes nothing until the peer closes the connection.
    #[must_use]
    pub fn hang(self) -> Self {
        self.then(Step::Hang)
    }

    /// Restarts the script on the same connection.
    #[must_use]
    pub fn again(self) -> Self {
        self.then(Step::Again)
    }

    /// Ends the connection with a reset, if the carrier supports it.
    #[must_use]
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// A response to the last request.
pub(crate) const ANSWER: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#;

/// Runs a script over a pair of byte streams. `on_read` is called with every line and every HTTP request
/// (head and body).
///
/// # Errors
/// If the streams fail for another reason than their end.
pub async fn play<R, W>(
    script: &Script,
    reader: R,
    writer: W,
    on_read: impl FnMut(&[u8]),
) -> io::Result<Ending>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut player = Player { reader, writer, on_read, buffer: Vec::new(), id: "null".to_owned() };
    match player.play(script).await {
        Err(error) if is_disconnect(&error) => Ok(Ending::Gone),
        ending => ending,
    }
}

fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

struct Player<R, W, S> {
    reader: R,
    writer: W,
    on_read: S,
    /// Bytes that were read but not consumed.
    buffer: Vec<u8>,
    /// The id of the last request, as JSON.
    id: String,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, S: FnMut(&[u8])> Player<R, W, S> {
    async fn play(&mut self, script: &Script) -> io::Result<Ending> {
        let mut steps = script.0.iter();
        while let Some(step) = steps.next() {
            match step {
                Step::ReadLine => {
                    let end = self.read_until(b"\n").await?;
                    self.consume(end, 0);
                }
                Step::ReadRequest => self.read_request().await?,
                Step::ReadBytes(count) => {
                    while self.buffer.len() < *count {
                        self.read_more().await?;
                    }
                    self.buffer.drain(..count);
                }
                Step::Write(bytes) => self.write(&self.filled(bytes)).await?,
                Step::Bytewise(bytes) => {
                    for byte in self.filled(bytes) {
                        self.write(&[byte]).await?;
                        tokio::task::yield_now().await;
                    }
                }
                Step::Respond { head, body } => {
                    let body = self.filled(body);
                    let mut bytes =
                        format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
                    bytes.extend(body);
                    self.write(&bytes).await?;
                }
                Step::Flood(bytes) => loop {
                    self.write(&self.filled(bytes)).await?;
                },
                Step::Sleep(time) => tokio::time::sleep(*time).await,
                Step::Hang => loop {
                    self.buffer.clear();
                    self.read_more().await?;
                },
                Step::Again => steps = script.0.iter(),
                Step::Reset => return Ok(Ending::Reset),
            }
        }
        self.writer.shutdown().await?;
        Ok(Ending::Close)
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.reader.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads until the buffer contains `mark`, and returns the offset of its end.
    async fn read_until(&mut self, mark: &[u8]) -> io::Result<usize> {
        loop {
            let found = self.buffer.windows(mark.len()).position(|window| window == mark);
            match found {
                Some(at) => return Ok(at + mark.len()),
                None => self.read_more().await?,
            }
        }
    }

    async fn read_request(&mut self) -> io::Result<()> {
        let head = self.read_until(b"\r\n\r\n").await?;
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let header = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let end = match header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => head + length,
            // No earlier chunk of the tests contains the bytes of the last chunk.
            None if header("transfer-encoding") == Some("chunked") => {
                self.read_until(b"0\r\n\r\n").await?
            }
            None => head,
        };
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        self.consume(end, head);
        Ok(())
    }

    /// Consumes the bytes up to `end`. Those from `body` on may be a request, whose id is stored.
    fn consume(&mut self, end: usize, body: usize) {
        let consumed: Vec<u8> = self.buffer.drain(..end).collect();
        (self.on_read)(&consumed);
        let message = Message::parse(consumed[body..].trim_ascii().to_vec());
        if let Ok(Message::Request(request)) = message {
            self.id = match request.id {
                RequestId::Number(number) => number.to_string(),
                RequestId::String(string) => serde_json::Value::from(string).to_string(),
            };
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }

    /// Replaces `$ID` in the bytes.
    fn filled(&self, bytes: &[u8]) -> Vec<u8> {
        const MARK: &[u8] = b"$ID";
        let mut filled = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
            filled.extend_from_slice(&rest[..at]);
            filled.extend_from_slice(self.id.as_bytes());
            rest = &rest[at + MARK.len()..];
        }
        filled.extend_from_slice(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    async fn played(script: Script, input: &[u8]) -> (Ending, String, Vec<String>) {
        let mut output = Vec::new();
        let mut seen = Vec::new();
        let ending = play(&script, input, &mut output, |bytes| {
            seen.push(String::from_utf8(bytes.to_vec()).unwrap());
        });
        let ending = ending.await.unwrap();
        (ending, String::from_utf8(output).unwrap(), seen)
    }

    #[tokio::test]
    async fn lines_are_read_and_ids_are_replaced() {
        let script = Script::new().read_line().bytewise("<$ID>").again();
        let input = br#"{"jsonrpc":"2.0","id":"a\"b","method":"m"}
{"jsonrpc":"2.0","id":7,"method":"m"}
"#;
        let (ending, output, seen) = played(script, input).await;
        assert_eq!((ending, &*output, seen.len()), (Ending::Gone, r#"<"a\"b"><7>"#, 2));
    }

    #[tokio::test]
    async fn requests_are_read_completely_and_responses_have_the_correct_length() {
        let body = r#"{"jsonrpc":"2.0","id":12345,"method":"m"}"#;
        let request = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let chunked = format!(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        let script = Script::new().read_request().answer().read_request().reset();
        let (ending, output, seen) = played(script, (request + &chunked).as_bytes()).await;
        assert_eq!(ending, Ending::Reset);
        assert_eq!(
            output,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n\
             {\"jsonrpc\":\"2.0\",\"id\":12345,\"result\":{}}"
        );
        assert_eq!(seen.len(), 2);
        assert!(seen[1].ends_with("0\r\n\r\n"));
    }
}

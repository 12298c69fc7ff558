use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliDecoder, DecodeV2, GzipDecoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};

use crate::error::{Error, ErrorKind};
use crate::received::Received;

/// Maximum number of bytes decompressed at once.
const PIECE: usize = 8 * 1024;

/// Requests a compressed response, unless the caller has set `Accept-Encoding`. Returns whether it did.
pub(crate) fn ask(headers: &mut HeaderMap) -> bool {
    // A range applies to the compressed bytes.
    if headers.contains_key(ACCEPT_ENCODING) || headers.contains_key(RANGE) {
        return false;
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
    true
}

/// Decompresses a body as it arrives.
pub(crate) struct Decompress {
    decoder: Box<dyn DecodeV2 + Send + Sync>,
    is_gzip: bool,
    input: Bytes,
    output: Box<[u8; PIECE]>,
    state: State,
    /// Compressed bytes read since the last output.
    silent: usize,
}

/// Maximum number of compressed bytes without output.
const MAX_SILENT: usize = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No data yet, which is valid for a response without a body.
    New,
    Inside,
    /// The compressed data is complete.
    Complete,
    /// The body has ended or failed.
    Over,
}

impl Decompress {
    /// Creates the decompressor for a response, and updates the headers to describe the decompressed body.
    pub(crate) fn take(headers: &mut HeaderMap) -> Option<Box<Self>> {
        let decompress = Self::of(headers)?;
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        Some(decompress)
    }

    fn of(headers: &HeaderMap) -> Option<Box<Self>> {
        let mut codings = headers.get_all(CONTENT_ENCODING).iter();
        let coding = codings.next()?.as_bytes().trim_ascii();
        let is_gzip =
            coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip");
        let decoder: Box<dyn DecodeV2 + Send + Sync> = match coding {
            // The request allowed only a single coding.
            _ if codings.next().is_some() => return None,
            _ if is_gzip => Box::new(GzipDecoder::new()),
            _ if coding.eq_ignore_ascii_case(b"br") => Box::new(BrotliDecoder::new()),
            _ => return None,
        };
        let output = Box::new([0; PIECE]);
        Some(Box::new(Self {
            decoder,
            is_gzip,
            input: Bytes::new(),
            output,
            state: State::New,
            silent: 0,
        }))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The next decompressed frame of `source`.
    pub(crate) fn poll_frame(
        &mut self,
        source: &mut Received,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while !self.is_over() {
            match self.next_piece() {
                // One gzip member has ended and the next has started.
                Ok(None) if !self.input.is_empty() => continue,
                Ok(None) => {}
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Err(error) => {
                    self.state = State::Over;
                    source.fail();
                    return Poll::Ready(Some(Err(broken(error))));
                }
            }
            match ready!(Pin::new(&mut *source).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.input = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => {
                    self.state = State::Over;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    let ended = self.finish();
                    self.state = State::Over;
                    return Poll::Ready(ended.err().map(|error| Err(broken(error))));
                }
            }
        }
        Poll::Ready(None)
    }

    /// The next piece that can be decompressed from the received data.
    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        if self.state == State::Complete {
            // Several gzip members may follow one another. Other trailing data is ignored.
            if !self.is_gzip || self.input.first() != Some(&0x1f) {
                self.input.clear();
                return Ok(None);
            }
            self.decoder.reinit()?;
            self.state = State::Inside;
        }
        let mut output = WriteBuffer::new_initialized(&mut self.output[..]);
        while !self.input.is_empty() && self.state != State::Complete {
            let mut input = PartialBuffer::new(&self.input[..]);
            let is_complete = self.decoder.decode(&mut input, &mut output)?;
            let taken = input.written_len();
            if taken == 0 && !is_complete && output.written_len() == 0 {
                return Err(io::Error::other("the decoder makes no progress"));
            }
            self.input.advance(taken);
            self.silent += taken;
            self.state = if is_complete { State::Complete } else { State::Inside };
            if output.has_no_spare_space() {
                break;
            }
        }
        if self.state == State::Inside && !output.has_no_spare_space() {
            self.decoder.flush(&mut output)?;
        }
        let piece = output.written();
        if !piece.is_empty() {
            self.silent = 0;
        } else if self.silent > MAX_SILENT {
            return Err(io::Error::other("the compressed data has no content"));
        }
        Ok((!piece.is_empty()).then(|| Bytes::copy_from_slice(piece)))
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.state == State::Inside {
            self.decoder.finish(&mut WriteBuffer::new_initialized(&mut self.output[..]))?;
        }
        Ok(())
    }
}

fn broken(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed body of the response is cut off",
        _ => "the body of the response does not match its Content-Encoding",
    };
    Error::new(ErrorKind::Body, message).with_source(error)
}

impl fmt::Debug for Decompress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompress").field("state", &self.state).finish_non_exhaustive()
    }
}

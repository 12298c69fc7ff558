//! Servers that misbehave by script, byte for byte.
//!
//! A [`Script`] is a list of steps that one connection goes through. [`HttpServer`] plays them over TCP,
//! a script for each connection; [`play`] over any byte streams; the program of
//! [`hostile_peer_command`](crate::hostile_peer_command) on its standard streams, with one step in each
//! argument:
//!
//! | argument | what it does |
//! |---|---|
//! | `read` | reads a line and remembers its id |
//! | `answer` | answers the request that was read last |
//! | `answer-id=JSON` | answers with this id, whatever was asked |
//! | `both-null` | answers with a `result` and an `error` that are null |
//! | `both` | answers with a result and an error |
//! | `echo` | answers every request until the end of its input |
//! | `banner` | prints a line that is no JSON |
//! | `not-utf8` | prints a line that is not UTF-8 |
//! | `write=TEXT` | prints the text as it stands |
//! | `half-line` | prints the first half of an answer |
//! | `oversize-first=BYTES`, `oversize-last=BYTES`, `oversize-none=BYTES` | answers with so much, its id first, last or missing |
//! | `notifications=COUNT` | sends so many notifications |
//! | `stderr=TEXT`, `flood-stderr=BYTES` | writes to standard error |
//! | `sleep=MILLISECONDS` | waits |
//! | `hang` | waits until the end of its input |
//! | `hang-for-ever` | waits, and ignores the end of its input |
//! | `ignore-term` | ignores SIGTERM from here on |
//! | `close-stdout`, `close-stdin` | ends its output, or its input, and goes on (Unix) |
//! | `pid=FILE` | writes its process id into a file |
//! | `grandchild=FILE` | starts a process that shares its streams and ignores everything, and writes its id into a file |
//! | `exit=CODE` | ends with this code |
//!
//! After the last step the program ends with the code 0.

mod http;
mod script;

pub use self::{
    http::{HttpServer, refused},
    script::{Ending, Script, play},
};

//! Scripted servers that violate the protocol.
//!
//! A [`Script`] is a list of steps for one connection. [`HttpServer`] runs scripts over TCP, one for each
//! connection. [`play`] runs a script over any byte streams. The program of
//! [`hostile_peer_command`](crate::hostile_peer_command) runs a script on its standard streams. Each of its
//! arguments is a step:
//!
//! | argument | behaviour |
//! |---|---|
//! | `read` | reads a line and stores the id of its request |
//! | `answer` | responds to the last request |
//! | `result=TEXT` | responds with this text in the place of the result |
//! | `answer-id=JSON` | sends a response with this id |
//! | `both-null` | responds with a `result` and an `error` that are null |
//! | `both` | responds with a `result` and an `error` |
//! | `echo` | responds to every request until the end of its input |
//! | `banner` | prints a line that is not JSON |
//! | `not-utf8` | prints a line that is not UTF-8 |
//! | `write=TEXT` | prints the text unchanged |
//! | `half-line` | prints the first half of a response |
//! | `oversize-first=BYTES`, `oversize-last=BYTES`, `oversize-none=BYTES` | sends a response of this size, with the id at its start, at its end, or without an id |
//! | `notifications=COUNT` | sends this number of notifications |
//! | `progress=COUNT` | sends this number of progress notifications for the last request |
//! | `stderr=TEXT`, `flood-stderr=BYTES` | writes to stderr |
//! | `sleep=MILLISECONDS` | waits |
//! | `hang` | waits until the end of its input |
//! | `hang-for-ever` | waits, and ignores the end of its input |
//! | `ignore-term` | ignores SIGTERM from here on |
//! | `close-stdout`, `close-stdin` | closes its output or its input, and continues (Unix) |
//! | `pid=FILE` | writes its process id into a file |
//! | `grandchild=FILE` | starts a process that inherits its streams and ignores SIGTERM and the end of stdin, and writes the process id into a file |
//! | `spawn=STEP;STEP` | starts a process with these steps that inherits its streams |
//! | `hold=ADDRESS` | connects to a TCP listener and keeps the connection as long as it runs, which is for ever |
//! | `arguments=FILE` | writes the arguments that follow into a file, separated by NUL, and then does what `echo` does |
//! | `environment=FILE` | writes its environment into a file, as `NAME=VALUE` separated by NUL |
//! | `exit=CODE` | exits with this code |
//!
//! After the last step the program exits with code 0.

mod http;
mod script;

pub use self::{
    http::{HttpServer, refused},
    script::{Ending, Script, play},
};

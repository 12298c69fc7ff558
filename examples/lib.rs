//! The examples are next to this file. Start with `cargo run --example quickstart`.

//! The server through its transports, with raw requests.
#![allow(clippy::unwrap_used, reason = "tests")]

mod eras;
mod features;
mod fixture;
mod lines;
mod pages;
mod tools;

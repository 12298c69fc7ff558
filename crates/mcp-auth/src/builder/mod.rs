//! Settings of an [`OAuth`](crate::OAuth), by what they are about.

mod client;
mod device;
mod enterprise;
mod environment;
mod grant;
mod server;

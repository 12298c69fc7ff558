//! Era negotiation: detects the supported revision of a server, and opens a session in it.

mod confirm;
mod early;
mod failures;
mod offer;
mod open;
mod policy;
mod requests;
mod stage;
mod table;
mod verdict;

pub(crate) use confirm::Confirmed;
pub(crate) use open::{Opened, Sending, open};
pub use policy::EraPolicy;
pub use verdict::Verdict;

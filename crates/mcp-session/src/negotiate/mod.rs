//! Era negotiation: finds out which revision a server speaks, and opens a session in it.

mod open;
mod policy;
mod table;
mod verdict;

pub(crate) use open::{Opened, open};
pub use policy::EraPolicy;
pub use verdict::Verdict;

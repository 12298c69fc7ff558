//! The contract tests of all transports.

use mcp_testkit::{ContractPeer, Setup};
use mcp_transport_memory::Memory;

async fn memory() -> Setup<Memory<ContractPeer>> {
    Setup::new(Memory::each(ContractPeer::new))
}

mcp_testkit::transport_contract!(memory);

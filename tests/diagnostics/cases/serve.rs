use mcp_client::{Memory, Server};

fn main() {
    let _ = Memory::new(Server::builder("shop"));
}

use mcp_client::{Memory, Server, transport::SharedTransport};

fn main() {
    let server = Server::builder("shop").build();
    let _ = SharedTransport::new(Memory::new(server));
}

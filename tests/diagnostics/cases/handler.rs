use mcp_client::Server;

fn main() {
    let _ = Server::builder("shop").tool("add", "Adds two numbers", |a: i64, b: i64| a + b);
}

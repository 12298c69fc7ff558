use mcp_client::Server;

struct Weather;

fn main() {
    let _ = Server::builder("shop").tool("weather", "Reads the sky", |(): ()| async { Weather });
}

use mcp_client::Server;

struct Weather;

fn main() {
    let _ = Server::builder("shop", "1.0").tool("weather", "Reads the sky", |(): ()| async { Weather });
}

fn main() {
    let port = 8080;
    let _ = mcp_client::Client::new(port);
}

//! The server of this project with the tools of the peers, over stdio.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    mcp_integration::own_server(|line| eprintln!("{line}")).serve_stdio().await
}

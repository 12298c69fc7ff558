//! The contract peer on its standard streams.

#[tokio::main]
async fn main() -> std::io::Result<()> {
    mcp_testkit::contract_peer_lines(tokio::io::stdin(), tokio::io::stdout()).await?;
    // A blocking read of stdin would keep the runtime from shutting down.
    std::process::exit(0)
}

//! The contract peer on its standard streams.

#[tokio::main]
async fn main() -> std::io::Result<()> {
    mcp_testkit::contract_peer_lines(tokio::io::stdin(), tokio::io::stdout()).await?;
    // A read of standard input that nobody waits for would hold the runtime open.
    std::process::exit(0)
}

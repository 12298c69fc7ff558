//! A service that authenticates without a user: with a private key or a secret.
//!
//! ```text
//! CLIENT_SECRET=… cargo run --example client_credentials -- https://mcp.example.com/mcp svc https://auth.example.com
//! CLIENT_KEY=key.pem cargo run --example client_credentials -- https://mcp.example.com/mcp svc https://auth.example.com
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use mcp_client::{Client, OAuth};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, client_id, issuer] = &args[..] else {
        return Err("usage: client_credentials URL CLIENT_ID ISSUER".into());
    };
    // The secret or assertion is sent only to this issuer.
    let auth = OAuth::client_credentials(client_id).issuer(issuer);
    let auth = match std::env::var_os("CLIENT_KEY") {
        Some(file) => auth.private_key_pem(std::fs::read(file)?)?,
        None => auth.secret(std::env::var("CLIENT_SECRET")?),
    };
    let session = Client::new(url)?.auth(auth).connect().await?;
    for tool in session.list_tools().await? {
        println!("{}", tool.name);
    }
    session.close().await?;
    Ok(())
}

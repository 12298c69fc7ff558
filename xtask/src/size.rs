//! `size`: the size of a small client, in crates and bytes.

use std::fs;

use crate::run::{self, Result, cargo, output, root};

/// Minimal programs that list the tools of a server.
const CLIENTS: [Client; 2] = [
    Client { name: "stdio", features: "[\"stdio\"]", target: "mcp_client::Stdio::new(\"server\")" },
    Client {
        name: "https",
        features: "[\"http\", \"tls-ring\", \"tls-platform-roots\"]",
        target: "\"https://example.com/mcp\"",
    },
];

struct Client {
    name: &'static str,
    features: &'static str,
    target: &'static str,
}

pub(crate) fn run(_: &[String]) -> Result {
    for client in &CLIENTS {
        let folder = root().join("target/size").join(client.name);
        let write = |path: &str, text: String| {
            fs::write(folder.join(path), text).map_err(|error| format!("{path}: {error}"))
        };
        fs::create_dir_all(folder.join("src")).map_err(|error| error.to_string())?;
        // The same versions as in the workspace.
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))
            .map_err(|error| error.to_string())?;
        write("Cargo.toml", client.manifest())?;
        write("src/main.rs", client.source())?;
        let manifest = folder.join("Cargo.toml").display().to_string();
        run::run(cargo("build --quiet --release --manifest-path").arg(&manifest))?;
        let tree = output(
            cargo("tree --edges normal,no-proc-macro --prefix none --format {p} --manifest-path")
                .arg(&manifest),
        )?;
        let mut crates: Vec<&str> =
            tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        crates.sort_unstable();
        crates.dedup();
        let program = folder.join("target/release/small-client");
        let bytes = fs::metadata(&program).map_err(|error| error.to_string())?.len();
        println!(
            "{}: {} dependencies, {:.2} MB stripped",
            client.name,
            crates.len() - 1,
            bytes as f64 / 1e6
        );
    }
    Ok(())
}

impl Client {
    fn manifest(&self) -> String {
        let path = root().join("crates/mcp-client").display().to_string();
        format!(
            r#"[package]
name = "small-client"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
mcp-client = {{ path = {path:?}, default-features = false, features = {features} }}
tokio = {{ version = "1", default-features = false, features = ["rt"] }}

[profile.release]
strip = true
"#,
            features = self.features
        )
    }

    fn source(&self) -> String {
        format!(
            r#"fn main() {{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {{
        let session = mcp_client::Client::new({}).unwrap().connect().await.unwrap();
        for tool in session.list_tools().await.unwrap() {{
            println!("{{}}", tool.name);
        }}
    }});
}}
"#,
            self.target
        )
    }
}

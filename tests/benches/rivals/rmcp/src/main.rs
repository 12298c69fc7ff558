//! Calls of the official Rust SDK to the server of the benchmark: `rmcp-rival SERVER --run CARRIER rival LOAD CALLS`,
//! where SERVER is the program of the benchmark.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::RunningService;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};

const TOOLS: usize = 100;

#[derive(Clone, Default)]
struct Caller;

impl ClientHandler for Caller {}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let [server, "--run", carrier, "rival", load, calls] = args[..] else {
        panic!("SERVER --run CARRIER rival LOAD CALLS");
    };
    let calls = calls.parse().expect("a number of calls");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(server, carrier, load, calls));
}

async fn run(server: &str, carrier: &str, load: &str, calls: usize) {
    let lifecycle =
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    if carrier == "stdio" {
        let mut command = tokio::process::Command::new(server);
        command.args(["--peer", "stdio"]);
        let transport = TokioChildProcess::new(command).unwrap();
        let client = Caller.serve_with_lifecycle(transport, lifecycle).await.unwrap();
        return drive(client, load, calls).await;
    }
    let mut peer = std::process::Command::new(server);
    let mut peer = peer.args(["--peer", carrier]).stdout(Stdio::piped()).spawn().unwrap();
    let mut port = String::new();
    BufReader::new(peer.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let url = format!("http://127.0.0.1:{}/mcp", port.trim());
    let transport = StreamableHttpClientTransport::from_uri(url);
    let client = Caller.serve_with_lifecycle(transport, lifecycle).await.unwrap();
    drive(client, load, calls).await;
    peer.kill().unwrap();
    peer.wait().unwrap();
}

async fn drive(client: RunningService<RoleClient, Caller>, load: &str, calls: usize) {
    let tool = match load {
        "1MiB" => "mib1",
        "10MiB" => "mib10",
        _ => "small",
    };
    let in_flight = if load == "64" { 64 } else { 1 };
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (peer, load) = (client.peer().clone(), load.to_owned());
            tokio::spawn(async move {
                if load == "list" {
                    for _ in 0..calls / TOOLS {
                        let tools = peer.list_tools(None).await.unwrap().tools;
                        assert_eq!(std::hint::black_box(tools).len(), TOOLS);
                    }
                    return;
                }
                for _ in 0..calls / in_flight {
                    let arguments = serde_json::json!({
                        "query": "the left hand of darkness", "limit": 10 });
                    let call = CallToolRequestParams::new(tool)
                        .with_arguments(arguments.as_object().unwrap().clone());
                    std::hint::black_box(peer.call_tool(call).await.unwrap());
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    client.cancel().await.unwrap();
}

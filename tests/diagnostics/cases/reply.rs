use mcp_client::Handlers;

fn main() {
    let _ = Handlers::new().on_elicitation(|_| async { "yes" });
}

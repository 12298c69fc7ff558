use mcp_client::{Session, SessionOptions};

fn main() {
    let _ = Session::open("https://example.com/mcp", None, SessionOptions::default());
}

use std::time::Duration;

use mcp_client::server::{Context, Server};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Slow {
    steps: u32,
    ms: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Fail {
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Big {
    bytes: usize,
}

#[derive(Deserialize, JsonSchema)]
struct Wait {
    ms: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: String,
}

/// The server of this project with the tools, resources and prompt of every peer.
///
/// `say` receives the lines that other peers write to stderr: `waiting` when the tool `wait` starts, and `cancelled`
/// when it is cancelled.
pub fn own_server(say: impl Fn(&str) + Clone + Send + Sync + 'static) -> Server {
    Server::builder("own")
        .version("1.0")
        .instructions("the tools of the peers")
        .tool("echo", "Returns the text", |echo: Echo| async { echo.text })
        .tool("add", "Adds two numbers", |add: Add| async move { (add.a + add.b).to_string() })
        .tool(
            "slow",
            "Reports progress `steps` times, each after `ms` milliseconds",
            |slow: Slow, cx: Context| async move {
                for step in 1..=slow.steps {
                    tokio::time::sleep(Duration::from_millis(slow.ms)).await;
                    cx.progress(step).total(slow.steps).message(format!("step {step}")).await;
                }
                "done"
            },
        )
        .tool("fail", "Fails with the message", |fail: Fail| async { Err::<(), _>(fail.message) })
        .tool("big", "Returns a text of so many characters", |big: Big| async move {
            "x".repeat(big.bytes)
        })
        .tool(
            "wait",
            "Sleeps; says `waiting`, and `cancelled` when it is cut short",
            move |wait: Wait| {
                let say = say.clone();
                async move {
                    say("waiting");
                    let mut cut = CutShort(Some(say));
                    tokio::time::sleep(Duration::from_millis(wait.ms)).await;
                    cut.0 = None;
                    "waited"
                }
            },
        )
        .resource("test://greeting", "greeting", |_| async { "hello" })
        .resource_template("test://item/{id}", "item", |read| async move {
            format!("item {}", read.variable("id"))
        })
        .prompt("greet", "Greets somebody", |greet: Greet| async move {
            format!("Hello, {}!", greet.name)
        })
        .build()
}

/// Reports a drop before it was disarmed.
struct CutShort<F: Fn(&str)>(Option<F>);

impl<F: Fn(&str)> Drop for CutShort<F> {
    fn drop(&mut self) {
        if let Some(say) = &self.0 {
            say("cancelled");
        }
    }
}

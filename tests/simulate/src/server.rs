//! The server of the world: its reaction to a message, on any carrier.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{log::Log, world::World};

/// The `_meta` key of requests of the modern era.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The reaction to a message.
enum Reaction {
    Nothing,
    /// Messages, each after a delay.
    Messages(Vec<(Duration, Value)>),
    /// Change notifications from now on, after this acknowledgement.
    Listen(Value),
}

impl World {
    /// Handles a message and writes the responses to `log`. With `ends`, the log ends after them.
    pub(crate) fn handle(&self, message: &Value, log: &Log, ends: bool) {
        let world = self.clone();
        let log = log.clone();
        match self.react(message) {
            Reaction::Nothing => {
                if ends {
                    log.end();
                }
            }
            Reaction::Messages(messages) => self.spawn(async move {
                for (delay, message) in messages {
                    sleep(delay).await;
                    if !log.push(message) {
                        return world.note("an execution is cancelled");
                    }
                }
                if ends {
                    log.end();
                }
            }),
            Reaction::Listen(acknowledgement) => {
                log.push(acknowledgement);
                self.listen(&log, Some(message["id"].clone()));
            }
        }
    }

    fn react(&self, message: &Value) -> Reaction {
        let id = &message["id"];
        let method = message["method"].as_str().unwrap_or_default();
        let is_modern = message["params"]["_meta"][VERSION].is_string();
        let speaks = match is_modern {
            true => self.plan().speaks_modern,
            false => self.plan().legacy.is_some(),
        };
        if id.is_null() {
            return Reaction::Nothing;
        }
        let delay = self.random(|random| random.millis(0, 20));
        let once = |message| Reaction::Messages(vec![(delay, message)]);
        if !speaks {
            let (code, text) = match method {
                "server/discover" => (-32601, "Method not found"),
                _ => (-32600, "unsupported protocol version"),
            };
            return once(error(id, code, text));
        }
        let capabilities = json!({ "tools": { "listChanged": true } });
        once(match method {
            "server/discover" => result(
                id,
                json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"],
                    "capabilities": capabilities, "ttlMs": 0, "cacheScope": "private" }),
            ),
            "initialize" => {
                let version = self.plan().legacy.map(|version| version.as_str());
                let info = json!({ "name": "simulated", "version": "1" });
                result(
                    id,
                    json!({ "protocolVersion": version, "capabilities": capabilities,
                        "serverInfo": info }),
                )
            }
            "ping" => result(id, json!({})),
            "tools/list" => {
                let tool = json!({ "name": "work", "inputSchema": { "type": "object" } });
                result(id, json!({ "resultType": "complete", "tools": [tool] }))
            }
            "tools/call" => return self.work(message),
            "subscriptions/listen" => {
                let meta = json!({ "io.modelcontextprotocol/subscriptionId": id });
                let filter = &message["params"]["notifications"];
                let method = "notifications/subscriptions/acknowledged";
                let params = json!({ "notifications": filter, "_meta": meta });
                return Reaction::Listen(
                    json!({ "jsonrpc": "2.0", "method": method, "params": params }),
                );
            }
            _ => error(id, -32601, "Method not found"),
        })
    }

    /// The tool `work {key, steps, ms}`: reports each step, then returns the key.
    fn work(&self, message: &Value) -> Reaction {
        let params = &message["params"];
        let arguments = &params["arguments"];
        let key = arguments["key"].as_str().unwrap_or_default();
        *self.state().executed.entry(key.to_owned()).or_default() += 1;
        self.note(format_args!("{key} is executed"));
        let delay = Duration::from_millis(arguments["ms"].as_u64().unwrap_or_default());
        let token = &params["_meta"]["progressToken"];
        let steps = steps(message);
        let progress = (1..=steps).map(|step| {
            let params = json!({ "progressToken": token, "progress": step, "total": steps });
            let method = "notifications/progress";
            (delay, json!({ "jsonrpc": "2.0", "method": method, "params": params }))
        });
        let text = json!([{ "type": "text", "text": key }]);
        let last = result(
            &message["id"],
            json!({ "resultType": "complete", "content": text, "isError": false }),
        );
        Reaction::Messages(progress.chain([(delay, last)]).collect())
    }
}

/// The number of progress notifications of an execution.
pub(crate) fn steps(message: &Value) -> u64 {
    let params = &message["params"];
    match &params["_meta"]["progressToken"] {
        Value::Null => 0,
        _ => params["arguments"]["steps"].as_u64().unwrap_or_default(),
    }
}

fn result(id: &Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

pub(crate) fn error(id: &Value, code: i64, text: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } })
}

//! Requests of servers during a call.

use mcp_server::{Context, Server};
use serde_json::{Value, json};

use crate::support::{Ran, Served, run};

/// A server of the modern era whose tool requests a name and a count.
pub(crate) fn asking() -> Served {
    let server =
        Server::builder("asking").tool("order", "Orders", |_: (), cx: Context| async move {
            let answers = serde_json::to_value(cx.input_responses()).unwrap();
            match answers.get("who") {
                Some(answer) => Reply::Done(answer.to_string()),
                None => Reply::Ask,
            }
        });
    Served::of(server.build(), |http| http)
}

enum Reply {
    Ask,
    Done(String),
}

impl mcp_server::IntoToolResult for Reply {
    fn into_tool_result(self) -> mcp_server::ToolResult {
        let asked = json!({ "who": { "method": "elicitation/create", "params": {
            "message": "Who and how many?",
            "requestedSchema": {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "description": "Who it is for" },
                    "count": { "type": "integer", "default": 2, "maximum": 9 },
                },
                "required": ["name"],
            },
        } } });
        match self {
            Self::Done(text) => text.into(),
            Self::Ask => {
                let result = json!({ "resultType": "input_required", "inputRequests": asked });
                let result: mcp_client::types::InputRequiredResult =
                    serde_json::from_value(result).unwrap();
                result.into()
            }
        }
    }
}

fn order(served: &Served, options: &[&str]) -> Ran {
    run(&[&["call", &*served.url, "order"][..], options].concat())
}

#[test]
fn forms_are_filled_in_from_the_command_line() {
    let served = asking();
    let answer = |options: &[&str]| -> Value {
        serde_json::from_str(&order(&served, options).ok()).unwrap()
    };
    let given = answer(&["--answer", "name=12", "--answer", "count=3"]);
    assert_eq!(given, json!({ "action": "accept", "content": { "name": "12", "count": 3 } }));
    let given = answer(&["--answer", "name=Ann"]);
    assert_eq!(given["content"], json!({ "name": "Ann", "count": 2 }));
    assert_eq!(answer(&["--elicit", "decline"])["action"], "decline");
    assert_eq!(answer(&["--elicit", "cancel"])["action"], "cancel");
}

#[test]
fn a_request_without_a_response_fails_with_its_exit_code() {
    let served = asking();
    let said = order(&served, &[]).fails(8);
    assert!(said.contains("Who and how many? (name)") && said.contains("--answer"), "{said}");
    let said = order(&served, &["--answer", "count=x"]).fails(8);
    assert!(said.contains("count: expected integer"), "{said}");
}

//! Tools and a prompt that request input from the client.

use mcp_client::{
    server::{Context, ServerBuilder},
    types::{
        CallToolResult, ContentBlock, ErrorObject, GetPromptResult, InputRequiredResult,
        InputResponse, Outcome, PromptMessage, error_code,
    },
};
use serde_json::{Value, json};

/// A state that the client must return. One value is enough, since the server only serves tests.
const STATE: &str = "state-of-round-1";

const STATE_2: &str = "state-of-round-2";

pub(crate) fn add(server: ServerBuilder) -> ServerBuilder {
    let name = || json!({"user_name": form("What is your name?", "name", "string")});
    let confirm = || json!({"confirm": form("Please confirm", "ok", "boolean")});
    let roots = || json!({"method": "roots/list", "params": {}});
    server
        .tool("test_streaming_elicitation", "Asks a person in the midst of it", {
            move |_: (), cx: Context| async move {
                cx.progress(1).await;
                tool(ask(&cx, confirm(), None)?, "Done")
            }
        })
        .tool("test_input_required_result_elicitation", "Asks a person", {
            move |_: (), cx: Context| async move { tool(ask(&cx, name(), None)?, "Hello") }
        })
        .tool("test_input_required_result_sampling", "Asks a model", {
            move |_: (), cx: Context| async move {
                let question = json!({"capital_question": sampling("What is the capital of France?")});
                tool(ask(&cx, question, None)?, "The model says")
            }
        })
        .tool("test_input_required_result_list_roots", "Asks for roots", {
            move |_: (), cx: Context| async move {
                tool(ask(&cx, json!({"client_roots": roots()}), None)?, "The roots are")
            }
        })
        .tool("test_input_required_result_request_state", "Keeps a state", {
            move |_: (), cx: Context| async move {
                tool(ask(&cx, confirm(), Some(STATE))?, "state-ok")
            }
        })
        .tool("test_input_required_result_tampered_state", "Guards a state", {
            move |_: (), cx: Context| async move {
                tool(ask(&cx, confirm(), Some(STATE))?, "state-ok")
            }
        })
        .tool("test_input_required_result_multiple_inputs", "Asks three things", {
            move |_: (), cx: Context| async move {
                let questions = json!({
                    "user_name": form("What is your name?", "name", "string"),
                    "greeting": sampling("Generate a greeting"),
                    "client_roots": roots(),
                });
                tool(ask(&cx, questions, Some(STATE))?, "All of it")
            }
        })
        .tool("test_input_required_result_multi_round", "Asks twice", {
            move |_: (), cx: Context| async move {
                let first = json!({"step1": form("Step 1: What is your name?", "name", "string")});
                let second = "Step 2: What is your favorite color?";
                let second = json!({"step2": form(second, "color", "string")});
                if cx.request_state().as_deref() == Some(STATE_2) {
                    return tool(ask(&cx, second, Some(STATE_2))?, "Both");
                }
                match ask(&cx, first, Some(STATE))? {
                    Asked::Still(input) => Ok(Outcome::InputRequired(input)),
                    Asked::Answered(_) => Ok(Outcome::InputRequired(input(second, Some(STATE_2))?)),
                }
            }
        })
        .tool("test_input_required_result_capabilities", "Asks whom there is", {
            move |_: (), cx: Context| async move {
                let declared = cx.client_capabilities();
                let mut questions = json!({});
                if declared.sampling.is_some() {
                    questions["model"] = sampling("Who are you?");
                }
                if declared.elicitation.is_some() {
                    questions["person"] = form("Who are you?", "name", "string");
                }
                tool(ask(&cx, questions, None)?, "Who answered")
            }
        })
        .prompt("test_input_required_result_prompt", "Asks a person", {
            move |_: (), cx: Context| async move {
                let question = form("What context should the prompt use?", "context", "string");
                Ok::<_, ErrorObject>(match ask(&cx, json!({"user_context": question}), None)? {
                    Asked::Still(input) => Outcome::InputRequired(input),
                    Asked::Answered(answers) => {
                        GetPromptResult::new([PromptMessage::user(answers)]).into()
                    }
                })
            }
        })
}

/// The result of a request for input.
enum Asked {
    /// Some responses are missing.
    Still(InputRequiredResult),
    /// The responses as JSON.
    Answered(String),
}

/// Requests input unless all responses are present. The state must be returned unchanged.
fn ask(cx: &Context, questions: Value, state: Option<&str>) -> Result<Asked, ErrorObject> {
    let answers = cx.input_responses();
    let is_answered = |name: &String| match answers.get(name) {
        None | Some(InputResponse::Unknown(_)) => false,
        Some(_) => true,
    };
    let names = questions.as_object().filter(|questions| !questions.is_empty());
    let has_all = names.is_some_and(|names| names.keys().all(is_answered));
    let came_back = cx.request_state();
    if came_back.is_some() && came_back.as_deref() != state {
        let text = "the state is not the one that was given";
        return Err(ErrorObject::new(error_code::INVALID_PARAMS, text));
    }
    if !has_all || came_back.as_deref() != state {
        return Ok(Asked::Still(input(questions, state)?));
    }
    serde_json::to_string(&answers).map(Asked::Answered).map_err(internal)
}

fn input(questions: Value, state: Option<&str>) -> Result<InputRequiredResult, ErrorObject> {
    let mut input = InputRequiredResult::input_required();
    input.input_requests = Some(serde_json::from_value(questions).map_err(internal)?);
    input.request_state = state.map(str::to_owned);
    Ok(input)
}

fn tool(asked: Asked, lead: &str) -> Result<Outcome<CallToolResult>, ErrorObject> {
    Ok(match asked {
        Asked::Still(input) => Outcome::InputRequired(input),
        Asked::Answered(answers) => CallToolResult::new()
            .with_content([ContentBlock::text(format!("{lead}: {answers}"))])
            .into(),
    })
}

fn internal(error: serde_json::Error) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, error.to_string())
}

fn form(message: &str, field: &str, kind: &str) -> Value {
    json!({"method": "elicitation/create", "params": {
        "message": message,
        "requestedSchema": {
            "type": "object",
            "properties": {field: {"type": kind}},
            "required": [field],
        },
    }})
}

fn sampling(question: &str) -> Value {
    json!({"method": "sampling/createMessage", "params": {
        "messages": [{"role": "user", "content": {"type": "text", "text": question}}],
        "maxTokens": 100,
    }})
}

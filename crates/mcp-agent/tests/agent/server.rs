//! A server in this process whose tools change.

use std::sync::{Arc, Mutex};

use futures_util::stream;
use mcp_core::{ErrorObject, Message, Notification, RawJson, Request, Response, error_code};
use mcp_session::{Session, SessionOptions};
use mcp_transport::{Envelope, Exchange, Inbound, InboundSender, Limits, Serve};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};
use tokio::sync::{Barrier, mpsc};

/// A server with configured answers and a record of its requests.
#[derive(Clone)]
pub(crate) struct Shop(Arc<Inner>);

struct Inner {
    is_modern: bool,
    reports_changes: bool,
    state: Mutex<State>,
    /// A barrier for ten calls of `meet`.
    pub(crate) meeting: Barrier,
}

#[derive(Default)]
struct State {
    tools: Value,
    /// Results of `tools/call`, by tool.
    results: Value,
    /// Contents of `resources/read`, by URI.
    pages: Value,
    listed: Option<Value>,
    /// Whether `tools/list` is never answered.
    is_stuck: bool,
    asked: Vec<Value>,
    inbound: Vec<InboundSender>,
    listening: Vec<(Value, mpsc::UnboundedSender<Message>)>,
}

impl Shop {
    pub(crate) fn modern(tools: Value) -> Self {
        Self::new(tools, true, true)
    }

    pub(crate) fn legacy(tools: Value) -> Self {
        Self::new(tools, false, true)
    }

    /// A server that does not report changes of its tools.
    pub(crate) fn silent(tools: Value) -> Self {
        Self::new(tools, false, false)
    }

    fn new(tools: Value, is_modern: bool, reports_changes: bool) -> Self {
        let state = Mutex::new(State { tools, ..State::default() });
        let meeting = Barrier::new(10);
        Self(Arc::new(Inner { is_modern, reports_changes, state, meeting }))
    }

    pub(crate) fn with_result(self, tool: &str, result: Value) -> Self {
        self.0.state.lock().unwrap().results[tool] = result;
        self
    }

    pub(crate) fn with_page(self, uri: &str, contents: Value) -> Self {
        self.0.state.lock().unwrap().pages[uri] = contents;
        self
    }

    pub(crate) fn with_listed(self, resources: Value) -> Self {
        self.0.state.lock().unwrap().listed = Some(resources);
        self
    }

    /// The parameters of all requests of a method.
    pub(crate) fn asked(&self, method: &str) -> Vec<Value> {
        let state = self.0.state.lock().unwrap();
        let asked = state.asked.iter().filter(|it| it["method"] == method);
        asked.map(|it| it["params"].clone()).collect()
    }

    /// Replaces the tools and reports the change.
    pub(crate) fn change(&self, tools: Value) {
        let mut state = self.0.state.lock().unwrap();
        state.tools = tools;
        let changed = |params: Value| {
            let mut changed = Notification::new("notifications/tools/list_changed");
            changed.params = Some(RawJson::from_serialize(&params).unwrap());
            Message::from(changed)
        };
        for inbound in &state.inbound {
            inbound.push(changed(json!({}))).unwrap();
        }
        for (id, listening) in &state.listening {
            let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
            let _ = listening.send(changed(json!({"_meta": meta})));
        }
    }

    /// Sets whether `tools/list` is never answered.
    pub(crate) fn set_stuck(&self, is_stuck: bool) {
        self.0.state.lock().unwrap().is_stuck = is_stuck;
    }

    /// Closes all subscriptions.
    pub(crate) fn hang_up(&self) {
        self.0.state.lock().unwrap().listening.clear();
    }

    fn capabilities(&self) -> Value {
        json!({"tools": {"listChanged": self.0.reports_changes}, "resources": {}})
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, ErrorObject> {
        let state = self.0.state.lock().unwrap();
        let unknown = || ErrorObject::new(error_code::METHOD_NOT_FOUND, "not here");
        match method {
            "server/discover" if self.0.is_modern => {
                let capabilities = self.capabilities();
                Ok(json!({"supportedVersions": ["2026-07-28"], "capabilities": capabilities}))
            }
            "initialize" => {
                let info = json!({"name": "shop", "version": "1"});
                Ok(json!({"protocolVersion": "2025-11-25", "capabilities": self.capabilities(),
                    "serverInfo": info}))
            }
            "tools/list" => Ok(json!({"tools": state.tools})),
            "tools/call" => {
                match params["name"].as_str().and_then(|name| state.results.get(name)) {
                    Some(result) => Ok(result.clone()),
                    None => {
                        let text = params["arguments"].to_string();
                        Ok(json!({"content": [{"type": "text", "text": text}]}))
                    }
                }
            }
            "resources/list" => {
                state.listed.as_ref().map(|it| json!({"resources": it})).ok_or_else(unknown)
            }
            "resources/read" => match params["uri"].as_str().and_then(|uri| state.pages.get(uri)) {
                Some(contents) => Ok(json!({"contents": contents})),
                None => Err(ErrorObject::new(error_code::INVALID_PARAMS, "no such page")),
            },
            _ => Err(unknown()),
        }
    }

    /// Acknowledges the subscription, and reports changes until `hang_up`.
    fn listen(&self, request: Request, params: &Value) -> Exchange {
        let id = request.id;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut acknowledged = Notification::new("notifications/subscriptions/acknowledged");
        let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
        let words = json!({"_meta": meta, "notifications": params["notifications"]});
        acknowledged.params = Some(RawJson::from_serialize(&words).unwrap());
        let _ = sender.send(acknowledged.into());
        self.0.state.lock().unwrap().listening.push((json!(id), sender));
        let end = json!({"resultType": "complete"});
        let mut end = Some(Response::result(id.clone(), RawJson::from_serialize(&end).unwrap()));
        let messages = stream::poll_fn(move |cx| {
            receiver
                .poll_recv(cx)
                .map(|message| message.or_else(|| end.take().map(Message::from)).map(Ok))
        });
        Exchange::from_stream(id, messages)
    }
}

impl Serve for Shop {
    fn open(&self) -> Inbound {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        if !self.0.is_modern {
            self.0.state.lock().unwrap().inbound.push(sender);
        }
        inbound
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let request = request.message;
        let params: Value =
            request.params.as_ref().map(|it| it.decode().unwrap()).unwrap_or_default();
        let asked = json!({"method": request.method, "params": params});
        self.0.state.lock().unwrap().asked.push(asked);
        if request.method == "subscriptions/listen" && self.0.is_modern {
            return self.listen(request, &params);
        }
        let is_stuck = self.0.state.lock().unwrap().is_stuck && request.method == "tools/list";
        if is_stuck {
            std::future::pending::<()>().await;
        }
        if params["name"] == "meet" {
            self.0.meeting.wait().await;
        }
        let id = request.id;
        let response = match self.answer(&request.method, &params) {
            Ok(mut result) => {
                result["resultType"] = json!("complete");
                Response::result(id.clone(), RawJson::from_serialize(&result).unwrap())
            }
            Err(error) => Response::error(id.clone(), error),
        };
        Exchange::answered(id, response)
    }

    fn name(&self) -> String {
        "shop".to_owned()
    }
}

pub(crate) async fn open(shop: &Shop) -> Session {
    let server = Memory::new(shop.clone());
    Session::open(server, Some("shop"), SessionOptions::default()).await.unwrap()
}

/// A tool without parameters.
pub(crate) fn tool(name: &str) -> Value {
    json!({"name": name, "inputSchema": {"type": "object"}})
}

//! A modern server in this process, for streams that a pipe cannot produce.

use std::sync::{Arc, Mutex};

use futures_util::stream;
use mcp_core::{Message, Notification, RawJson, Request, RequestId, Response};
use mcp_session::{Session, SessionOptions};
use mcp_transport::{Envelope, Exchange, IdleLimit, Inbound, Serve};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};

type Script = dyn Fn(Request) -> Exchange + Send + Sync;

/// Responds to the probe, and to everything else with a script.
#[derive(Clone)]
pub(crate) struct Local {
    script: Arc<Script>,
    enforces_idle_limit: bool,
    inbound: Arc<Mutex<Option<Inbound>>>,
    /// The idle limits of all requests but the probe.
    pub(crate) limits: Arc<Mutex<Vec<IdleLimit>>>,
}

impl Local {
    pub(crate) fn new(script: impl Fn(Request) -> Exchange + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            enforces_idle_limit: false,
            inbound: Arc::default(),
            limits: Arc::default(),
        }
    }

    /// Enforces idle limits, as a group of servers does.
    pub(crate) fn enforcing(mut self) -> Self {
        self.enforces_idle_limit = true;
        self
    }

    /// Sends this message outside of exchanges.
    pub(crate) fn sending(self, inbound: Inbound) -> Self {
        *self.inbound.lock().unwrap() = Some(inbound);
        self
    }

    pub(crate) async fn open(&self) -> Session {
        let options = SessionOptions::default();
        Session::open(Memory::new(self.clone()), Some("local"), options).await.unwrap()
    }
}

impl Serve for Local {
    fn open(&self) -> Inbound {
        self.inbound.lock().unwrap().take().unwrap_or_else(Inbound::none)
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        if request.message.method == "server/discover" {
            let result = json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"],
                "capabilities": {} });
            return answered(request.message.id, &result);
        }
        self.limits.lock().unwrap().push(request.idle_limit);
        (self.script)(request.message)
    }

    fn enforces_idle_limit(&self) -> bool {
        self.enforces_idle_limit
    }

    fn name(&self) -> String {
        "local".to_owned()
    }
}

pub(crate) fn answered(id: RequestId, result: &Value) -> Exchange {
    let result = RawJson::from_serialize(result).unwrap();
    Exchange::answered(id.clone(), Response::result(id, result))
}

/// An exchange without messages.
pub(crate) fn silent(request: Request) -> Exchange {
    Exchange::from_stream(request.id, stream::pending())
}

/// An exchange that always has another notification ready.
pub(crate) fn endless(request: Request) -> Exchange {
    let notification: Message = Notification::new("notifications/endless").into();
    Exchange::from_stream(request.id, stream::repeat_with(move || Ok(notification.clone())))
}

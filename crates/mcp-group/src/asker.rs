//! Requests of servers for the client whose call is open.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_core::{
    CancelledNotificationParams, ClientCapabilities, CreateMessageRequestParams,
    ElicitRequestParams, ElicitationCapability, ErrorObject, Notification, RawJson, Request,
    RequestId, RootsCapability, SamplingCapability, decode_params, error_code, method,
};
use mcp_session::{RawRequest, ServerRequest};
use mcp_transport::{Inbound, InboundSender, Limits};

use crate::{client::GroupClient, pending::Pending};

/// The number of the next request to a client.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Sends the requests of servers to the client of one call.
pub(crate) struct Asker {
    client: Arc<GroupClient>,
    is_modern: bool,
    capabilities: ClientCapabilities,
    /// In the legacy era those of all calls of the client, whose responses name no call.
    pending: Arc<Pending>,
    /// Those of this call.
    asked: Mutex<HashSet<RequestId>>,
    sender: InboundSender,
}

impl Asker {
    /// For a call of a legacy client, or of a modern one with the capabilities that it sent with the call. Its requests
    /// are read from the [`Inbound`].
    pub(crate) fn new(
        client: &Arc<GroupClient>,
        modern: Option<ClientCapabilities>,
    ) -> (Arc<Self>, Inbound) {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        let asker = Self {
            is_modern: modern.is_some(),
            pending: match modern {
                Some(_) => Arc::default(),
                None => Arc::clone(client.pending()),
            },
            capabilities: modern.unwrap_or_else(|| client.capabilities()),
            client: Arc::clone(client),
            asked: Mutex::default(),
            sender,
        };
        (Arc::new(asker), inbound)
    }

    pub(crate) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// Sends a request to the client and waits for the response. Dropping the future cancels it.
    async fn ask(&self, request: RawRequest) -> Result<RawJson, ErrorObject> {
        self.check(&request.method, request.params.as_ref())?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = RequestId::from(format!("group-{number}"));
        let mut message = Request::new(id.clone(), request.method);
        message.params = request.params;
        let response = self.pending.add(id.clone());
        let asked = Asked { asker: self, id };
        self.asked().insert(asked.id.clone());
        if self.sender.push(message.into()).is_err() {
            return Err(refusal("the client of the call does not read its messages"));
        }
        response.await.unwrap_or_else(|_| Err(refusal("the call of the client has ended")))
    }

    /// Whether the client supports a request.
    ///
    /// # Errors
    /// The response to a server if it does not.
    pub(crate) fn check(&self, method: &str, params: Option<&RawJson>) -> Result<(), ErrorObject> {
        let is_supported = match method {
            method::ELICITATION_CREATE => {
                let elicitation = self.capabilities.elicitation.as_ref();
                elicitation.is_some_and(|it| match decode_params(params) {
                    Ok(ElicitRequestParams::Url(_)) => it.url.is_some(),
                    _ => it.supports_form(),
                })
            }
            method::SAMPLING_CREATE_MESSAGE => {
                let needs_tools =
                    decode_params(params).is_ok_and(|it: CreateMessageRequestParams| {
                        it.tools.is_some() || it.tool_choice.is_some()
                    });
                let sampling = self.capabilities.sampling.as_ref();
                sampling.is_some_and(|it| !needs_tools || it.tools.is_some())
            }
            method::ROOTS_LIST => self.capabilities.roots.is_some(),
            _ => false,
        };
        match is_supported {
            true => Ok(()),
            false => {
                let text = format!("the client of the call does not support this {method}");
                Err(ErrorObject::new(error_code::METHOD_NOT_FOUND, text))
            }
        }
    }

    fn asked(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request to a client, cancelled on drop.
struct Asked<'a> {
    asker: &'a Asker,
    id: RequestId,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.asker.asked().remove(&self.id);
        let is_open = self.asker.pending.remove(&self.id).is_some();
        if !is_open || self.asker.is_modern {
            return;
        }
        let mut params = CancelledNotificationParams::new();
        params.request_id = Some(self.id.clone());
        if let Ok(params) = RawJson::from_serialize(&params) {
            let cancelled = Notification::new(method::NOTIFICATIONS_CANCELLED);
            // Fails if the call has ended, and with it the request.
            let _ = self.asker.sender.push(cancelled.with_params(params).into());
        }
    }
}

/// The calls that a server is working on.
#[derive(Default)]
pub(crate) struct OpenCalls {
    open: Mutex<BTreeMap<u64, Arc<Asker>>>,
    next: AtomicU64,
}

impl OpenCalls {
    /// Adds a call, until the guard is dropped.
    pub(crate) fn begin<'a>(&'a self, asker: &Arc<Asker>) -> OpenCall<'a> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Arc::clone(asker));
        OpenCall { calls: self, number }
    }

    /// Sends a request of the server to the client of its call. Dropping the future cancels it.
    ///
    /// # Errors
    /// The response to the server: that of the client, or the reason why it was not asked.
    pub(crate) async fn ask(
        &self,
        request: ServerRequest<RawRequest>,
    ) -> Result<RawJson, ErrorObject> {
        let asker = self.find(request.call.and_then(|call| call.tag))?;
        asker.ask(request.params).await
    }

    /// Over HTTP a request belongs to a call; over a pipe it is that of the only client with an open call.
    fn find(&self, number: Option<u64>) -> Result<Arc<Asker>, ErrorObject> {
        let open = self.lock();
        if let Some(number) = number {
            let asker = open.get(&number).cloned();
            return asker.ok_or_else(|| refusal("the call of the request has ended"));
        }
        let Some((_, last)) = open.last_key_value() else {
            return Err(refusal("no client has an open call, so that none can be asked"));
        };
        let is_same = |other: &Arc<Asker>| {
            Arc::ptr_eq(other, last)
                || (!last.is_modern && Arc::ptr_eq(&other.client, &last.client))
        };
        match open.values().all(is_same) {
            true => Ok(Arc::clone(last)),
            false => Err(refusal(
                "several clients have open calls, and the request does not name its call",
            )),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Asker>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry of [`OpenCalls`]. Dropping it fails the requests to the client.
pub(crate) struct OpenCall<'a> {
    calls: &'a OpenCalls,
    number: u64,
}

impl OpenCall<'_> {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        let asker = self.calls.lock().remove(&self.number);
        if let Some(asker) = asker {
            let asked = std::mem::take(&mut *asker.asked());
            asked.iter().for_each(|id| drop(asker.pending.remove(id)));
        }
    }
}

/// Adds the capabilities of clients whose requests are forwarded, since clients are unknown when a server is opened.
pub(crate) fn with_all(mut capabilities: ClientCapabilities) -> ClientCapabilities {
    let elicitation = capabilities.elicitation.get_or_insert_with(ElicitationCapability::default);
    elicitation.form.get_or_insert_default();
    elicitation.url.get_or_insert_default();
    let sampling = capabilities.sampling.get_or_insert_with(SamplingCapability::default);
    sampling.tools.get_or_insert_default();
    let roots = capabilities.roots.get_or_insert_with(RootsCapability::default);
    roots.list_changed.get_or_insert(true);
    capabilities
}

fn refusal(text: &'static str) -> ErrorObject {
    ErrorObject::new(error_code::INTERNAL_ERROR, text)
}

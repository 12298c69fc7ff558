//! Extensions of the protocol: what another crate adds to a session.
//!
//! Spec: SEP-2133

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use mcp_core::{
    ClientCapabilities, Entries, ErrorObject, Notification, RawJson, SubscriptionFilter, error_code,
};
use mcp_transport::Delivery;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    CallInfo, Error, ErrorKind, List, Session, SessionOptions, Timeout, handlers::ProgressHandler,
    rounds::all,
};

/// An extension of the protocol, as a session uses it: what is declared to servers, and what is done with
/// results and notifications that are the extension's own.
///
/// It is given to [`SessionOptions::extensions`] and may serve many sessions at once. Calls that have
/// nothing to do with it do not reach it.
///
/// Spec: SEP-2133
pub trait Extension: Send + Sync + 'static {
    /// The name under which it is declared, such as `io.modelcontextprotocol/tasks`.
    fn id(&self) -> &str;

    /// The settings that are declared under that name, in `capabilities.extensions`. Default: none.
    fn settings(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Whether [`finish`](Extension::finish) makes the final result of this method out of a result of this
    /// kind. What no extension takes is an error of the call. Default: it does not.
    ///
    /// Spec: basic/index#resulttype
    fn takes(&self, method: &str, result_type: &str) -> bool {
        let _ = (method, result_type);
        false
    }

    /// Makes the final result out of one that it [takes](Extension::takes). A result that asks for input is
    /// as good as a final one: the rounds of the call go on with it, those by hand too.
    ///
    /// The future is dropped when the total limit of the call is reached, and when the call is dropped.
    fn finish(&self, foreign: ForeignResult) -> Finishing {
        let message = format!("nothing is made of a result of kind {:?}", foreign.result_type);
        let error = foreign.session.error(ErrorKind::Decode, message);
        let error = error.with_delivery(Delivery::Answered);
        Box::pin(std::future::ready(Err(error)))
    }

    /// Hears every notification of a server, before the application does. `server` is the
    /// [name](Session::name) of the session. It must not block. Default: nothing.
    fn heard(&self, server: &str, notification: &Notification) {
        let _ = (server, notification);
    }

    /// Adds its own keys to what a `subscriptions/listen` asks for. Default: nothing.
    ///
    /// Spec: basic/patterns/subscriptions
    fn listen(&self, filter: &mut SubscriptionFilter) {
        let _ = filter;
    }
}

/// The work of [`Extension::finish`]: the result as JSON.
pub type Finishing = Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>>;

/// A result of a kind that an extension defines, with the call that it answers.
#[derive(Clone)]
#[non_exhaustive]
pub struct ForeignResult {
    /// The session of the call.
    pub session: Session,
    /// The call.
    pub call: CallInfo,
    /// What kind of result it is.
    pub result_type: String,
    /// The whole result, as it came.
    pub result: RawJson,
    /// The limits of the call; of the total one, what is left of it.
    pub timeout: Timeout,
    /// Whether the caller answers by hand what the server asks for, and no handler may: see
    /// [`Call::manual_input`](crate::Call::manual_input).
    pub is_manual: bool,
    /// Who takes the progress of the call. It must not block.
    pub on_progress: Option<ProgressHandler>,
}

impl fmt::Debug for ForeignResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignResult")
            .field("call", &self.call)
            .field("result_type", &self.result_type)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// What the server says of an extension, as a type of yours: `None` where it does not offer it.
    ///
    /// # Errors
    /// Kind [`Decode`](ErrorKind::Decode) when its settings have another shape.
    pub fn extension<S: DeserializeOwned>(&self, id: &str) -> Result<Option<S>, Error> {
        let offered = self.capabilities().extensions.as_ref().and_then(|all| all.get(id));
        offered.map(S::deserialize).transpose().map_err(|error| {
            let message = format!("its settings of {id} have the wrong shape");
            let answered = Delivery::Answered;
            self.error(ErrorKind::Decode, message).with_delivery(answered).with_source(error)
        })
    }

    /// What a `subscriptions/listen` asks for, with the keys that the extensions of this session add.
    pub(crate) fn extended_filter(&self, mut filter: SubscriptionFilter) -> SubscriptionFilter {
        self.extensions().iter().for_each(|extension| extension.listen(&mut filter));
        filter
    }

    /// Asks for a list that an extension defines, by its method.
    pub fn list<P>(&self, method: &'static str) -> List<P> {
        List::new(self.clone(), method)
    }

    /// Does work for a call, and gives it up as soon as the session is [closed](Session::closed).
    ///
    /// # Errors
    /// Kind [`Closed`](ErrorKind::Closed) then.
    pub async fn until_closed<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let (mut work, mut closed) = (pin!(work), pin!(self.closed()));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => closed.as_mut().poll(cx).map(|()| {
                let error = self.error(ErrorKind::Closed, "the session is over");
                Err(error.with_delivery(Delivery::Unknown))
            }),
        })
        .await
    }

    /// Has the handlers of this session answer all that the server asks for at once, such as forms, while it
    /// serves `call`. Each of the `requests` has a `method` and its `params`, and the answers have their names.
    ///
    /// # Errors
    /// The name of the first that is not to be had, and why.
    pub async fn answer_requests(
        &self,
        requests: &Entries<RawJson>,
        call: Option<&CallInfo>,
    ) -> Result<Entries<RawJson>, (String, ErrorObject)> {
        #[derive(Deserialize)]
        struct Wanted {
            method: String,
            #[serde(default)]
            params: Option<RawJson>,
        }

        let answers = requests.iter().map(|(name, request)| {
            Box::pin(async move {
                let wanted = request.decode().map_err(|error| {
                    ErrorObject::new(error_code::INVALID_REQUEST, error.to_string())
                });
                let answer = match wanted {
                    Ok(Wanted { method, params }) => {
                        let answering = self.answering();
                        answering.traced_outcome(method.into(), params, call.cloned(), None).await
                    }
                    Err(error) => Err(error),
                };
                match answer {
                    Ok(answer) => Ok((name, answer)),
                    Err(error) => Err((name.to_owned(), error)),
                }
            })
        });
        Ok(all(answers.collect()).await?.into_iter().collect())
    }
}

/// What all of a session's handlers and extensions declare. What the application states itself stands.
pub(crate) fn declared(options: &SessionOptions) -> ClientCapabilities {
    let mut declared = options.handlers.declared(&options.capabilities);
    for extension in &options.extensions {
        let all = declared.extensions.get_or_insert_default();
        if !all.contains_key(extension.id()) {
            all.insert(extension.id().to_owned(), Value::Object(extension.settings()));
        }
    }
    declared
}

/// The extension that takes a result, and the kind that the result is of.
pub(crate) fn taker<'a>(
    extensions: &'a [Arc<dyn Extension>],
    method: &str,
    result: &RawJson,
) -> Option<(&'a dyn Extension, String)> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "resultType")]
        result_type: String,
    }

    if extensions.is_empty() {
        return None;
    }
    let Kind { result_type } = result.decode().ok()?;
    let extension = extensions.iter().find(|it| it.takes(method, &result_type))?;
    Some((&**extension, result_type))
}

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Wake,
};

use mcp_core::{ErrorObject, RawJson};
use proptest::prelude::*;

use super::*;
use crate::EnvelopeMessage;

struct Noop;

impl Wake for Noop {
    fn wake(self: Arc<Self>) {}
}

fn poll(routes: &mut Routes, id: &RequestId) -> Poll<Option<Result<Message, Error>>> {
    routes.poll(id, &mut Context::from_waker(&Waker::from(Arc::new(Noop))))
}

fn options(is_long_lived: bool) -> RouteOptions {
    RouteOptions { is_long_lived, skips_validation: false, offset: Some(0) }
}

fn open(routes: &mut Routes, request: &Request) {
    routes.open(request, options(request.is_long_lived())).unwrap();
}

fn is_inbound(routed: &Routed) -> bool {
    matches!(routed, Routed::Inbound(_))
}

fn request(id: impl Into<RequestId>, method: &'static str, params: &str) -> Request {
    Request::new(id, method).with_params(RawJson::from_text(params.to_owned()).unwrap())
}

fn notification(method: impl Into<String>, params: &str) -> Message {
    let params = RawJson::from_text(params.to_owned()).unwrap();
    Notification::new(method.into()).with_params(params).into()
}

fn response(id: impl Into<RequestId>) -> Message {
    Response::result(id.into(), RawJson::trusted("{}")).into()
}

fn error_without_id(code: i64) -> Message {
    Response::error(None, ErrorObject::new(code, "what?")).into()
}

/// Open requests: a call with id 1 and token "t", a call with id "1" and token 5, a subscription with id 7.
#[test]
fn messages_are_routed_to_their_exchange_or_to_inbound() {
    let progress = |token: &str| {
        let params = format!(r#"{{"progressToken":{token},"progress":1}}"#);
        notification("notifications/progress", &params)
    };
    let tagged = |id: &str| {
        let params = format!(r#"{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#);
        notification("notifications/tools/list_changed", &params)
    };
    let cancelled =
        |id: &str| notification("notifications/cancelled", &format!(r#"{{"requestId":{id}}}"#));
    let number = || Some(RequestId::from(1));
    let string = || Some(RequestId::from("1"));
    let subscription = || Some(RequestId::from(7));
    let inbound = None;
    let cases: Vec<(Message, Option<RequestId>)> = vec![
        (response(1), number()),
        (response("1"), string()),
        (progress("\"t\""), number()),
        (progress("5"), string()),
        // A string matches the number that it spells, unless the same string is open.
        (progress("\"5\""), string()),
        (progress("\"6\""), inbound.clone()),
        (progress("null"), inbound.clone()),
        (tagged("7"), subscription()),
        (tagged("\"7\""), subscription()),
        (response("7"), subscription()),
        // The request is not a subscription.
        (tagged("1"), inbound.clone()),
        (cancelled("7"), subscription()),
        // In the legacy era this is the id of a request of the server.
        (cancelled("1"), inbound.clone()),
        (notification("notifications/message", "{}"), inbound.clone()),
        (Notification::new("notifications/progress").into(), inbound.clone()),
        (Request::new(1, "ping").into(), inbound.clone()),
        // Ambiguous: three requests are open.
        (error_without_id(-32700), inbound),
    ];
    for (message, owner) in cases {
        let mut routes = Routes::new(&Limits::default());
        let requests = [
            request(1, "tools/call", r#"{"_meta":{"progressToken":"t"}}"#),
            request("1", "tools/call", r#"{"_meta":{"progressToken":5}}"#),
            Request::new(7, "subscriptions/listen"),
        ];
        for request in &requests {
            open(&mut routes, request);
        }
        let routed = routes.deliver(message.clone());
        for request in &requests {
            let got = poll(&mut routes, &request.id).is_ready();
            assert_eq!(got, owner.as_ref() == Some(&request.id), "{message:?} for {}", request.id);
        }
        assert_eq!(is_inbound(&routed), owner.is_none(), "{message:?}");
    }
}

#[test]
fn an_error_without_an_id_belongs_to_the_only_open_request_if_it_was_not_parsed() {
    let cases = [
        ("tools/list", -32700, true),
        ("tools/list", -32600, true),
        // From a server that responds to notifications, such as `notifications/initialized`.
        ("tools/list", -32601, false),
        ("subscriptions/listen", -32601, false),
        ("initialize", -32601, true),
        ("server/discover", -32000, true),
    ];
    for (method, code, is_answered) in cases {
        let mut routes = Routes::new(&Limits::default());
        open(&mut routes, &Request::new(1, method));
        let routed = routes.deliver(error_without_id(code));
        assert_eq!(is_inbound(&routed), !is_answered, "{method} {code}");
        let polled = poll(&mut routes, &1.into());
        let response = matches!(polled, Poll::Ready(Some(Ok(Message::Response(_)))));
        assert_eq!(response, is_answered, "{method} {code}");
    }
}

#[test]
fn a_long_lived_exchange_of_any_method_is_a_subscription() {
    let mut routes = Routes::new(&Limits::default());
    routes.open(&Request::new(7, "events/stream"), options(true)).unwrap();
    let params = r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}"#;
    routes.deliver(notification("events/event", params));
    assert!(matches!(poll(&mut routes, &7.into()), Poll::Ready(Some(Ok(_)))));
}

#[test]
fn a_subscription_that_the_server_ended_is_not_cancelled() {
    let mut routes = Routes::new(&Limits::default());
    open(&mut routes, &Request::new(7, "subscriptions/listen"));
    routes.deliver(notification("notifications/cancelled", r#"{"requestId":7}"#));
    let mut polled = Vec::new();
    while let Poll::Ready(Some(item)) = poll(&mut routes, &7.into()) {
        polled.push(item);
    }
    let [Ok(Message::Notification(_)), Err(error)] = &polled[..] else { panic!("{polled:?}") };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(routes.close(&7.into()).is_none());

    open(&mut routes, &Request::new(8, "subscriptions/listen"));
    routes.deliver(notification("notifications/cancelled", r#"{"requestId":8}"#));
    assert!(routes.close(&8.into()).is_none(), "not even if the end was not read");
}

#[test]
fn a_full_queue_ends_only_its_exchange() {
    let limits = Limits::default().with_exchange(3).with_waiting(2000);
    let tagged = |method: &'static str, bytes: usize| {
        let meta = r#""_meta":{"io.modelcontextprotocol/subscriptionId":1}"#;
        notification(method, &format!("{{{meta},\"x\":\"{}\"}}", "y".repeat(bytes)))
    };
    let mut routes = Routes::new(&limits);
    open(&mut routes, &Request::new(1, "subscriptions/listen"));
    open(&mut routes, &Request::new(2, "tools/call"));
    for _ in 0..2 {
        routes.deliver(tagged("a", 1200));
    }
    assert!(matches!(poll(&mut routes, &1.into()), Poll::Ready(Some(Ok(_)))));
    let Poll::Ready(Some(Err(error))) = poll(&mut routes, &1.into()) else { panic!() };
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Lagged, Delivery::Answered));
    assert!(poll(&mut routes, &2.into()).is_pending());
    assert!(routes.close(&1.into()).is_some(), "it is still open at the server");
}

#[test]
fn excess_progress_is_dropped_and_the_response_is_kept() {
    let mut routes = Routes::new(&Limits::default().with_exchange(3));
    open(&mut routes, &request(1, "tools/call", r#"{"_meta":{"progressToken":1}}"#));
    for n in 0..100 {
        let params = format!(r#"{{"progressToken":1,"progress":{n}}}"#);
        routes.deliver(notification("notifications/progress", &params));
    }
    routes.deliver(response(1));
    let mut found = Vec::new();
    while let Poll::Ready(Some(Ok(message))) = poll(&mut routes, &1.into()) {
        found.push(message);
    }
    let [.., Message::Notification(last), Message::Response(_)] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(last.params.as_ref().unwrap().as_bytes(), br#"{"progressToken":1,"progress":99}"#);
    assert_eq!(found.len(), 4);
}

/// One step of a random run. There are few ids, so that they collide.
#[derive(Debug, Clone)]
enum Step {
    Open(u8),
    Progress(u8),
    Answer(u8),
    Inbound,
    Poll(u8),
    Close(u8),
    End,
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_u8..6;
    prop_oneof![
        4 => id.clone().prop_map(Step::Open),
        6 => id.clone().prop_map(Step::Progress),
        3 => id.clone().prop_map(Step::Answer),
        2 => Just(Step::Inbound),
        8 => id.clone().prop_map(Step::Poll),
        2 => id.prop_map(Step::Close),
        1 => Just(Step::End),
    ]
}

/// Even ids are numbers, and odd ids are the strings of their predecessors.
fn id_of(id: u8) -> RequestId {
    match id % 2 {
        0 => i64::from(id).into(),
        _ => (id - 1).to_string().into(),
    }
}

/// The open request that an id matches: a string also matches its number, unless the string is open.
fn owner(open: &BTreeMap<u8, Expected>, id: u8) -> Option<u8> {
    let number = (id % 2 == 1).then(|| id - 1);
    [Some(id), number].into_iter().flatten().find(|id| open.contains_key(id))
}

/// The expected items of one open request, in order.
#[derive(Default)]
struct Expected {
    messages: VecDeque<Message>,
    end: Option<Result<Message, ()>>,
}

proptest! {
    #[test]
    fn no_interleaving_loses_repeats_or_misroutes_a_message(
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let mut routes = Routes::new(&Limits::default());
        let mut open: BTreeMap<u8, Expected> = BTreeMap::new();
        let mut ended = false;
        let mut serial = 0;
        for step in steps {
            serial += 1;
            match step {
                Step::Open(id) if !ended => {
                    let token = serde_json::to_string(&id_of(id)).unwrap();
                    let params = format!(r#"{{"_meta":{{"progressToken":{token}}}}}"#);
                    let request = request(id_of(id), "tools/call", &params);
                    let opened = routes.open(&request, options(false));
                    prop_assert_eq!(opened.is_err(), open.contains_key(&id));
                    open.entry(id).or_default();
                }
                Step::Open(_) => prop_assert!(routes.refusal().is_some()),
                Step::Progress(id) => {
                    let token = serde_json::to_string(&id_of(id)).unwrap();
                    let params = format!(r#"{{"progressToken":{token},"progress":{serial}}}"#);
                    let message = notification("notifications/progress", &params);
                    let routed = routes.deliver(message.clone());
                    let owner = owner(&open, id);
                    prop_assert_eq!(is_inbound(&routed), !ended && owner.is_none());
                    if let Some(expected) = owner.and_then(|id| open.get_mut(&id))
                        && expected.end.is_none()
                        && !ended
                    {
                        expected.messages.push_back(message);
                    }
                }
                Step::Answer(id) => {
                    let result = RawJson::from_serialize(&serial).unwrap();
                    let message = Message::from(Response::result(id_of(id), result));
                    routes.deliver(message.clone());
                    if let Some(expected) = owner(&open, id).and_then(|id| open.get_mut(&id)) {
                        expected.end.get_or_insert(Ok(message));
                    }
                }
                Step::Inbound => {
                    let message = notification(format!("n{serial}"), "{}");
                    let routed = routes.deliver(message.clone());
                    prop_assert_eq!(is_inbound(&routed), !ended);
                }
                Step::Poll(id) => {
                    let polled = poll(&mut routes, &id_of(id));
                    let Some(expected) = open.get_mut(&id) else {
                        prop_assert!(matches!(polled, Poll::Ready(None)));
                        continue;
                    };
                    if let Some(message) = expected.messages.pop_front() {
                        let Poll::Ready(Some(Ok(polled))) = polled else { panic!("{polled:?}") };
                        prop_assert_eq!(polled, message);
                        continue;
                    }
                    match expected.end.take() {
                        None => prop_assert!(polled.is_pending()),
                        Some(end) => {
                            let Poll::Ready(Some(polled)) = polled else { panic!("{polled:?}") };
                            prop_assert_eq!(polled.map_err(|_| ()), end);
                            open.remove(&id);
                        }
                    }
                }
                Step::Close(id) => {
                    let cancel = routes.close(&id_of(id));
                    let expected = open.remove(&id);
                    let working = expected.is_some_and(|expected| expected.end.is_none());
                    prop_assert_eq!(cancel.is_some(), working && !ended);
                }
                Step::End => {
                    let error = Error::new(ErrorKind::Closed, "closed");
                    routes.end(&error, 1, &mut Vec::new());
                    ended = true;
                    for expected in open.values_mut() {
                        expected.end.get_or_insert(Err(()));
                    }
                }
            }
            // No route is left over.
            prop_assert_eq!(routes.open.len(), open.len());
            prop_assert_eq!(routes.tokens.len(), open.len());
        }
    }
}

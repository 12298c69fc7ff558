#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Wake,
};

use mcp_core::RawJson;
use proptest::prelude::*;

use super::*;

struct Noop;

impl Wake for Noop {
    fn wake(self: Arc<Self>) {}
}

fn poll(routes: &mut Routes, id: &RequestId) -> Poll<Option<Result<Message, Error>>> {
    routes.poll(id, &mut Context::from_waker(&Waker::from(Arc::new(Noop))))
}

fn poll_inbound(routes: &mut Routes) -> Poll<Option<Result<Message, Error>>> {
    routes.poll_inbound(&mut Context::from_waker(&Waker::from(Arc::new(Noop))))
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

fn error_without_id() -> Message {
    Response::error(None, ErrorObject::new(-32700, "what?")).into()
}

/// Where a message ends up while these requests are open: a call with the id 1 and the token "t", one
/// with the id "1" and the token 5, a subscription with the id 7.
#[test]
fn who_gets_what() {
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
        (progress("\"5\""), inbound.clone()),
        (progress("null"), inbound.clone()),
        (tagged("7"), subscription()),
        (tagged("\"7\""), inbound.clone()),
        // The id of a call is no subscription.
        (tagged("1"), inbound.clone()),
        (cancelled("7"), subscription()),
        // In the legacy era this names a request of the server.
        (cancelled("1"), inbound.clone()),
        (notification("notifications/message", "{}"), inbound.clone()),
        (Notification::new("notifications/progress").into(), inbound.clone()),
        (Request::new(1, "ping").into(), inbound.clone()),
        // There are three that it can be about.
        (error_without_id(), inbound),
    ];
    for (message, owner) in cases {
        let mut routes = Routes::new(Limits::default());
        let open = [
            request(1, "tools/call", r#"{"_meta":{"progressToken":"t"}}"#),
            request("1", "tools/call", r#"{"_meta":{"progressToken":5}}"#),
            Request::new(7, "subscriptions/listen"),
        ];
        for request in &open {
            routes.open(request, Some(0)).unwrap();
        }
        assert!(routes.deliver(message.clone()).reply.is_none());
        for request in &open {
            let got = poll(&mut routes, &request.id).is_ready();
            assert_eq!(got, owner.as_ref() == Some(&request.id), "{message:?} for {}", request.id);
        }
        assert_eq!(poll_inbound(&mut routes).is_ready(), owner.is_none(), "{message:?}");
    }
}

#[test]
fn an_error_without_an_id_is_about_the_only_request() {
    let mut routes = Routes::new(Limits::default());
    routes.open(&Request::new(1, "tools/list"), Some(0)).unwrap();
    routes.deliver(error_without_id());
    assert!(matches!(poll(&mut routes, &1.into()), Poll::Ready(Some(Ok(Message::Response(_))))));
}

#[test]
fn the_server_ends_a_subscription_and_need_not_be_told() {
    let mut routes = Routes::new(Limits::default());
    routes.open(&Request::new(7, "subscriptions/listen"), Some(0)).unwrap();
    routes.deliver(notification("notifications/cancelled", r#"{"requestId":7}"#));
    let mut polled = Vec::new();
    while let Poll::Ready(Some(item)) = poll(&mut routes, &7.into()) {
        polled.push(item);
    }
    let [Ok(Message::Notification(_)), Err(error)] = &polled[..] else { panic!("{polled:?}") };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(routes.close(&7.into()).is_none());

    routes.open(&Request::new(8, "subscriptions/listen"), Some(0)).unwrap();
    routes.deliver(notification("notifications/cancelled", r#"{"requestId":8}"#));
    assert!(routes.close(&8.into()).is_none(), "not even when nobody has read of it");
}

#[test]
fn what_waits_is_bounded_in_messages_and_bytes() {
    let limits = Limits { exchange: 3, inbound: 2, message: 100, ..Limits::default() };
    let big = |method: &'static str, bytes: usize| {
        let token = r#""progressToken":1"#;
        notification(method, &format!("{{{token},\"x\":\"{}\"}}", "y".repeat(bytes)))
    };
    let mut routes = Routes::new(limits);
    routes.open(&request(1, "tools/call", r#"{"_meta":{"progressToken":1}}"#), Some(0)).unwrap();
    routes.open(&request(2, "tools/call", "{}"), Some(0)).unwrap();
    for _ in 0..2 {
        routes.deliver(big("notifications/progress", 60));
    }
    assert!(matches!(poll(&mut routes, &1.into()), Poll::Ready(Some(Ok(_)))));
    let Poll::Ready(Some(Err(error))) = poll(&mut routes, &1.into()) else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Overflow);
    assert!(poll(&mut routes, &2.into()).is_pending());

    for _ in 0..3 {
        routes.deliver(big("notifications/message", 1));
    }
    for _ in 0..2 {
        assert!(matches!(poll_inbound(&mut routes), Poll::Ready(Some(Ok(_)))));
    }
    let Poll::Ready(Some(Err(error))) = poll_inbound(&mut routes) else { panic!() };
    assert_eq!(error.to_string(), "1 messages were lost since nobody read them");
    assert!(poll_inbound(&mut routes).is_pending(), "it goes on");
    // One that is larger than everything passes alone.
    routes.deliver(big("notifications/message", 500));
    routes.deliver(big("notifications/message", 1));
    assert!(matches!(poll_inbound(&mut routes), Poll::Ready(Some(Ok(_)))));
    assert!(matches!(poll_inbound(&mut routes), Poll::Ready(Some(Err(_)))));
}

/// One step of a random run. Ids are few, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Open(u8),
    Progress(u8),
    Answer(u8),
    Inbound,
    Poll(u8),
    PollInbound,
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
        2 => Just(Step::PollInbound),
        2 => id.prop_map(Step::Close),
        1 => Just(Step::End),
    ]
}

/// Even ids are numbers and odd ones the strings of their predecessors, so that types matter.
fn id_of(id: u8) -> RequestId {
    match id % 2 {
        0 => i64::from(id).into(),
        _ => (id - 1).to_string().into(),
    }
}

/// What one open request has to yield, in order.
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
        let mut routes = Routes::new(Limits::default());
        let mut open: BTreeMap<u8, Expected> = BTreeMap::new();
        let mut inbound = VecDeque::new();
        let mut ended = false;
        let mut serial = 0;
        for step in steps {
            serial += 1;
            match step {
                Step::Open(id) if !ended => {
                    let token = serde_json::to_string(&id_of(id)).unwrap();
                    let params = format!(r#"{{"_meta":{{"progressToken":{token}}}}}"#);
                    let opened = routes.open(&request(id_of(id), "tools/call", &params), Some(0));
                    prop_assert_eq!(opened.is_err(), open.contains_key(&id));
                    open.entry(id).or_default();
                }
                Step::Open(_) => prop_assert!(routes.refusal().is_some()),
                Step::Progress(id) => {
                    let token = serde_json::to_string(&id_of(id)).unwrap();
                    let params = format!(r#"{{"progressToken":{token},"progress":{serial}}}"#);
                    let message = notification("notifications/progress", &params);
                    routes.deliver(message.clone());
                    match open.get_mut(&id) {
                        _ if ended => {}
                        Some(expected) if expected.end.is_none() => {
                            expected.messages.push_back(message);
                        }
                        Some(_) => {}
                        None => inbound.push_back(message),
                    }
                }
                Step::Answer(id) => {
                    let result = RawJson::from_serialize(&serial).unwrap();
                    let message = Message::from(Response::result(id_of(id), result));
                    routes.deliver(message.clone());
                    if let Some(expected) = open.get_mut(&id) {
                        expected.end.get_or_insert(Ok(message));
                    }
                }
                Step::Inbound => {
                    let message = notification(format!("n{serial}"), "{}");
                    routes.deliver(message.clone());
                    if !ended {
                        inbound.push_back(message);
                    }
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
                Step::PollInbound => match (poll_inbound(&mut routes), inbound.pop_front()) {
                    (Poll::Ready(Some(Ok(polled))), Some(message)) => {
                        prop_assert_eq!(polled, message);
                    }
                    (polled, None) => {
                        prop_assert!(!matches!(polled, Poll::Ready(Some(Ok(_)))));
                        prop_assert_eq!(polled.is_ready(), ended);
                    }
                    (polled, message) => panic!("{polled:?} instead of {message:?}"),
                },
                Step::Close(id) => {
                    let cancel = routes.close(&id_of(id));
                    let expected = open.remove(&id);
                    let working = expected.is_some_and(|expected| expected.end.is_none());
                    prop_assert_eq!(cancel.is_some(), working && !ended);
                }
                Step::End => {
                    let error = Error::new(ErrorKind::Closed, "over");
                    routes.end(&error, 1, &mut Vec::new());
                    ended = true;
                    for expected in open.values_mut() {
                        expected.end.get_or_insert(Err(()));
                    }
                }
            }
            // No route outlives its request.
            prop_assert_eq!(routes.open.len(), open.len());
            prop_assert_eq!(routes.tokens.len(), open.len());
        }
    }
}

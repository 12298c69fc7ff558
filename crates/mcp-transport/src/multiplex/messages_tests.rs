#![allow(clippy::unwrap_used, reason = "tests")]

use std::{convert::Infallible, time::Duration};

use futures_util::{sink, stream};
use mcp_core::{Notification, RawJson, Request, Response};
use mcp_testkit::within;
use tokio::sync::mpsc;

use super::*;
use crate::{Delivery, Transport};

struct Peer {
    from_client: mpsc::Receiver<Message>,
    to_client: mpsc::Sender<Result<Message, Infallible>>,
}

fn started(limits: Limits) -> (Multiplex, Inbound, Peer) {
    let (sender, from_client) = mpsc::channel(1);
    let (to_client, mut receiver) = mpsc::channel(1);
    let sink = Box::pin(sink::unfold(sender, |sender, message| async {
        sender.send(message).await.map(|()| sender)
    }));
    let stream = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let (multiplex, inbound, driver) = Multiplex::messages(sink, stream, limits);
    tokio::spawn(driver);
    (multiplex, inbound, Peer { from_client, to_client })
}

#[tokio::test(start_paused = true)]
async fn requests_responses_and_notifications_pass() {
    let (multiplex, mut inbound, mut peer) = started(Limits::default());
    let exchange = within(multiplex.request(Request::new(1, "a").into())).await.unwrap();
    let Some(Message::Request(request)) = within(peer.from_client.recv()).await else { panic!() };
    peer.to_client.send(Ok(Notification::new("n").into())).await.unwrap();
    let answer = Response::result(request.id, RawJson::trusted("{}"));
    peer.to_client.send(Ok(answer.clone().into())).await.unwrap();
    assert_eq!(within(exchange.response()).await.unwrap(), answer);
    assert!(within(inbound.next()).await.unwrap().is_ok());
    within(multiplex.close()).await.unwrap();
    assert!(within(peer.from_client.recv()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_outbox_is_bounded_in_bytes() {
    let limits = Limits::default().with_outbox(10_000);
    let (multiplex, _inbound, mut peer) = started(limits);
    let big = RawJson::from_text(format!("\"{}\"", "x".repeat(6_000))).unwrap();
    let send = || {
        multiplex
            .send(crate::Envelope::new(Notification::new("big").with_params(big.clone()).into()))
    };
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(1), send()).await.is_ok() {
        sent += 1;
        assert!(sent < 10);
    }
    within(peer.from_client.recv()).await.unwrap();
    within(send()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_sink_ends_open_exchanges_and_the_connection() {
    let (multiplex, mut inbound, peer) = started(Limits::default());
    let Peer { from_client, to_client } = peer;
    let sent = within(multiplex.request(Request::new(1, "a").into())).await.unwrap();
    drop(from_client);
    let error = within(sent.response()).await.unwrap_err();
    assert!(error.is_closed());
    assert!(within(inbound.next()).await.unwrap().unwrap_err().is_closed());
    let error = within(multiplex.request(Request::new(2, "a").into())).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent);
    drop(to_client);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_reports_the_delivery_of_each_request() {
    let (multiplex, _inbound, peer) = started(Limits::default());
    let Peer { mut from_client, to_client } = peer;
    let sent = within(multiplex.request(Request::new(1, "a").into())).await.unwrap();
    within(from_client.recv()).await.unwrap();
    // One message is in the channel and another one in the sink; the rest is in the outbox.
    let exchanges = [
        within(multiplex.request(Request::new(2, "a").into())).await.unwrap(),
        within(multiplex.request(Request::new(3, "a").into())).await.unwrap(),
        within(multiplex.request(Request::new(4, "a").into())).await.unwrap(),
    ];
    tokio::task::yield_now().await;
    drop(to_client);
    assert_eq!(within(sent.response()).await.unwrap_err().delivery(), Delivery::Unknown);
    let mut last = Delivery::Unknown;
    for exchange in exchanges {
        let error = within(exchange.response()).await.unwrap_err();
        assert!(error.is_closed());
        last = error.delivery();
    }
    assert_eq!(last, Delivery::NotSent);
}

#[tokio::test(start_paused = true)]
async fn messages_larger_than_the_outbox_are_sent_one_by_one() {
    let limits = Limits::default().with_outbox(1_000);
    let (multiplex, _inbound, mut peer) = started(limits);
    let big = RawJson::from_text(format!("\"{}\"", "x".repeat(100_000))).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for id in 0..8 {
        let (multiplex, big) = (multiplex.clone(), big.clone());
        tasks.spawn(async move {
            let request = Request::new(id, "big").with_params(big);
            let exchange = multiplex.request(request.into()).await.unwrap();
            exchange.response().await.unwrap()
        });
    }
    for _ in 0..8 {
        let Some(Message::Request(request)) = within(peer.from_client.recv()).await else {
            panic!()
        };
        let answer = Response::result(request.id, request.params.unwrap());
        peer.to_client.send(Ok(answer.into())).await.unwrap();
    }
    while let Some(response) = within(tasks.join_next()).await {
        response.unwrap();
    }
}

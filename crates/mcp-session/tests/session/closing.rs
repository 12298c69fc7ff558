//! The end of a session and its reason.

use std::time::Duration;

use mcp_core::Request;
use mcp_session::{ErrorKind, Session, SessionOptions};
use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Delivery, Envelope, Error,
    ErrorKind as TransportErrorKind, Exchange, Inbound, OneWay, Transport,
};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use crate::{
    local::{Local, answered, silent},
    peer::{Peer, legacy, modern, result},
};

const SECOND: Duration = Duration::from_secs(1);

async fn open(peer: &Peer) -> Session {
    Session::open(peer.clone(), Some("shop"), SessionOptions::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_process_is_the_reason() {
    for peer in
        [modern(|message| result(message, json!({}))), legacy(|message| result(message, json!({})))]
    {
        let session = open(&peer).await;
        assert!(timeout(SECOND, session.closed()).await.is_err());
        assert!(!session.is_closed());
        peer.exit();
        let reason = timeout(SECOND, session.closed()).await.unwrap();
        assert!(session.is_closed());
        assert_eq!((reason.kind(), reason.server()), (ErrorKind::Closed, "shop"));
        assert_eq!(reason.to_string(), "shop: the process has ended: exit status 3");
        assert!(reason.find::<std::io::Error>().is_some());
        // Only the first reason counts.
        session.close().await.unwrap();
        assert_eq!(session.closed().await.to_string(), reason.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_with_its_connection_finds_the_session_closed() {
    let ending = Ending(watch::Sender::new(false));
    let session = Session::open(ending.clone(), None, SessionOptions::default()).await.unwrap();
    ending.0.send_replace(true);
    // Fails at once: no task runs in between.
    let error = session.request("x/y", &()).await.unwrap_err();
    assert!(session.is_closed());
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn closing_it_is_the_reason() {
    let session = Local::new(silent).open().await;
    let clone = session.clone();
    let waiting = tokio::spawn(async move { clone.closed().await });
    tokio::task::yield_now().await;
    session.close().await.unwrap();
    let reason = waiting.await.unwrap();
    assert_eq!(reason.to_string(), "local: the session was closed");
    assert_eq!(session.request("x/y", &()).await.unwrap_err().kind(), ErrorKind::Closed);
}

/// A connection without messages outside of exchanges, which ends on command.
#[derive(Clone)]
struct Ending(watch::Sender<bool>);

impl Connect for Ending {
    type Transport = Self;

    async fn connect(&self) -> Result<Connection<Self>, Error> {
        let info = ConnectionInfo::new(Binding::Pipe, "ending");
        Ok(Connection::new(self.clone(), Inbound::none(), info))
    }

    fn describe(&self) -> String {
        "ending".to_owned()
    }
}

impl Transport for Ending {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        if *self.0.borrow() {
            return Err(self.closed().await);
        }
        let result = json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": {} });
        Ok(answered(request.message.id, &result))
    }

    async fn send(&self, _: Envelope<OneWay>) -> Result<(), Error> {
        Ok(())
    }

    async fn closed(&self) -> Error {
        let _ = self.0.subscribe().wait_for(|ended| *ended).await;
        Error::new(TransportErrorKind::Closed, "it ended").with_delivery(Delivery::NotSent)
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_ends_ends_the_session_though_nothing_is_received() {
    let ending = Ending(watch::Sender::new(false));
    let session = Session::open(ending.clone(), None, SessionOptions::default()).await.unwrap();
    assert!(timeout(SECOND, session.closed()).await.is_err());
    ending.0.send_replace(true);
    let reason = timeout(SECOND, session.closed()).await.unwrap();
    assert_eq!(reason.to_string(), "ending: it ended");
}

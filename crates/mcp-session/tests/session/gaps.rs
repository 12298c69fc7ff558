//! Subscriptions of a legacy session whose notifications may be lost.

use std::{
    collections::BTreeSet,
    future::IntoFuture,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::stream;
use mcp_core::SubscriptionFilter;
use mcp_session::{ErrorKind, Event, Session, SessionOptions, Subscribe, Subscription};
use mcp_transport::{
    Backoff, Connect, Connection, Error, Gap, Inbound, InboundItem, Lagged, SharedConnect,
    SharedTransport,
};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::peer::{Peer, Reply, result};

const SECOND: Duration = Duration::from_secs(1);

/// A legacy server that sends an update of each subscribed resource on request.
#[derive(Clone)]
struct Shop {
    peer: Peer,
    subscribed: Arc<Mutex<BTreeSet<String>>>,
    gaps: Arc<Mutex<Option<mpsc::UnboundedSender<Gap>>>>,
}

impl Shop {
    /// `delay` is the response time of a subscription.
    fn new(delay: Duration) -> Self {
        let subscribed = Arc::new(Mutex::new(BTreeSet::new()));
        let known = Arc::clone(&subscribed);
        let capabilities =
            json!({ "tools": { "listChanged": true }, "resources": { "subscribe": true } });
        let peer = Peer::legacy(capabilities, move |_, message| {
            let uri = || message["params"]["uri"].as_str().unwrap().to_owned();
            match message["method"].as_str() {
                Some("resources/subscribe") => {
                    known.lock().unwrap().insert(uri());
                    Reply::Later(delay, Box::new(result(message, json!({}))))
                }
                Some("resources/unsubscribe") => {
                    known.lock().unwrap().remove(&uri());
                    result(message, json!({}))
                }
                Some("ping") => result(message, json!({})),
                _ => Reply::Nothing,
            }
        });
        Self { peer, subscribed, gaps: Arc::default() }
    }

    async fn open(&self) -> Session {
        Session::open(self.clone(), Some("shop"), SessionOptions::default()).await.unwrap()
    }

    fn gap(&self, gap: Gap) {
        self.gaps.lock().unwrap().as_ref().unwrap().send(gap).unwrap();
    }

    /// Loses its session and all subscriptions.
    fn forget(&self) {
        self.forget_with(Gap::NewSession(None));
    }

    /// Loses all subscriptions; the client only receives this gap.
    fn forget_with(&self, gap: Gap) {
        self.subscribed.lock().unwrap().clear();
        self.gap(gap);
    }

    /// Changes all subscribed resources.
    fn change(&self) {
        for uri in &*self.subscribed.lock().unwrap() {
            self.peer.say(json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated",
                "params": { "uri": uri } }));
        }
    }

    fn sent(&self, method: &str) -> Vec<Value> {
        self.peer.asked(method).iter().map(|message| message["params"]["uri"].clone()).collect()
    }
}

impl Connect for Shop {
    type Transport = SharedTransport;

    async fn connect(&self) -> Result<Connection<SharedTransport>, Error> {
        let connection = SharedConnect::new(self.peer.clone()).connect().await?;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        *self.gaps.lock().unwrap() = Some(sender);
        let gaps = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let gaps = futures_util::StreamExt::map(gaps, |gap| Ok(InboundItem::Gap(gap)));
        Ok(connection.map_inbound(|inbound| Inbound::from_stream(stream::select(inbound, gaps))))
    }

    fn describe(&self) -> String {
        self.peer.describe()
    }
}

fn of(uri: &str) -> SubscriptionFilter {
    SubscriptionFilter::new().with_resource_subscriptions(vec![uri.to_owned()])
}

/// The events of the next minute, in short form.
async fn events(changes: &mut Subscription) -> Vec<String> {
    let mut events = Vec::new();
    while let Ok(next) = timeout(60 * SECOND, changes.next()).await {
        events.push(match next {
            Some(Ok(Event::ResourceUpdated { uri })) => uri,
            Some(Ok(Event::Resync)) => "resync".to_owned(),
            Some(Ok(Event::Lagged { missed })) => format!("{missed} missed"),
            Some(Ok(other)) => format!("{other:?}"),
            Some(Err(error)) => format!("{:?}", error.kind()),
            None => "end".to_owned(),
        });
        if events.last().is_some_and(|event| event == "end") {
            break;
        }
    }
    events
}

#[tokio::test(start_paused = true)]
async fn a_subscription_after_a_loss_subscribes_at_the_server() {
    for gap in [Gap::NewSession(None), Gap::Interrupted(None)] {
        let shop = Shop::new(Duration::ZERO);
        let session = shop.open().await;
        let backoff = Backoff::new(20 * SECOND, 20 * SECOND).with_jitter(0.0);
        let first = session.subscribe(of("x:a")).resubscribe(backoff).await.unwrap();
        shop.forget_with(gap);
        sleep(SECOND).await;
        // The first one waits before it is renewed; the second one does not.
        let mut second = session.subscribe(of("x:a")).await.unwrap();
        assert_eq!(shop.sent("resources/subscribe"), ["x:a", "x:a"]);
        drop(first);
        sleep(SECOND).await;
        assert!(shop.sent("resources/unsubscribe").is_empty(), "the second one needs it");
        shop.change();
        assert_eq!(events(&mut second).await, ["x:a"]);
        drop(second);
        sleep(SECOND).await;
        assert_eq!(shop.sent("resources/unsubscribe"), ["x:a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_renews_a_resource_for_all_subscriptions() {
    let shop = Shop::new(Duration::ZERO);
    let session = shop.open().await;
    let mut all = Vec::new();
    for _ in 0..50 {
        let opening = session.subscribe(of("x:a")).resubscribe(Subscribe::BACKOFF);
        all.push(opening.await.unwrap());
    }
    assert_eq!(shop.sent("resources/subscribe").len(), 1);
    for gap in [Gap::NewSession(None), Gap::Interrupted(None)] {
        let before = shop.sent("resources/subscribe").len();
        shop.gap(gap);
        for changes in &mut all {
            let event = timeout(60 * SECOND, changes.next()).await.unwrap();
            assert!(matches!(event, Some(Ok(Event::Resync))), "{event:?}");
        }
        sleep(60 * SECOND).await;
        assert_eq!(shop.sent("resources/subscribe").len(), before + 1);
    }
    shop.change();
    for changes in &mut all {
        assert!(matches!(changes.next().await, Some(Ok(Event::ResourceUpdated { .. }))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_ends_only_those_that_do_not_resubscribe() {
    let shop = Shop::new(Duration::ZERO);
    let session = shop.open().await;
    let mut plain = session.subscribe(of("x:a")).await.unwrap();
    let mut lasting = session.subscribe(of("x:a")).resubscribe(Subscribe::BACKOFF).await.unwrap();
    let lists = SubscriptionFilter::new().with_tools_list_changed(true);
    let mut list = session.subscribe(lists).resubscribe(Subscribe::BACKOFF).await.unwrap();
    shop.forget();
    assert_eq!(events(&mut plain).await, ["SessionExpired", "end"]);
    assert_eq!(events(&mut lasting).await, ["resync"]);
    assert_eq!(events(&mut list).await, ["resync"]);
    assert!(shop.sent("resources/unsubscribe").is_empty());
    shop.change();
    assert_eq!(events(&mut lasting).await, ["x:a"]);
    let mut plain = session.subscribe(of("x:b")).await.unwrap();
    shop.gap(Gap::Interrupted(None));
    assert_eq!(events(&mut plain).await, ["Interrupted", "end"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_messages_do_not_end_a_subscription() {
    let shop = Shop::new(Duration::ZERO);
    let session = shop.open().await;
    let mut changes = session.subscribe(of("x:a")).await.unwrap();
    let lagged = |logs, others| Gap::Lagged(Lagged::new(logs, others));
    shop.gap(lagged(5000, 0));
    assert!(events(&mut changes).await.is_empty(), "logs are of no concern");
    shop.gap(lagged(5000, 3));
    assert_eq!(events(&mut changes).await, ["3 missed"]);
    shop.change();
    assert_eq!(events(&mut changes).await, ["x:a"]);
    assert_eq!(shop.sent("resources/subscribe").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gap_while_opening_is_recovered() {
    let shop = Shop::new(5 * SECOND);
    let session = shop.open().await;
    let opening = tokio::spawn(session.subscribe(of("x:a")).into_future());
    sleep(SECOND).await;
    shop.forget();
    let mut changes = opening.await.unwrap().unwrap();
    assert_eq!(shop.sent("resources/subscribe").len(), 2, "the first one was of the old session");
    shop.change();
    assert_eq!(events(&mut changes).await, ["x:a"]);
}

#[tokio::test(start_paused = true)]
async fn any_duration_is_safe() {
    let shop = Shop::new(Duration::ZERO);
    let session = shop.open().await;
    let patient = Backoff::new(Duration::MAX, Duration::MAX);
    let opening = session.subscribe(of("x:a")).timeout(Duration::MAX).resubscribe(patient);
    let mut changes = opening.await.unwrap();
    assert_eq!(changes.acknowledged(), of("x:a"));
    shop.change();
    assert_eq!(events(&mut changes).await, ["x:a"]);
    shop.forget();
    assert!(events(&mut changes).await.is_empty(), "it waits");
    session.close().await.unwrap();
    assert_eq!(events(&mut changes).await, ["Closed", "end"]);
}

#[tokio::test(start_paused = true)]
async fn repeated_failures_end_a_subscription() {
    let capabilities = json!({ "resources": { "subscribe": true } });
    let asked = Mutex::new(0);
    let peer = Peer::legacy(capabilities, move |_, message| {
        let mut asked = asked.lock().unwrap();
        *asked += u32::from(message["method"] == "resources/subscribe");
        match *asked {
            1 => result(message, json!({})),
            _ => Reply::Nothing,
        }
    });
    let shop = Shop { peer, ..Shop::new(Duration::ZERO) };
    let session = shop.open().await;
    let backoff = Backoff::new(SECOND, SECOND).with_jitter(0.0).with_attempts(3);
    let opening = session.subscribe(of("x:a")).timeout(5 * SECOND).resubscribe(backoff);
    let mut changes = opening.await.unwrap();
    let start = Instant::now();
    shop.forget();
    let error = changes.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(start.elapsed(), 3 * (1 + 5) * SECOND);
    assert_eq!(shop.sent("resources/subscribe").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn dropped_subscriptions_do_not_keep_a_session_open() {
    let capabilities = json!({ "resources": { "subscribe": true } });
    // It hangs once anything is unsubscribed.
    let peer = Peer::legacy(capabilities, |_, message| match message["method"].as_str() {
        Some("resources/subscribe") => result(message, json!({})),
        _ => Reply::Nothing,
    });
    let session =
        Session::open(peer.clone(), Some("shop"), SessionOptions::default()).await.unwrap();
    let mut all = Vec::new();
    for n in 0..100 {
        all.push(session.subscribe(of(&format!("x:{n}"))).await.unwrap());
    }
    drop((all, session));
    sleep(SECOND).await;
    assert_eq!(peer.open_connections(), 1, "it unsubscribes first");
    sleep(11 * SECOND).await;
    assert_eq!(peer.open_connections(), 0);
}

/// Reproducible pseudo-random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_is_always_subscribed_to_the_needed_resources() {
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let shop = Shop::new(Duration::from_millis(dice.below(3) * 150));
        let session = shop.open().await;
        let mut open = Vec::new();
        for _ in 0..30 {
            match dice.below(9) {
                0..3 => {
                    let uris: Vec<_> = (0..3).map(|_| format!("x:{}", dice.below(4))).collect();
                    let filter = SubscriptionFilter::new().with_resource_subscriptions(uris);
                    let opening = session.subscribe(filter).resubscribe(Subscribe::BACKOFF);
                    open.push(tokio::spawn(opening.into_future()));
                }
                3..6 if !open.is_empty() => {
                    let one = open.swap_remove(dice.below(open.len() as u64) as usize);
                    // It may be open already.
                    one.abort();
                    drop(one.await);
                }
                6 => shop.forget(),
                7 => shop.gap(Gap::Interrupted(None)),
                8 => shop.forget_with(Gap::Interrupted(None)),
                _ => {}
            }
            sleep(Duration::from_millis(dice.below(4) * 100)).await;
        }
        sleep(120 * SECOND).await;
        let mut needed = BTreeSet::new();
        let mut kept = Vec::new();
        for opening in open {
            let changes = opening.await.unwrap().unwrap();
            needed.extend(changes.acknowledged().resource_subscriptions.unwrap());
            kept.push(changes);
        }
        assert_eq!(*shop.subscribed.lock().unwrap(), needed, "seed {seed}");
        shop.change();
        sleep(SECOND).await;
        for changes in &mut kept {
            let wanted = changes.acknowledged().resource_subscriptions.unwrap();
            let heard: BTreeSet<_> = events(changes).await.into_iter().collect();
            assert!(wanted.iter().all(|uri| heard.contains(uri)), "seed {seed}: {heard:?}");
        }
        drop(kept);
        sleep(60 * SECOND).await;
        assert!(shop.subscribed.lock().unwrap().is_empty(), "seed {seed}: nothing is left");
        session.close().await.unwrap();
    }
}

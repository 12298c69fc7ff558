//! The tools of one session, and the subscription to their changes.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_core::Stream as _;
use mcp_core::{SubscriptionFilter, Tool};
use mcp_session::{CacheMode, Error, Session, Subscribe, Subscription};

use super::agent_tool::AgentTool;

pub(crate) struct Source {
    pub(crate) session: Session,
    /// The prefix of the names of its tools.
    pub(crate) label: Option<String>,
    pub(crate) tools: Vec<AgentTool>,
    /// Whether the list has changed, or may have.
    pub(crate) is_stale: bool,
    following: Following,
}

enum Following {
    /// The server does not report changes.
    Unsupported,
    /// To be opened before the next list.
    Closed,
    Open(Subscription),
}

impl Source {
    pub(crate) fn new(session: Session, label: Option<String>) -> Self {
        let tools = session.capabilities().tools.as_ref();
        let following = match tools.and_then(|tools| tools.list_changed) {
            Some(true) => Following::Closed,
            _ => Following::Unsupported,
        };
        Self { session, label, tools: Vec::new(), is_stale: true, following }
    }

    /// Lists the tools if they may have changed; `None` otherwise. The list takes effect only when it is
    /// [set](Self::set), so that dropping the future loses no change.
    pub(crate) async fn list(&mut self) -> Result<Option<Vec<Tool>>, Error> {
        self.read_events();
        if !self.is_stale {
            return Ok(None);
        }
        // Before the list, so that no change in between is missed.
        self.follow().await?;
        match self.session.capabilities().tools {
            Some(_) => self.session.list_tools().cache(CacheMode::Refresh).await.map(Some),
            None => Ok(Some(Vec::new())),
        }
    }

    /// Replaces the tools by those of a list.
    pub(crate) fn set(&mut self, tools: Vec<AgentTool>) {
        self.tools = tools;
        self.is_stale = false;
    }

    /// Ready once the server has reported a change.
    pub(crate) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Following::Open(changes) = &mut self.following {
            match Pin::new(changes).poll_next(cx) {
                Poll::Pending => break,
                // Any event, also one of lost events, can be a change of the list.
                Poll::Ready(Some(Ok(_))) => self.is_stale = true,
                Poll::Ready(Some(Err(_)) | None) => {
                    self.is_stale = true;
                    self.following = Following::Closed;
                }
            }
        }
        if self.is_stale { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Reads the events that have arrived.
    fn read_events(&mut self) {
        let _ = self.poll_changed(&mut Context::from_waker(Waker::noop()));
    }

    async fn follow(&mut self) -> Result<(), Error> {
        if !matches!(self.following, Following::Closed) {
            return Ok(());
        }
        let filter = SubscriptionFilter::new().with_tools_list_changed(true);
        let subscribed = self.session.subscribe(filter).resubscribe(Subscribe::BACKOFF).await;
        self.following = match subscribed {
            Ok(changes) => Following::Open(changes),
            Err(error) if error.answer().is_some() => {
                let server = self.session.name();
                tracing::warn!(server, %error, "cannot subscribe to changes of tools");
                Following::Unsupported
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

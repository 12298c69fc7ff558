//! Type-erased user agents.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::redirect::{Prompt, Redirect};
use super::{UserAgent, Visit};
use crate::error::Error;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A type-erased [`UserAgent`].
#[derive(Clone)]
pub(crate) struct SharedAgent(Arc<dyn ErasedAgent>);

impl SharedAgent {
    pub(crate) fn new(agent: impl UserAgent) -> Self {
        Self(Arc::new(agent))
    }

    pub(crate) async fn prepare(&self, earlier: Option<&str>) -> Result<BoxedVisit, Error> {
        self.0.prepare(earlier).await.map(BoxedVisit)
    }
}

trait ErasedAgent: Send + Sync {
    fn prepare<'a>(
        &'a self,
        earlier: Option<&'a str>,
    ) -> Boxed<'a, Result<Box<dyn ErasedVisit>, Error>>;
}

impl<A: UserAgent> ErasedAgent for A {
    fn prepare<'a>(
        &'a self,
        earlier: Option<&'a str>,
    ) -> Boxed<'a, Result<Box<dyn ErasedVisit>, Error>> {
        Box::pin(async move {
            let visit = UserAgent::prepare(self, earlier).await?;
            Ok(Box::new(visit) as Box<dyn ErasedVisit>)
        })
    }
}

/// A type-erased [`Visit`].
pub(crate) struct BoxedVisit(Box<dyn ErasedVisit>);

impl BoxedVisit {
    pub(crate) fn redirect_uri(&self) -> &str {
        self.0.redirect_uri()
    }

    pub(crate) async fn visit(&mut self, prompt: &Prompt) -> Result<Redirect, Error> {
        self.0.visit(prompt).await
    }

    pub(crate) async fn finish(self, outcome: Result<(), Error>) {
        self.0.finish(outcome).await;
    }
}

trait ErasedVisit: Send {
    fn redirect_uri(&self) -> &str;
    fn visit<'a>(&'a mut self, prompt: &'a Prompt) -> Boxed<'a, Result<Redirect, Error>>;
    fn finish(self: Box<Self>, outcome: Result<(), Error>) -> Boxed<'static, ()>;
}

impl<V: Visit> ErasedVisit for V {
    fn redirect_uri(&self) -> &str {
        Visit::redirect_uri(self)
    }

    fn visit<'a>(&'a mut self, prompt: &'a Prompt) -> Boxed<'a, Result<Redirect, Error>> {
        Box::pin(Visit::visit(self, prompt))
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) -> Boxed<'static, ()> {
        Box::pin(async move { Visit::finish(*self, outcome).await })
    }
}

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use mcp_core::{Message, Request, RequestId, Response};
use mcp_http::{HttpService, StatusError};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, Exchange};

use crate::{head::Head, link::Link, shared::Shared};

type Item = Result<Message, Error>;
type Posting = Pin<Box<dyn Future<Output = Result<Result<(), StatusError>, Error>> + Send>>;

/// One request that is under way: its POST, and what comes for it on the stream, whichever is first.
pub(crate) struct Answers<S: HttpService> {
    shared: Arc<Shared<S>>,
    link: Arc<Link>,
    id: RequestId,
    method: Cow<'static, str>,
    /// `None` once the server has accepted the request.
    posting: Option<Posting>,
    exchange: Exchange,
    /// What came before the request was known to be accepted.
    early: Option<Item>,
    patience: Option<Duration>,
}

impl<S: HttpService> Shared<S> {
    /// POSTs a request and waits until the server has accepted it, or begun to answer.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        link: &Arc<Link>,
        request: Envelope<Request>,
    ) -> Result<Exchange, Error> {
        let head = Head::new(&request)?;
        let Envelope { message: request, version, .. } = request;
        // Before it is sent, as the answer may be here before the answer to the POST.
        let exchange = link.multiplex.expect_answer(&request)?;
        link.speaks(version);
        if let Some(patience) = head.patience {
            link.patience.extend(patience);
        }
        let mut answers = Answers {
            shared: Arc::clone(self),
            link: Arc::clone(link),
            id: request.id.clone(),
            method: request.method.clone(),
            posting: None,
            exchange,
            early: None,
            patience: head.patience,
        };
        let (wire, to) = (Arc::clone(&self.wire), link.post.clone());
        answers.posting = Some(Box::pin(async move {
            let mut body =
                Vec::with_capacity(request.params.as_ref().map_or(0, |it| it.len()) + 96);
            request.encode(&mut body);
            wire.post(&to, &request.method, &head, body.into()).await
        }));
        poll_fn(|cx| answers.poll_accepted(cx)).await?;
        Ok(Exchange::from_stream(answers.id.clone(), answers))
    }
}

impl<S: HttpService> Answers<S> {
    /// Ready when the server has the request: it says so, or something has come for it.
    fn poll_accepted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let item = self.exchange.poll_item(cx);
        if let Poll::Ready(early @ Some(Ok(_))) = item {
            self.early = early;
            return Poll::Ready(Ok(()));
        }
        // A POST that failed tells more than the end of the stream does.
        match self.poll_posting(cx) {
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(early @ Some(Ok(_))) => {
                self.early = early;
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        match item {
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            _ if self.posting.is_some() => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Ready with the terminal item if the server refused the request, without one if it took it.
    fn poll_posting(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let Some(posting) = &mut self.posting else { return Poll::Ready(None) };
        let posted = ready!(posting.as_mut().poll(cx));
        self.posting = None;
        let item = match posted {
            Ok(Ok(())) => return Poll::Ready(None),
            Ok(Err(refused)) => match answer_in(&refused, &self.id) {
                Some(answer) => Ok(Message::Response(answer)),
                None => Err(refused.into_transport_error(&self.method)),
            },
            Err(error) => Err(error),
        };
        if !matches!(&item, Err(error) if error.delivery() == Delivery::Unknown) {
            // The server does not work on it: there is nothing to cancel.
            let over = Error::new(ErrorKind::Rejected, "the request was refused");
            self.link.multiplex.fail_request(&self.id, over);
        }
        Poll::Ready(Some(item))
    }

    /// The answer is here: the end of the POST is left to itself, for the sake of its connection.
    fn leave_posting(&mut self) {
        if let Some(posting) = self.posting.take() {
            self.shared.small_talk(async move {
                let _ = posting.await;
            });
        }
    }
}

/// The JSON-RPC error with which a refusal answers the request: an answer, whatever the status.
fn answer_in(refused: &StatusError, id: &RequestId) -> Option<Response> {
    match Message::parse(Bytes::copy_from_slice(refused.body().as_bytes())) {
        Ok(Message::Response(answer)) if answer.id.as_ref() == Some(id) => {
            answer.outcome.is_err().then_some(answer)
        }
        _ => None,
    }
}

impl<S: HttpService> Stream for Answers<S> {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(early) = self.early.take() {
            if matches!(early, Ok(Message::Response(_))) {
                self.leave_posting();
            }
            return Poll::Ready(Some(early));
        }
        if let Poll::Ready(item) = self.exchange.poll_item(cx) {
            if !matches!(item, Some(Ok(Message::Notification(_) | Message::Request(_)))) {
                self.leave_posting();
            }
            return Poll::Ready(item);
        }
        match ready!(self.poll_posting(cx)) {
            Some(item) => Poll::Ready(Some(item)),
            None => Poll::Pending,
        }
    }
}

impl<S: HttpService> Drop for Answers<S> {
    fn drop(&mut self) {
        if let Some(patience) = self.patience {
            self.link.patience.take_back(patience);
        }
    }
}

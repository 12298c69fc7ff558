use std::{
    fmt,
    future::{Future, IntoFuture, poll_fn},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use mcp_core::{Excerpt, Meta, MethodResult, Page, PaginatedRequestParams};
use mcp_transport::Delivery;

use crate::{
    CacheMode, Call, Error, Session, Timeout,
    call::Received,
    pages::{MAX_BYTES, MAX_PAGES, NextPage, Pages, TooMuch},
    params::Params,
};

/// A list being built: `.await` it for all pages, or read [one page](List::page), a stream of [pages](List::pages) or
/// of [elements](List::stream).
///
/// Elements that cannot be decoded are skipped and logged; [`page`](List::page) returns them too. A list with repeated
/// cursors ends at the first page without new elements.
///
/// Spec: server/utilities/pagination
#[must_use = "the list is requested only when it is awaited"]
pub struct List<P> {
    session: Session,
    method: &'static str,
    timeout: Option<Timeout>,
    meta: Option<Meta>,
    max_pages: usize,
    max_bytes: usize,
    cache: CacheMode,
    page: PhantomData<fn() -> P>,
}

impl<P> List<P> {
    pub(crate) fn new(session: Session, method: &'static str) -> Self {
        Self {
            session,
            method,
            timeout: None,
            meta: None,
            max_pages: MAX_PAGES,
            max_bytes: MAX_BYTES,
            cache: CacheMode::Use,
            page: PhantomData,
        }
    }

    /// Sets the timeout of each page, overriding that of the session.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// Sets the `_meta` of the request for each page. The protocol adds its own members.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Sets whether pages may come from the [cache](crate::Cache). Default: [`CacheMode::Use`].
    ///
    /// Spec: server/utilities/caching#pagination
    pub fn cache(mut self, mode: CacheMode) -> Self {
        self.cache = mode;
        self
    }

    /// Sets the maximum number of pages. Default: 1000. A longer list is an error of kind
    /// [`Pagination`](crate::ErrorKind::Pagination).
    pub fn max_pages(mut self, max_pages: usize) -> Self {
        self.max_pages = max_pages;
        self
    }

    /// Sets the maximum size of all pages, in bytes of JSON. Default: 64 MiB. A longer list is an error of kind
    /// [`TooLarge`](crate::ErrorKind::TooLarge).
    pub fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }
}

impl<P: MethodResult + Page + Send + 'static> List<P>
where
    P::Item: Send,
{
    /// One page: the first, or the one at a cursor from an earlier page.
    ///
    /// A cached page may contain a cursor that the server no longer accepts. The error evicts all cached pages of the
    /// list. Awaiting a whole list then reads it again from the first page; a caller that reads single pages must do
    /// that itself.
    pub fn page(&self, cursor: Option<&str>) -> Call<P> {
        let mut params = PaginatedRequestParams::default();
        params.cursor = cursor.map(str::to_owned);
        let call = Call::new(self.session.clone(), self.method, Params::new(&params));
        let call = call.cache(self.cache);
        let call = match &self.meta {
            Some(meta) => call.meta(meta.clone()),
            None => call,
        };
        match self.timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        }
    }

    /// The elements as a stream; a page is requested when the previous one is used up. Ends after an error, which may
    /// be that of a cached [page](List::page): the list is not restarted, since elements were already yielded.
    pub fn stream(self) -> Items<P> {
        Items { pages: self.pages(), ready: Vec::new().into_iter() }
    }

    /// The pages as a stream; each is requested when polled. Ends after an error, like [`stream`](List::stream).
    pub fn pages(self) -> PageStream<P> {
        let next = Some(self.page(None).received());
        let limits = Pages::new(self.max_pages, self.max_bytes);
        PageStream { list: self, next, limits, is_repeated: false, new: None }
    }

    async fn all(self) -> Result<Vec<P::Item>, Error> {
        let mut items = self.stream();
        let mut all = Vec::new();
        while let Some(item) = poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
            all.push(item?);
        }
        Ok(all)
    }

    /// The number of calls of the session answered from the cache.
    fn hits(&self) -> Option<u64> {
        self.session.cache().map(|cache| cache.hits())
    }

    fn error(&self, (kind, message): TooMuch) -> Error {
        let error = self.session.error(kind, message);
        error.with_delivery(Delivery::Answered).with_method(self.method)
    }
}

impl<P: MethodResult + Page + Send + 'static> IntoFuture for List<P>
where
    P::Item: Send,
{
    type Output = Result<Vec<P::Item>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let hits = self.hits();
            let again = Self { session: self.session.clone(), meta: self.meta.clone(), ..self };
            match self.all().await {
                // A cached page contained a cursor that the server no longer accepts.
                Err(error)
                    if again.cache == CacheMode::Use
                        && error.answer().is_some()
                        && again.hits() != hits =>
                {
                    again.cache(CacheMode::Refresh).all().await
                }
                all => all,
            }
        })
    }
}

/// The elements of a list; see [`List::stream`]. Cancel safe.
pub struct Items<P: Page> {
    pages: PageStream<P>,
    ready: std::vec::IntoIter<P::Item>,
}

impl<P: Page> Unpin for Items<P> {}

impl<P: MethodResult + Page + Send + 'static> Stream for Items<P>
where
    P::Item: Send,
{
    type Item = Result<P::Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.ready.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut self.pages).poll_next(cx)) {
                Some(Ok(page)) => self.ready = self.pages.new_items(page).into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// The pages of a list; see [`List::pages`]. Cancel safe.
pub struct PageStream<P> {
    list: List<P>,
    next: Option<Receiving<P>>,
    limits: Pages,
    /// Whether the requested page has a cursor that was used before.
    is_repeated: bool,
    /// Which elements of the last page are new, if some are not.
    new: Option<Vec<bool>>,
}

type Receiving<P> = Pin<Box<dyn Future<Output = Result<Received<P>, Error>> + Send>>;

impl<P> Unpin for PageStream<P> {}

impl<P: MethodResult + Page + Send + 'static> PageStream<P>
where
    P::Item: Send,
{
    /// The next page; `None` after the last one. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<P, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Checks a page; `None` if it only repeats elements. An error for the following page is yielded after this page.
    fn take(&mut self, Received { value: page, bytes }: Received<P>) -> Result<Option<P>, Error> {
        self.limits.received(bytes).map_err(|too_much| self.list.error(too_much))?;
        let (method, server) = (self.list.method, self.list.session.name());
        let was_repeated = std::mem::take(&mut self.is_repeated);
        self.new = None;
        // The names of a single-page list are not needed.
        if was_repeated || page.next_cursor().is_some() {
            let is_new = |item| P::key(item).is_none_or(|key| self.limits.is_new(key));
            let new: Vec<bool> = page.items().iter().map(is_new).collect();
            let is_known = !new.contains(&true);
            self.new = new.contains(&false).then_some(new);
            if was_repeated && is_known {
                tracing::warn!(server, method, "ended a list whose pages repeat");
                return Ok(None);
            }
        }
        if let Some(cursor) = page.next_cursor() {
            self.next = match self.limits.next(cursor) {
                Ok(NextPage::None) => {
                    tracing::warn!(server, method, "ended a list whose pages repeat");
                    None
                }
                Ok(next) => {
                    self.is_repeated = next == NextPage::Repeated;
                    Some(self.list.page(Some(cursor)).received())
                }
                Err(too_much) => Some(Box::pin(std::future::ready(Err(self.list.error(too_much))))),
            };
        }
        if let Some(first) = page.items().skipped().first() {
            let count = page.items().skipped().len();
            let reason = Excerpt(&first.reason);
            tracing::warn!(server, method, count, %reason, "skipped elements that cannot be decoded");
        }
        Ok(Some(page))
    }

    /// The elements of the last page, without those seen before.
    fn new_items(&mut self, page: P) -> Vec<P::Item> {
        let items = page.into_items().into_vec();
        match self.new.take() {
            None => items,
            Some(new) => {
                items.into_iter().zip(new).filter_map(|(it, new)| new.then_some(it)).collect()
            }
        }
    }
}

impl<P: MethodResult + Page + Send + 'static> Stream for PageStream<P>
where
    P::Item: Send,
{
    type Item = Result<P, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let received = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(received.and_then(|received| self.take(received)).transpose())
    }
}

impl<P> fmt::Debug for List<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("method", &self.method).finish_non_exhaustive()
    }
}

impl<P: Page> fmt::Debug for Items<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("pages", &self.pages).finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for PageStream<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageStream").field("list", &self.list).finish_non_exhaustive()
    }
}

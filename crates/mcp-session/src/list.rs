use std::{
    collections::HashSet,
    fmt,
    future::IntoFuture,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Meta, MethodResult, Page, PaginatedRequestParams};
use mcp_transport::Delivery;

use crate::{CacheMode, Call, Error, ErrorKind, Session, Timeout, params::Params};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Pages that are asked for before a list counts as endless.
const MAX_PAGES: usize = 1000;

/// A list that is being asked for: `.await` it for all pages, or ask for [one page](List::page) or
/// [a stream](List::stream).
///
/// Elements that cannot be read are left out of the whole list and logged; [`page`](List::page) shows
/// them.
///
/// Spec: server/utilities/pagination
#[must_use = "nothing is sent unless the list is awaited"]
pub struct List<P> {
    session: Session,
    method: &'static str,
    timeout: Option<Timeout>,
    meta: Option<Meta>,
    max_pages: usize,
    cache: CacheMode,
    page: std::marker::PhantomData<fn() -> P>,
}

impl<P> List<P> {
    pub(crate) fn new(session: Session, method: &'static str) -> Self {
        let page = std::marker::PhantomData;
        let (cache, meta) = (CacheMode::Use, None);
        Self { session, method, timeout: None, meta, max_pages: MAX_PAGES, cache, page }
    }

    /// Limits the time of each page instead of the session's own limit.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// Sends `meta` as the `_meta` of the request for each page, beside what the protocol puts there.
    pub fn meta(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Whether pages may come from the [cache](crate::Cache). Default: [`CacheMode::Use`].
    ///
    /// Spec: server/utilities/caching#pagination
    pub fn cache(mut self, mode: CacheMode) -> Self {
        self.cache = mode;
        self
    }

    /// The most pages that are asked for. Default: 1000. A list that has more is an error.
    pub fn max_pages(mut self, max_pages: usize) -> Self {
        self.max_pages = max_pages;
        self
    }
}

impl<P: MethodResult + Page + Send + 'static> List<P>
where
    P::Item: Send,
{
    /// One page: the first, or the one at the cursor that an earlier page named.
    ///
    /// A page that was kept may name a cursor that the server does not know any more. The error that comes
    /// of it makes all kept pages of the list stale; a whole list that is awaited begins anew by itself, and
    /// whoever asks page by page has to.
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

    /// The elements one by one; a page is asked for when the one before is used up. Ends after an error,
    /// which may come of a [page](List::page) that was kept: elements that were given out are not taken
    /// back, and so it does not begin anew.
    pub fn stream(self) -> Items<P> {
        let first = self.page(None).into_future();
        Items { list: self, ready: Vec::new().into_iter(), next: Some(first), seen: HashSet::new() }
    }

    async fn all(self) -> Result<Vec<P::Item>, Error> {
        let mut items = self.stream();
        let mut all = Vec::new();
        while let Some(item) = std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
            all.push(item?);
        }
        Ok(all)
    }

    /// How many calls of the session were answered from the cache.
    fn hits(&self) -> Option<u64> {
        self.session.cache().map(|cache| cache.hits())
    }

    fn error(&self, message: String) -> Error {
        let error = self.session.error(ErrorKind::Pagination, message);
        error.with_delivery(Delivery::Answered).with_method(self.method)
    }
}

impl<P: MethodResult + Page + Send + 'static> IntoFuture for List<P>
where
    P::Item: Send,
{
    type Output = Result<Vec<P::Item>, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let hits = self.hits();
            let Self { method, timeout, max_pages, cache, page, .. } = self;
            let (session, meta) = (self.session.clone(), self.meta.clone());
            let again = Self { session, method, timeout, meta, max_pages, cache, page };
            match self.all().await {
                // A page that was kept named a cursor that is none any more.
                Err(error)
                    if cache == CacheMode::Use
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
    list: List<P>,
    ready: std::vec::IntoIter<P::Item>,
    next: Option<BoxFuture<Result<P, Error>>>,
    /// The cursors that were used.
    seen: HashSet<String>,
}

impl<P: Page> Unpin for Items<P> {}

impl<P: MethodResult + Page + Send + 'static> Items<P>
where
    P::Item: Send,
{
    /// The page at a cursor, or what is wrong with asking for it: that comes after the elements before.
    fn after(&mut self, cursor: &str) -> BoxFuture<Result<P, Error>> {
        let pages = self.list.max_pages;
        let wrong = if self.seen.len() + 1 >= pages {
            format!("the list has more than {pages} pages")
        } else if !self.seen.insert(cursor.to_owned()) {
            format!("the list goes round: cursor {cursor:?} came twice")
        } else {
            return self.list.page(Some(cursor)).into_future();
        };
        Box::pin(std::future::ready(Err(self.list.error(wrong))))
    }
}

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
            let Some(next) = &mut self.next else {
                return Poll::Ready(None);
            };
            let page = std::task::ready!(next.as_mut().poll(cx));
            self.next = None;
            let page = match page {
                Ok(page) => page,
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            if let Some(cursor) = page.next_cursor() {
                self.next = Some(self.after(cursor));
            }
            let elements = page.into_items();
            for skipped in elements.skipped() {
                tracing::warn!(
                    method = self.list.method,
                    ?skipped,
                    "an element that cannot be read"
                );
            }
            self.ready = elements.into_iter();
        }
    }
}

impl<P> fmt::Debug for List<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("method", &self.method).finish_non_exhaustive()
    }
}

impl<P: Page> fmt::Debug for Items<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("list", &self.list).finish_non_exhaustive()
    }
}

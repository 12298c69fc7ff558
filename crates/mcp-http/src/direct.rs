//! Requests of a transport sent by an [`HttpClient`] below an [`Authorized`].

use std::any::Any;

use http::{Request, Response, Uri};
use tower_service::Service;

use crate::again::{Again, is_refused};
use crate::authorize::SharedAuthorize;
use crate::body::Body;
use crate::client::HttpClient;
use crate::error::Error;
use crate::hook::RequestHead;
use crate::redirect::Hop;
use crate::response::ResponseBody;

/// Sends requests created by `request`, and creates a new one after a refusal, so that no request is copied before it
/// is sent.
pub(crate) struct Direct<'a, F> {
    pub(crate) service: HttpClient,
    pub(crate) authorize: &'a SharedAuthorize,
    pub(crate) request: F,
}

impl<F: FnMut(&Uri) -> Request<Body> + Send> Hop for Direct<'_, F> {
    type Body = ResponseBody;

    fn request(&mut self, url: &Uri) -> Request<Body> {
        (self.request)(url)
    }

    async fn send(
        &mut self,
        url: &Uri,
        mut request: Request<Body>,
    ) -> Result<Response<ResponseBody>, Error> {
        let Self { service, authorize, .. } = self;
        // The head is not stored while the request is sent: it is made again in the rare case.
        let Some(credentials) = authorize.ready(&RequestHead::of(&request)) else {
            let again = Again::new(RequestHead::of(&request), &request, authorize);
            return Box::pin(again.authorized(service.clone())).await;
        };
        credentials.apply(request.headers_mut());
        let response = service.call(request).await?;
        if !is_refused(response.status()) && credentials.proof.is_none() {
            return Ok(response);
        }
        let sent = (self.request)(url);
        let again = Again::new(RequestHead::of(&sent), &sent, authorize);
        drop(sent);
        again.answered(&credentials, response.headers());
        match is_refused(response.status()) {
            true => Box::pin(again.after(response, credentials, service.clone())).await,
            false => Ok(response),
        }
    }
}

/// Converts a value between two types that are the same.
pub(crate) fn same<T: 'static, U: 'static>(value: T) -> Option<U> {
    let mut value = Some(value);
    (&mut value as &mut dyn Any).downcast_mut::<Option<U>>().and_then(Option::take)
}

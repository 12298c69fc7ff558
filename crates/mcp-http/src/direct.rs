//! Requests of a transport sent by an [`HttpClient`], also below an [`Authorized`](crate::Authorized).

use http::{Request, Response, Uri};

use crate::again::{Again, is_refused};
use crate::authorize::SharedAuthorize;
use crate::body::Body;
use crate::client::HttpClient;
use crate::error::Error;
use crate::hook::RequestHead;
use crate::redirect::{Hop, Sent, is_safe};
use crate::response::ResponseBody;

/// Sends requests created by `request`, and creates a new one after a refusal, so that no request is copied before it
/// is sent. Neither a box nor an extension stands between the transport and the client.
pub(crate) struct Direct<'a, F> {
    pub(crate) client: HttpClient,
    pub(crate) authorize: Option<&'a SharedAuthorize>,
    pub(crate) request: F,
}

impl<F: FnMut(&Uri) -> Request<Body> + Send> Hop for Direct<'_, F> {
    type Body = ResponseBody;

    async fn send(&mut self, url: &Uri) -> Result<Sent<ResponseBody>, Error> {
        let mut request = (self.request)(url);
        let is_safe = is_safe(&request);
        let response = self.exchange(url, &mut request).await?;
        Ok(Sent { response, is_safe })
    }
}

impl<F: FnMut(&Uri) -> Request<Body> + Send> Direct<'_, F> {
    async fn exchange(
        &mut self,
        url: &Uri,
        request: &mut Request<Body>,
    ) -> Result<Response<ResponseBody>, Error> {
        let mut credentials = None;
        if let Some(authorize) = self.authorize {
            // The head is not stored while the request is sent: it is made again in the rare case.
            credentials = RequestHead::lend(request, |head| authorize.ready(head));
            let Some(credentials) = &credentials else {
                let again = Again::new(RequestHead::of(request), request, authorize);
                return Box::pin(again.authorized(self.client.clone())).await;
            };
            credentials.apply(request.headers_mut());
        }
        let response = self.client.send_taken(request).await?;
        let (Some(authorize), Some(credentials)) = (self.authorize, credentials) else {
            return Ok(response);
        };
        if !is_refused(response.status()) && credentials.proof.is_none() {
            return Ok(response);
        }
        let sent = (self.request)(url);
        let again = Again::new(RequestHead::of(&sent), &sent, authorize);
        drop(sent);
        again.answered(&credentials, response.headers());
        match is_refused(response.status()) {
            true => Box::pin(again.after(response, credentials, self.client.clone())).await,
            false => Ok(response),
        }
    }
}

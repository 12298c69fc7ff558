//! The `_meta` of requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_core::{
    LoggingLevel, ProgressToken, RawJson, RawObject,
    meta_key::{self, PROGRESS_TOKEN},
};

/// The length of the largest `_meta` that is remembered, in bytes.
const MAX_META: usize = 4 << 10;

/// The `_meta` of a request of a client.
#[derive(Debug)]
pub(crate) struct RequestMeta {
    /// All members.
    pub(crate) members: RawObject,
    /// The revision that the request names.
    pub(crate) version: Option<String>,
    /// The minimum level of log messages that the request names.
    pub(crate) level: Option<LoggingLevel>,
    /// The token for the progress of the request, if the client requests any.
    pub(crate) progress_token: Option<ProgressToken>,
    /// The part that is for servers: all but what the protocol sets itself.
    pub(crate) for_servers: RawObject,
}

impl RequestMeta {
    fn new(members: RawObject) -> Self {
        let is_own =
            |key: &str| key == PROGRESS_TOKEN || key.starts_with("io.modelcontextprotocol/");
        let for_servers = match members.iter().all(|(key, _)| is_own(key)) {
            true => RawObject::default(),
            false => {
                let mut others = members.clone();
                others.retain(|key| !is_own(key));
                others
            }
        };
        Self {
            version: members.text(meta_key::PROTOCOL_VERSION),
            level: members.decode(meta_key::LOG_LEVEL),
            progress_token: members.decode(PROGRESS_TOKEN),
            for_servers,
            members,
        }
    }
}

/// The last `_meta` of a client: most of its requests have the same, so that it is not parsed again.
#[derive(Default)]
pub(crate) struct LastMeta(Mutex<Option<Arc<Known>>>);

/// A `_meta` as it was received, and its members.
struct Known {
    json: RawJson,
    meta: Arc<RequestMeta>,
}

impl LastMeta {
    /// The parameters of a request without their `_meta`, and the `_meta`.
    ///
    /// # Errors
    /// One of them is not an object.
    pub(crate) fn read(
        &self,
        params: &RawJson,
    ) -> Result<(RawObject, Arc<RequestMeta>), serde_json::Error> {
        let last = self.lock().clone();
        if let Some(last) = &last
            && let Some(members) = RawObject::parse_params_behind(last.json.as_bytes(), params)
        {
            return Ok((members, Arc::clone(&last.meta)));
        }
        let (members, meta) = RawObject::parse_params(params.clone())?;
        let meta = RequestMeta::new(meta);
        // A token differs in each request.
        if meta.progress_token.is_none() {
            self.remember(params);
        }
        Ok((members, Arc::new(meta)))
    }

    fn remember(&self, params: &RawJson) {
        let json = RawObject::first_meta(params).filter(|json| json.len() <= MAX_META);
        let Some(json) = json.map(|json| RawJson::trusted(json.to_vec())) else { return };
        if let Ok(members) = RawObject::parse(json.clone()) {
            let meta = Arc::new(RequestMeta::new(members));
            *self.lock() = Some(Arc::new(Known { json, meta }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_known_meta_is_read_as_any_other() {
        let last = LastMeta::default();
        let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","com.example/a":1}"#;
        let others = [
            r#"{"com.example/a":2}"#,
            r#"{"progressToken":1,"com.example/a":2}"#,
            r#"{"com.example/a":1,"com.example/a":2}"#,
        ];
        for meta in [meta, meta].into_iter().chain(others).chain(others) {
            let params = RawJson::from_text(format!(r#"{{"_meta":{meta},"name":"x"}}"#)).unwrap();
            let (members, read) = last.read(&params).unwrap();
            assert_eq!(members.text("name").unwrap(), "x");
            let (_, expected) = RawObject::parse_params(params).unwrap();
            assert_eq!(
                read.members.iter().collect::<Vec<_>>(),
                expected.iter().collect::<Vec<_>>()
            );
            assert_eq!(read.for_servers.iter().count(), 1);
            assert_eq!(read.progress_token.is_some(), meta.contains("progressToken"));
        }
        for twice in [
            r#"{"_meta":{"com.example/a":1},"_meta":{"com.example/a":2}}"#,
            r#"{"_meta":null,"_meta":{"com.example/a":2}}"#,
        ] {
            for _ in 0..2 {
                let (_, meta) = last.read(&RawJson::from_text(twice).unwrap()).unwrap();
                assert_eq!(meta.members.get("com.example/a").unwrap(), b"2", "{twice}");
            }
        }
        assert!(last.read(&RawJson::from_text(r#"{"_meta":[]}"#).unwrap()).is_err());
    }
}

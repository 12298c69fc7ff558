use std::time::Duration;

use mcp_core::{CacheScope, Cacheable, LenientList, MethodResult, Page, RawJson, ResultType};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Skill;

/// One page of the skills of a server.
///
/// Spec: ext-skills skills#listing-skills
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListSkillsResult {
    /// The skills of this page.
    pub skills: LenientList<Skill>,
    /// The cursor of the next page. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// How long the result is fresh, in milliseconds. Honoured by a session with a [cache](mcp_session::Cache). A value
    /// that is not a number counts as absent.
    #[serde(default, deserialize_with = "hint", skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<serde_json::Number>,
    /// Who may share the cached result.
    #[serde(default, deserialize_with = "hint", skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<CacheScope>,
}

/// A hint: an invalid value counts as absent.
fn hint<'de, T: de::DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| T::deserialize(value).ok())
}

/// The result of `skills/get`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GetSkillResult {
    pub(crate) skill: Skill,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default, rename = "resultType")]
    result_type: Option<ResultType>,
}

fn complete<T: de::DeserializeOwned>(raw: &RawJson) -> Result<T, serde_json::Error> {
    match raw.decode::<Kind>()?.result_type {
        None | Some(ResultType::Complete) => raw.decode(),
        Some(other) => {
            Err(de::Error::custom(format_args!("unexpected resultType {:?}", other.as_str())))
        }
    }
}

impl MethodResult for ListSkillsResult {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        complete(raw)
    }
}

impl MethodResult for GetSkillResult {
    fn decode(raw: &RawJson) -> Result<Self, serde_json::Error> {
        complete(raw)
    }
}

impl Cacheable for ListSkillsResult {
    fn ttl(&self) -> Duration {
        let hint = self.ttl_ms.as_ref().and_then(|it| it.as_f64()).unwrap_or_default();
        Duration::from_millis(hint.max(0.0) as u64)
    }

    fn is_shareable(&self) -> bool {
        self.cache_scope == Some(CacheScope::Public)
    }

    fn set_cache(&mut self, ttl: Duration, scope: CacheScope) {
        self.ttl_ms = Some(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).into());
        self.cache_scope = Some(scope);
    }
}

impl Page for ListSkillsResult {
    type Item = Skill;

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn items(&self) -> &LenientList<Skill> {
        &self.skills
    }

    fn into_items(self) -> LenientList<Skill> {
        self.skills
    }
}

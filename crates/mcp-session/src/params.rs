//! Request parameters, encoded once, with the `_meta` of the era first.

use std::{borrow::Cow, collections::BTreeMap};

use mcp_core::{
    ClientCapabilities, Implementation, Meta, ProtocolVersion, RawJson, RawObject,
    meta_key::{self, PROGRESS_TOKEN},
};
use mcp_transport::TraceContext;
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
    ser::Error as _,
};
use serde_json::{Map, Value, value::RawValue};

const ARGUMENTS: &str = "arguments";
/// The memory that is reserved for arguments that are set one by one, in bytes.
const SHORT_ARGUMENTS: usize = 64;

/// The `_meta` members of every request of a session, as the inside of a JSON object.
#[derive(Debug, Default)]
pub(crate) struct CommonMeta(Vec<u8>);

impl CommonMeta {
    /// Spec: basic/index#per-request-protocol-fields
    pub(crate) fn modern(
        version: ProtocolVersion,
        capabilities: &ClientCapabilities,
        client_info: &Implementation,
    ) -> Result<Self, serde_json::Error> {
        let mut meta = Vec::new();
        member(&mut meta, meta_key::PROTOCOL_VERSION, version.as_str())?;
        member(&mut meta, meta_key::CLIENT_CAPABILITIES, capabilities)?;
        member(&mut meta, meta_key::CLIENT_INFO, client_info)?;
        Ok(Self(meta))
    }

    /// Whether the session sets this key: a caller's value is ignored.
    fn holds(&self, key: &str) -> bool {
        let ours =
            [meta_key::PROTOCOL_VERSION, meta_key::CLIENT_CAPABILITIES, meta_key::CLIENT_INFO];
        !self.0.is_empty() && ours.contains(&key)
    }
}

/// The parameters of one request, not encoded yet.
#[derive(Debug)]
pub(crate) struct Params {
    /// A JSON object.
    fixed: Vec<u8>,
    /// Whether the caller encoded them as a whole, possibly including `_meta` or arguments.
    is_raw: bool,
    /// Those that were set apart; `fixed` and `forwarded` have none then.
    arguments: Arguments,
    /// Members in addition to `fixed`.
    forwarded: Option<Box<Forwarded>>,
}

/// Parameters of a request that is forwarded, with the members of their `_meta` apart.
#[derive(Debug)]
struct Forwarded {
    params: RawObject,
    meta: RawObject,
}

#[derive(Debug, Default)]
enum Arguments {
    #[default]
    None,
    /// A JSON object, as the caller wrote it.
    Whole(Vec<u8>),
    /// The inside of a JSON object: members with different names, written one by one.
    Members(Vec<u8>),
}

impl Params {
    /// From any value that serializes as a JSON object; `null` counts as an empty one.
    pub(crate) fn new(params: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut fixed = serde_json::to_vec(params)?;
        match fixed.first() {
            Some(b'{') => {}
            _ if fixed == b"null" => fixed = b"{}".to_vec(),
            _ => return Err(serde_json::Error::custom("parameters must be a JSON object")),
        }
        Ok(Self::with_fixed(fixed, true))
    }

    /// No parameters.
    pub(crate) fn empty() -> Self {
        Self::with_fixed(b"{}".to_vec(), false)
    }

    /// Of a request that is forwarded, and the members of its `_meta`.
    pub(crate) fn forwarded(params: RawObject, meta: RawObject) -> Self {
        Self { forwarded: Some(Box::new(Forwarded { params, meta })), ..Self::empty() }
    }

    fn with_fixed(fixed: Vec<u8>, is_raw: bool) -> Self {
        Self { fixed, is_raw, arguments: Arguments::None, forwarded: None }
    }

    /// Parameters of a method with a target in the member `key`.
    pub(crate) fn named(key: &str, value: &str) -> Result<Self, serde_json::Error> {
        // Reserves space for quotes, colon, braces and some escapes.
        let mut fixed = Vec::with_capacity(key.len() + value.len() + 16);
        fixed.push(b'{');
        member(&mut fixed, key, value)?;
        fixed.push(b'}');
        Ok(Self::with_fixed(fixed, false))
    }

    /// Sets all arguments, replacing those in raw parameters.
    pub(crate) fn set_arguments(&mut self, args: &impl Serialize) -> Result<(), serde_json::Error> {
        let arguments = serde_json::to_vec(args)?;
        if let Some((rest, _)) = self.split::<IgnoredAny>(ARGUMENTS)? {
            self.fixed = rest;
        }
        if let Some(forwarded) = &mut self.forwarded {
            forwarded.params.remove(ARGUMENTS);
        }
        self.arguments = match arguments.first() {
            Some(b'{') => Arguments::Whole(arguments),
            _ if arguments == b"null" => Arguments::None,
            _ => return Err(serde_json::Error::custom("arguments must be a JSON object")),
        };
        Ok(())
    }

    /// Sets all arguments as strings: other values are converted to their JSON text.
    pub(crate) fn set_text_arguments(
        &mut self,
        args: &impl Serialize,
    ) -> Result<(), serde_json::Error> {
        let mut args = serde_json::to_value(args)?;
        for value in args.as_object_mut().into_iter().flat_map(Map::values_mut) {
            *value = into_text(value.take());
        }
        self.set_arguments(&args)
    }

    /// Sets one argument as a string: any other value is converted to its JSON text.
    pub(crate) fn set_text_argument(
        &mut self,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), serde_json::Error> {
        let text = into_text(serde_json::to_value(value)?);
        self.set_argument(name, &text)
    }

    /// Sets one argument, keeping those in raw parameters.
    pub(crate) fn set_argument(
        &mut self,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), serde_json::Error> {
        if !matches!(self.arguments, Arguments::Members(_)) {
            self.arguments = Arguments::Members(inside(&self.split_arguments()?)?);
        }
        let Arguments::Members(members) = &mut self.arguments else { return Ok(()) };
        let before = members.len();
        comma(members);
        let start = members.len();
        serde_json::to_writer(&mut *members, name)?;
        let end = members.len();
        members.push(b':');
        if let Err(error) = serde_json::to_writer(&mut *members, value) {
            members.truncate(before);
            return Err(error);
        }
        // If the name occurs earlier, perhaps in a value. The last value of an argument counts.
        if memchr::memmem::find(&members[..start], &members[start..end]).is_some() {
            *members = inside(&object(members)?)?;
        }
        Ok(())
    }

    /// Takes the arguments out of the parameters.
    fn split_arguments(&mut self) -> Result<Map<String, Value>, serde_json::Error> {
        if !matches!(self.arguments, Arguments::None) {
            return self.arguments();
        }
        if let Some(forwarded) = &mut self.forwarded {
            let arguments = arguments_of(&forwarded.params);
            forwarded.params.remove(ARGUMENTS);
            return arguments;
        }
        let Some((rest, arguments)) = self.split::<Option<Map<_, _>>>(ARGUMENTS)? else {
            return Ok(Map::new());
        };
        self.fixed = rest;
        Ok(arguments.unwrap_or_default())
    }

    /// Writes the parameters; `None` when there is nothing to write.
    pub(crate) fn encode(
        &self,
        common: &CommonMeta,
        progress_token: Option<i64>,
        meta: Option<&Meta>,
        trace: Option<&TraceContext>,
    ) -> Result<Option<RawJson>, serde_json::Error> {
        self.encode_with(common, progress_token, meta, trace, &[])
    }

    /// The same with additional members, as the inside of a JSON object.
    pub(crate) fn encode_with(
        &self,
        common: &CommonMeta,
        progress_token: Option<i64>,
        meta: Option<&Meta>,
        trace: Option<&TraceContext>,
        more: &[u8],
    ) -> Result<Option<RawJson>, serde_json::Error> {
        let is_empty = self.fixed == b"{}" && matches!(self.arguments, Arguments::None);
        let forwarded = self.forwarded.as_deref();
        let is_empty =
            is_empty && more.is_empty() && forwarded.is_none_or(|it| it.params.is_empty());
        let has_meta = !common.0.is_empty()
            || progress_token.is_some()
            || meta.is_some()
            || trace.is_some()
            || forwarded.is_some_and(|it| !it.meta.is_empty());
        if is_empty && !has_meta {
            return Ok(None);
        }
        let apart = if has_meta { self.with_meta_apart(meta)? } else { None };
        let (fixed, meta) = match &apart {
            Some((fixed, merged)) => (fixed, Some(merged)),
            None => (&self.fixed, meta),
        };
        let arguments = match &self.arguments {
            Arguments::None => 0,
            Arguments::Whole(json) | Arguments::Members(json) => json.len(),
        };
        let forwarded_len = forwarded.map_or(0, |it| it.params.size_hint());
        // Exact for most requests, so that the memory is shared without another allocation.
        let is_plain = progress_token.is_none() && meta.is_none() && trace.is_none();
        let wrapping = match &self.arguments {
            Arguments::None => 0,
            Arguments::Whole(_) => r#","arguments":"#.len(),
            Arguments::Members(_) => r#","arguments":{}"#.len(),
        };
        let wrapping = wrapping
            + if has_meta { r#"{"_meta":{}}"#.len() + 1 } else { 2 }
            + usize::from(!more.is_empty());
        let spare = if is_plain && forwarded.is_none() { 0 } else { 128 };
        let others = arguments + forwarded_len + more.len() + wrapping + spare;
        let size = fixed.len().saturating_sub(2) + common.0.len() + others;
        let mut out = Vec::with_capacity(size);
        out.push(b'{');
        if has_meta {
            out.extend_from_slice(b"\"_meta\":{");
            out.extend_from_slice(&common.0);
            if let Some(token) = progress_token {
                member(&mut out, PROGRESS_TOKEN, &token)?;
            }
            for (key, value) in meta.into_iter().flat_map(|meta| meta.iter()) {
                if !common.holds(key) && (progress_token.is_none() || key != PROGRESS_TOKEN) {
                    member(&mut out, key, value)?;
                }
            }
            for (key, value) in forwarded.into_iter().flat_map(|it| it.meta.iter()) {
                let is_set = meta.is_some_and(|meta| meta.contains_key(key))
                    || (progress_token.is_some() && key == PROGRESS_TOKEN);
                if !is_set && !common.holds(key) {
                    comma(&mut out);
                    serde_json::to_writer(&mut out, key)?;
                    out.push(b':');
                    out.extend_from_slice(value);
                }
            }
            for (key, value) in trace.into_iter().flat_map(TraceContext::entries) {
                let is_forwarded = forwarded.is_some_and(|it| it.meta.get(key).is_some());
                if !is_forwarded && meta.is_none_or(|meta| !meta.contains_key(key)) {
                    member(&mut out, key, value)?;
                }
            }
            out.push(b'}');
        }
        if fixed.len() > 2 {
            comma(&mut out);
            out.extend_from_slice(&fixed[1..fixed.len() - 1]);
        }
        if let Some(forwarded) = forwarded {
            forwarded.params.write_members(&mut out);
        }
        match &self.arguments {
            Arguments::None => {}
            Arguments::Whole(json) => {
                comma(&mut out);
                out.extend_from_slice(b"\"arguments\":");
                out.extend_from_slice(json);
            }
            Arguments::Members(json) => {
                comma(&mut out);
                out.extend_from_slice(b"\"arguments\":{");
                out.extend_from_slice(json);
                out.push(b'}');
            }
        }
        if !more.is_empty() {
            comma(&mut out);
            out.extend_from_slice(more);
        }
        out.push(b'}');
        Ok(Some(RawJson::trusted(out)))
    }

    /// All of the parameters as they were given, unless arguments were set apart.
    pub(crate) fn without_arguments(&self) -> Option<Cow<'_, [u8]>> {
        match (&self.arguments, &self.forwarded) {
            (Arguments::None, None) => Some(Cow::Borrowed(&self.fixed)),
            (Arguments::None, Some(forwarded)) => {
                let mut params = forwarded.params.clone();
                params.set_object("_meta", &forwarded.meta);
                Some(Cow::Owned(params.to_vec()))
            }
            _ => None,
        }
    }

    /// The arguments.
    pub(crate) fn arguments(&self) -> Result<Map<String, Value>, serde_json::Error> {
        match &self.arguments {
            Arguments::None => {
                if let Some(forwarded) = &self.forwarded {
                    return arguments_of(&forwarded.params);
                }
                let split = self.split::<Option<Map<_, _>>>(ARGUMENTS)?;
                Ok(split.and_then(|(_, arguments)| arguments).unwrap_or_default())
            }
            Arguments::Whole(json) => serde_json::from_slice(json),
            Arguments::Members(json) => object(json),
        }
    }

    /// The target, if available without parsing raw parameters.
    pub(crate) fn cheap_target(&self) -> Option<String> {
        (!self.is_raw).then(|| self.target()).flatten()
    }

    /// The tool or prompt name, or the resource URI.
    pub(crate) fn target(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Target {
            #[serde(alias = "uri")]
            name: String,
        }
        if let Some(Forwarded { params, .. }) = self.forwarded.as_deref() {
            return params.text("name").or_else(|| params.text("uri"));
        }
        if let (false, Some(target)) = (self.is_raw, first_text(&self.fixed)) {
            return Some(target.to_owned());
        }
        serde_json::from_slice(&self.fixed).ok().map(|target: Target| target.name)
    }

    /// The caller's `_meta`: from the parameters, or from `meta`, which takes precedence.
    pub(crate) fn caller_meta(&self, meta: Option<&Meta>) -> Option<Meta> {
        if let Some(forwarded) = &self.forwarded {
            let mut merged: Meta = serde_json::from_slice(&forwarded.meta.to_vec()).ok()?;
            merged.extend(meta.into_iter().flat_map(|meta| (**meta).clone()));
            return Some(merged);
        }
        match self.with_meta_apart(meta) {
            Ok(Some((_, merged))) => Some(merged),
            // Invalid parameters fail when they are encoded.
            _ => meta.cloned(),
        }
    }

    /// Raw parameters without their `_meta`, and that merged with `meta`, which takes precedence.
    fn with_meta_apart(
        &self,
        meta: Option<&Meta>,
    ) -> Result<Option<(Vec<u8>, Meta)>, serde_json::Error> {
        let Some((fixed, mut merged)) = self.split::<Meta>("_meta")? else { return Ok(None) };
        merged.extend(meta.into_iter().flat_map(|meta| (**meta).clone()));
        Ok(Some((fixed, merged)))
    }

    /// Removes a member from raw parameters; the others are unchanged.
    fn split<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(Vec<u8>, T)>, serde_json::Error> {
        let has = |text: &str| memchr::memmem::find(&self.fixed, text.as_bytes()).is_some();
        // A letter of the key may be escaped.
        if !self.is_raw || !(has(key) || has("\\u00")) {
            return Ok(None);
        }
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(&self.fixed)?;
        let Some(member) = members.remove(key) else {
            return Ok(None);
        };
        Ok(Some((serde_json::to_vec(&members)?, serde_json::from_str(member.get())?)))
    }
}

/// Appends a member to an object being encoded.
pub(crate) fn member<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    key: &str,
    value: &T,
) -> Result<(), serde_json::Error> {
    comma(out);
    serde_json::to_writer(&mut *out, key)?;
    out.push(b':');
    serde_json::to_writer(out, value)
}

/// The name or URI with which an object begins, if it has no escapes.
fn first_text(object: &[u8]) -> Option<&str> {
    let value = object.strip_prefix(br#"{"name":""#).or(object.strip_prefix(br#"{"uri":""#))?;
    let text = &value[..memchr::memchr2(b'"', b'\\', value)?];
    let is_whole = value.get(text.len()) == Some(&b'"');
    std::str::from_utf8(text).ok().filter(|_| is_whole)
}

/// The members of an object, as they are written inside it.
fn inside(object: &Map<String, Value>) -> Result<Vec<u8>, serde_json::Error> {
    if object.is_empty() {
        return Ok(Vec::with_capacity(SHORT_ARGUMENTS));
    }
    let mut json = serde_json::to_vec(object)?;
    json.pop();
    json.remove(0);
    Ok(json)
}

/// The arguments in the parameters of a request that is forwarded.
fn arguments_of(params: &RawObject) -> Result<Map<String, Value>, serde_json::Error> {
    let arguments: Option<Map<_, _>> =
        params.get(ARGUMENTS).map_or(Ok(None), serde_json::from_slice)?;
    Ok(arguments.unwrap_or_default())
}

/// The object with these members. The last value of a repeated name counts.
fn object(members: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_slice(&[b"{", members, b"}"].concat())
}

/// A text as it is, and any other value as JSON.
fn into_text(value: Value) -> Value {
    match value {
        Value::String(_) => value,
        other => Value::String(other.to_string()),
    }
}

fn comma(out: &mut Vec<u8>) {
    if !matches!(out.last(), None | Some(b'{')) {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn written(params: &Params) -> String {
        let token = Some(7);
        let written = params.encode(&CommonMeta::default(), token, None, None).unwrap().unwrap();
        String::from_utf8(written.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_target_is_the_name_or_uri() {
        let params = |key: &str, value: &str| Params::named(key, value).unwrap();
        for text in ["add", "gr\u{fc}n", "a\"b", "a\\", ""] {
            assert_eq!(params("name", text).target().as_deref(), Some(text));
            assert_eq!(params("uri", text).target().as_deref(), Some(text));
        }
        assert_eq!(params("level", "add").target(), None);
    }

    #[test]
    fn arguments_are_merged_into_raw_parameters() {
        let meta = r#""_meta":{"progressToken":7,"a":1}"#;
        let raw = |arguments: &str| {
            let json = format!(r#"{{"name":"x","_meta":{{"a":1}},{arguments}"z":0}}"#);
            Params::new(&RawJson::from_text(json).unwrap()).unwrap()
        };
        for (arguments, joined) in [
            ("", r#"{"q":1}"#),
            (r#""arguments":null,"#, r#"{"q":1}"#),
            (r#""arguments":{"b":[2]},"#, r#"{"b":[2],"q":1}"#),
            (r#""\u0061rguments":{"q":0},"#, r#"{"q":1}"#),
        ] {
            let mut params = raw(arguments);
            params.set_argument("q", &1).unwrap();
            let wanted = format!(r#"{{{meta},"name":"x","z":0,"arguments":{joined}}}"#);
            assert_eq!(written(&params), wanted);
            assert_eq!(Value::Object(params.arguments().unwrap()).to_string(), joined);
            let mut params = raw(arguments);
            params.set_arguments(&json!({ "all": true })).unwrap();
            let wanted = format!(r#"{{{meta},"name":"x","z":0,"arguments":{{"all":true}}}}"#);
            assert_eq!(written(&params), wanted);
        }
        let mut params = raw(r#""arguments":[1],"#);
        params.set_argument("q", &1).unwrap_err();
    }

    #[test]
    fn what_is_forwarded_keeps_its_bytes() {
        let object = |json: &'static str| RawObject::parse(RawJson::trusted(json)).unwrap();
        let mut params = Params::forwarded(
            object(r#"{ "name":"x", "arguments": {"a":1.50} }"#),
            object(r#"{"progressToken":1, "k":{"n":1.50}}"#),
        );
        let meta = r#""_meta":{"progressToken":7,"k":{"n":1.50}}"#;
        assert_eq!(written(&params), format!(r#"{{{meta},"name":"x","arguments":{{"a":1.50}}}}"#));
        assert_eq!(params.target().unwrap(), "x");
        assert_eq!(Value::Object(params.arguments().unwrap()), json!({ "a": 1.5 }));
        params.set_argument("b", &2).unwrap();
        assert_eq!(
            written(&params),
            format!(r#"{{{meta},"name":"x","arguments":{{"a":1.5,"b":2}}}}"#)
        );
    }

    #[test]
    fn arguments_that_are_set_one_by_one() {
        let mut params = Params::named("name", "x").unwrap();
        let expect = |params: &Params, json: &str| {
            let wanted =
                format!(r#"{{"_meta":{{"progressToken":7}},"name":"x","arguments":{json}}}"#);
            assert_eq!(written(params), wanted);
            let arguments = Value::Object(params.arguments().unwrap());
            assert_eq!(arguments, serde_json::from_str::<Value>(json).unwrap());
        };
        let raw = RawJson::from_text(r#"{"b":1.50,"a":123456789012345678901}"#).unwrap();
        params.set_argument("a\"b", &raw).unwrap();
        expect(&params, r#"{"a\"b":{"b":1.50,"a":123456789012345678901}}"#);
        // A value that cannot be written leaves nothing behind.
        let unwritable = BTreeMap::from([((1, 2), "x")]);
        params.set_argument("c", &unwritable).unwrap_err();
        params.set_argument("c", &Some("d")).unwrap();
        let (first, second) = (r#""a\"b":{"b":1.50,"a":123456789012345678901}"#, r#""c":"d""#);
        expect(&params, &format!("{{{first},{second}}}"));
        let mut params = Params::named("name", "x").unwrap();
        params.set_arguments(&json!({ "c": "d", "e": { "f": [] } })).unwrap();
        // Also a name of a member of a value.
        for (name, value) in [("c", 1), ("f", 2), ("e", 3), ("f", 4)] {
            params.set_argument(name, &value).unwrap();
        }
        expect(&params, r#"{"c":1,"e":3,"f":4}"#);
    }
}

//! The parameters of a request, written once, with the `_meta` that the era wants in front.

use std::collections::BTreeMap;

use mcp_core::{
    ClientCapabilities, Implementation, Meta, ProtocolVersion, RawJson,
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

/// What stands in the `_meta` of every request of a session, as the inside of a JSON object.
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

    /// Whether a key is the session's to set: what a caller says of it is left out.
    fn holds(&self, key: &str) -> bool {
        let ours =
            [meta_key::PROTOCOL_VERSION, meta_key::CLIENT_CAPABILITIES, meta_key::CLIENT_INFO];
        !self.0.is_empty() && ours.contains(&key)
    }
}

/// The parameters of one request before they are written.
#[derive(Debug)]
pub(crate) struct Params {
    /// A JSON object.
    fixed: Vec<u8>,
    /// Whether somebody wrote it by hand, and perhaps a `_meta` or arguments in it.
    by_hand: bool,
    /// What was set beside; `fixed` has no arguments then.
    arguments: Arguments,
}

#[derive(Debug, Default)]
enum Arguments {
    #[default]
    None,
    Whole(Vec<u8>),
    Single(Map<String, Value>),
}

impl Params {
    /// Of anything that is an object as JSON; `null` counts as an empty one.
    pub(crate) fn new(params: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut fixed = serde_json::to_vec(params)?;
        match fixed.first() {
            Some(b'{') => {}
            _ if fixed == b"null" => fixed = b"{}".to_vec(),
            _ => {
                return Err(serde_json::Error::custom("parameters must be a JSON object"));
            }
        }
        Ok(Self { fixed, by_hand: true, arguments: Arguments::None })
    }

    pub(crate) fn empty() -> Self {
        Self { fixed: b"{}".to_vec(), by_hand: false, arguments: Arguments::None }
    }

    /// Of a method that names what it is about by one member.
    pub(crate) fn named(key: &str, value: &str) -> Result<Self, serde_json::Error> {
        let mut fixed = vec![b'{'];
        member(&mut fixed, key, value)?;
        fixed.push(b'}');
        Ok(Self { fixed, by_hand: false, arguments: Arguments::None })
    }

    /// Sets all arguments, in place of those that were written by hand.
    pub(crate) fn set_arguments(&mut self, args: &impl Serialize) -> Result<(), serde_json::Error> {
        let arguments = serde_json::to_vec(args)?;
        if let Some((rest, _)) = self.split::<IgnoredAny>(ARGUMENTS)? {
            self.fixed = rest;
        }
        self.arguments = match arguments.first() {
            Some(b'{') => Arguments::Whole(arguments),
            _ if arguments == b"null" => Arguments::None,
            _ => return Err(serde_json::Error::custom("arguments must be a JSON object")),
        };
        Ok(())
    }

    /// Sets one argument, beside those that were written by hand.
    pub(crate) fn set_argument(
        &mut self,
        name: String,
        value: &impl Serialize,
    ) -> Result<(), serde_json::Error> {
        let mut arguments = match std::mem::take(&mut self.arguments) {
            Arguments::None => match self.split::<Option<Map<_, _>>>(ARGUMENTS)? {
                Some((rest, arguments)) => {
                    self.fixed = rest;
                    arguments.unwrap_or_default()
                }
                None => Map::new(),
            },
            Arguments::Whole(json) => serde_json::from_slice(&json)?,
            Arguments::Single(arguments) => arguments,
        };
        arguments.insert(name, serde_json::to_value(value)?);
        self.arguments = Arguments::Single(arguments);
        Ok(())
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

    /// The same with more members, as the inside of a JSON object.
    pub(crate) fn encode_with(
        &self,
        common: &CommonMeta,
        progress_token: Option<i64>,
        meta: Option<&Meta>,
        trace: Option<&TraceContext>,
        more: &[u8],
    ) -> Result<Option<RawJson>, serde_json::Error> {
        let is_empty = self.fixed == b"{}" && matches!(self.arguments, Arguments::None);
        let is_empty = is_empty && more.is_empty();
        let has_meta =
            !common.0.is_empty() || progress_token.is_some() || meta.is_some() || trace.is_some();
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
            Arguments::Whole(json) => json.len(),
            // A guess, that most arguments are short.
            Arguments::Single(arguments) => arguments.len() * 32,
        };
        let mut out =
            Vec::with_capacity(fixed.len() + common.0.len() + arguments + more.len() + 128);
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
            for (key, value) in trace.into_iter().flat_map(TraceContext::entries) {
                if meta.is_none_or(|meta| !meta.contains_key(key)) {
                    member(&mut out, key, value)?;
                }
            }
            out.push(b'}');
        }
        if fixed.len() > 2 {
            comma(&mut out);
            out.extend_from_slice(&fixed[1..fixed.len() - 1]);
        }
        match &self.arguments {
            Arguments::None => {}
            Arguments::Whole(json) => {
                comma(&mut out);
                out.extend_from_slice(b"\"arguments\":");
                out.extend_from_slice(json);
            }
            Arguments::Single(arguments) => member(&mut out, ARGUMENTS, arguments)?,
        }
        if !more.is_empty() {
            comma(&mut out);
            out.extend_from_slice(more);
        }
        out.push(b'}');
        Ok(Some(RawJson::trusted(out)))
    }

    /// All of the parameters as they were given, where they have no arguments.
    pub(crate) fn without_arguments(&self) -> Option<&[u8]> {
        matches!(self.arguments, Arguments::None).then_some(&*self.fixed)
    }

    /// The arguments by themselves.
    pub(crate) fn arguments(&self) -> Result<Map<String, Value>, serde_json::Error> {
        match &self.arguments {
            Arguments::None => {
                let by_hand = self.split::<Option<Map<_, _>>>(ARGUMENTS)?;
                Ok(by_hand.and_then(|(_, arguments)| arguments).unwrap_or_default())
            }
            Arguments::Whole(json) => serde_json::from_slice(json),
            Arguments::Single(arguments) => Ok(arguments.clone()),
        }
    }

    /// The tool or prompt by its name, or the resource by its URI.
    pub(crate) fn target(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Target {
            #[serde(alias = "uri")]
            name: String,
        }
        serde_json::from_slice(&self.fixed).ok().map(|target: Target| target.name)
    }

    /// The `_meta` as the caller wrote it: in the parameters, or beside them as `meta`, which wins.
    pub(crate) fn meta_by_hand(&self, meta: Option<&Meta>) -> Option<Meta> {
        match self.with_meta_apart(meta) {
            Ok(Some((_, merged))) => Some(merged),
            // What cannot be read fails where it is written.
            _ => meta.cloned(),
        }
    }

    /// What is left of hand-written parameters without their `_meta`, and that with `meta`, which wins.
    fn with_meta_apart(
        &self,
        meta: Option<&Meta>,
    ) -> Result<Option<(Vec<u8>, Meta)>, serde_json::Error> {
        let Some((fixed, mut merged)) = self.split::<Meta>("_meta")? else { return Ok(None) };
        merged.extend(meta.into_iter().flat_map(|meta| (**meta).clone()));
        Ok(Some((fixed, merged)))
    }

    /// Takes a member out of hand-written parameters, leaving all else as it stands.
    fn split<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(Vec<u8>, T)>, serde_json::Error> {
        let has = |text: &str| memchr::memmem::find(&self.fixed, text.as_bytes()).is_some();
        // In the key, a letter may be written as an escape.
        if !self.by_hand || !(has(key) || has("\\u00")) {
            return Ok(None);
        }
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(&self.fixed)?;
        let Some(member) = members.remove(key) else {
            return Ok(None);
        };
        Ok(Some((serde_json::to_vec(&members)?, serde_json::from_str(member.get())?)))
    }
}

/// Appends a member to an object that is being written.
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
    fn arguments_join_those_that_were_written_by_hand() {
        let meta = r#""_meta":{"progressToken":7,"a":1}"#;
        let by_hand = |arguments: &str| {
            let json = format!(r#"{{"name":"x","_meta":{{"a":1}},{arguments}"z":0}}"#);
            Params::new(&RawJson::from_text(json).unwrap()).unwrap()
        };
        for (arguments, joined) in [
            ("", r#"{"q":1}"#),
            (r#""arguments":null,"#, r#"{"q":1}"#),
            (r#""arguments":{"b":[2]},"#, r#"{"b":[2],"q":1}"#),
            (r#""\u0061rguments":{"q":0},"#, r#"{"q":1}"#),
        ] {
            let mut params = by_hand(arguments);
            params.set_argument("q".to_owned(), &1).unwrap();
            let wanted = format!(r#"{{{meta},"name":"x","z":0,"arguments":{joined}}}"#);
            assert_eq!(written(&params), wanted);
            assert_eq!(Value::Object(params.arguments().unwrap()).to_string(), joined);
            let mut params = by_hand(arguments);
            params.set_arguments(&json!({ "all": true })).unwrap();
            let wanted = format!(r#"{{{meta},"name":"x","z":0,"arguments":{{"all":true}}}}"#);
            assert_eq!(written(&params), wanted);
        }
        let mut params = by_hand(r#""arguments":[1],"#);
        params.set_argument("q".to_owned(), &1).unwrap_err();
    }
}

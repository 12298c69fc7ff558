//! Routing of names and URIs to servers.

use std::sync::Arc;

use mcp_core::{Era, ErrorObject, RawJson, error_code};
use serde_json::json;

use crate::{
    error::{RequestError, invalid_params},
    list_kind::{Prompts, Resources, Templates, Tools},
    lists::refresh_dirty,
    member::Member,
    names::{ItemKind, Origin},
    request::IncomingRequest,
    state::GroupState,
    uri,
};

/// Maximum number of prefixes of an unknown name that are compared with server names.
const MAX_PREFIXES: usize = 4;

/// A server, and an original name or URI.
type Target = (Arc<Member>, String);

impl GroupState {
    /// The server of a tool or prompt that was listed.
    pub(crate) fn known_name(&self, kind: ItemKind, name: &str) -> Option<Target> {
        let Origin { server, name } = self.names.origin(kind, name)?;
        let member = self.member(&server)?;
        // The rules may have changed when the server was added again.
        let is_offered = kind != ItemKind::Tool
            || member.exposure.rules.is_empty()
            || member.catalog.tools.known()?.originals.contains(&name);
        is_offered.then_some((member, name))
    }

    /// The server of a resource or template.
    pub(crate) fn known_resource(&self, uri: &str) -> Option<Target> {
        let marked = || {
            let (server, original) = uri::original(uri)?;
            let member = self.member(&server).filter(|member| !member.exposure.is_plain)?;
            Some((member, original))
        };
        if self.names.marks_uris() {
            return marked().or_else(|| self.plain().map(|plain| (plain, uri.to_owned())));
        }
        if let Some(Origin { server, name }) = self.names.origin(ItemKind::Resource, uri) {
            return self.member(&server).map(|member| (member, name));
        }
        match self.plain() {
            Some(plain) => Some((plain, uri.to_owned())),
            None => self.like_a_template(uri).or_else(|| self.only_one_with_resources(uri)),
        }
    }

    /// The server whose names and URIs are unchanged although there are others.
    fn plain(&self) -> Option<Arc<Member>> {
        self.members().into_iter().find(|member| member.exposure.is_plain)
    }

    /// The server whose template has the longest literal prefix that matches `uri`; none if two servers match.
    fn like_a_template(&self, uri: &str) -> Option<Target> {
        let mut best: Option<(usize, Target)> = None;
        let mut is_unique = true;
        for member in self.members() {
            let Some(known) = member.catalog.templates.known() else { continue };
            for template in &known.items {
                let shown = template.uri_template.as_str();
                let literal = shown.split('{').next().unwrap_or_default();
                let length = literal.len();
                let before = best.as_ref().map_or(0, |(length, _)| *length);
                if length == 0 || length < before || !uri.starts_with(literal) {
                    continue;
                }
                if length > before {
                    is_unique = true;
                } else if best.as_ref().is_some_and(|(_, (other, _))| other.name != member.name) {
                    is_unique = false;
                    continue;
                }
                // A renamed template contains its server.
                let is_marked = !known.originals.contains(shown);
                let original = match uri::original(uri) {
                    Some((_, original)) if is_marked => original,
                    _ => uri.to_owned(),
                };
                best = Some((length, (Arc::clone(&member), original)));
            }
        }
        best.filter(|_| is_unique).map(|(_, target)| target)
    }

    fn only_one_with_resources(&self, uri: &str) -> Option<Target> {
        let has_resources =
            |member: &Member| member.verdict().is_none_or(|it| it.capabilities.resources.is_some());
        let mut with = self.members().into_iter().filter(|member| has_resources(member));
        let first = with.next()?;
        with.next().is_none().then(|| (first, uri.to_owned()))
    }
}

impl IncomingRequest {
    /// The tool or prompt of this name. Reads lists if it is not known yet.
    pub(crate) async fn find(&self, kind: ItemKind, name: &str) -> Result<Target, RequestError> {
        if let Some(found) = self.group.known_name(kind, name) {
            return Ok(found);
        }
        // A server with unchanged names receives every name that no other server has.
        let takes_any = |member: &Member| {
            let exposure = &member.exposure;
            exposure.is_plain && (kind != ItemKind::Tool || exposure.rules.is_empty())
        };
        let (mut plain, others): (Vec<_>, Vec<_>) =
            self.group.members().into_iter().partition(|member| takes_any(member));
        if !others.is_empty() {
            let read = match kind {
                ItemKind::Tool => refresh_dirty::<Tools>(&others, self.read_options()).await,
                _ => refresh_dirty::<Prompts>(&others, self.read_options()).await,
            };
            if let Some(found) = self.group.known_name(kind, name) {
                return Ok(found);
            }
            // If the only server is unavailable, that is the reason, not the name.
            if let (Err(error), true) = (read, others.len() == 1 && plain.is_empty()) {
                return Err(error);
            }
        }
        if let Some(plain) = plain.pop() {
            return Ok((plain, name.to_owned()));
        }
        let what = if kind == ItemKind::Tool { "tool" } else { "prompt" };
        let may_have_it = |member: &Member| {
            let is_unread = match kind {
                ItemKind::Tool => member.catalog.tools.known().is_none(),
                _ => member.catalog.prompts.known().is_none(),
            };
            let is_plain = member.exposure.is_plain;
            is_unread && (is_plain || self.group.names.may_be_of(&member.name, name))
        };
        let mut hint = self.absent(may_have_it);
        if hint.is_empty() {
            hint = match self.group.names.nearest(kind, name) {
                Some(near) => format!("; did you mean {near:?}?"),
                None => self.no_server(name),
            };
        }
        Err(invalid_params(format!("unknown {what} {name:?}{hint}")))
    }

    /// The resource or template of this URI.
    ///
    /// Spec: server/resources#error-handling
    pub(crate) async fn find_resource(&self, uri: &str) -> Result<Target, RequestError> {
        let group = &self.group;
        let is_listed = group.names.origin(ItemKind::Resource, uri).is_some();
        if !is_listed && !group.names.marks_uris() && group.sole_server().is_none() {
            let members = group.members();
            for read in [
                refresh_dirty::<Resources>(&members, self.read_options()).await,
                refresh_dirty::<Templates>(&members, self.read_options()).await,
            ] {
                if let Err(error) = read {
                    tracing::debug!(?error, "cannot list resources");
                }
            }
        }
        if let Some(found) = group.known_resource(uri) {
            return Ok(found);
        }
        let code = match self.version.era() {
            Era::Modern => error_code::INVALID_PARAMS,
            Era::Legacy => error_code::RESOURCE_NOT_FOUND,
        };
        let absent = match group.names.marks_uris() {
            true => String::new(),
            false => self.absent(|_| true),
        };
        let error = ErrorObject::new(code, format!("unknown resource {uri:?}{absent}"));
        let data = RawJson::from_serialize(&json!({ "uri": uri }));
        Err(data.map_or(error.clone(), |data| error.with_data(data)).into())
    }

    /// Names the unconnected servers that may have it, with the reason.
    fn absent(&self, may_have_it: impl Fn(&Member) -> bool) -> String {
        let mut text = String::new();
        for member in self.group.members() {
            if !member.is_ready() && may_have_it(&member) {
                text += &format!("; server {:?} may have it, but is not connected", member.name);
                if let Some(error) = member.status().last_error {
                    text += &format!(": {error}");
                }
            }
        }
        text
    }

    /// The servers of the group, if names are prefixed and `name` has no known prefix.
    fn no_server(&self, name: &str) -> String {
        let members = self.group.members();
        let is_of_one = |member: &Arc<Member>| {
            member.exposure.is_plain || self.group.names.may_be_of(&member.name, name)
        };
        if members.iter().any(is_of_one) {
            return String::new();
        }
        let prefixes = name.match_indices(['_', '-', '.', '/']).map(|(at, _)| &name[..at]);
        let near = prefixes
            .take(MAX_PREFIXES)
            .find_map(|prefix| mcp_core::nearest(prefix, members.iter().map(|it| &*it.name)));
        if let Some(near) = near {
            return format!("; did you mean the server {near:?}?");
        }
        let servers: Vec<String> = members.iter().map(|it| format!("{:?}", it.name)).collect();
        format!("; names must begin with a server name: {}", servers.join(", "))
    }
}

//! What servers list, last known, as the group shows it.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use mcp_core::{
    CacheScope, Cacheable, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, MethodResult, Page, Prompt, Resource, ResourceTemplate, ServerCapabilities,
    ServerResult, Tool,
};
use mcp_session::{CacheMode, Error, ErrorKind, List, Session, Timeout};
use serde::Serialize;

use crate::{
    failure::Failure,
    hub::{Change, Event},
    member::Member,
    names::{ItemKind, Origin},
};

/// Pages of one list of one server, at the most.
const MAX_PAGES: usize = 1000;

/// How long one server of several may hold up a list that is known; then it is shown as it was last.
const PATIENCE: Duration = Duration::from_secs(10);

/// The least time between two readings of a server that says that its lists have changed.
const PAUSE: Duration = Duration::from_millis(100);

/// The lists of one server.
#[derive(Default)]
pub(crate) struct Lists {
    tools: Slot<Tool>,
    prompts: Slot<Prompt>,
    resources: Slot<Resource>,
    templates: Slot<ResourceTemplate>,
}

/// A list of one server.
pub(crate) struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    /// `None` until it has been read.
    known: Option<Arc<Known<T>>>,
    /// Nothing says that it has changed since.
    is_fresh: bool,
}

/// What was read, as the group shows it.
pub(crate) struct Known<T> {
    pub(crate) items: Vec<T>,
    /// By what the server calls them.
    pub(crate) originals: BTreeSet<String>,
    pub(crate) ttl: Duration,
    pub(crate) is_shareable: bool,
}

/// A kind of list.
pub(crate) trait Kind: Sized + Send + 'static {
    type Item: Clone + PartialEq + Send + Sync + 'static;
    type Page: MethodResult
        + Page<Item = Self::Item>
        + Cacheable
        + ServerResult
        + Serialize
        + Send
        + 'static;
    const CHANGE: Change;

    fn list(session: &Session) -> List<Self::Page>;
    fn is_offered(capabilities: &ServerCapabilities) -> bool;
    fn slot(lists: &Lists) -> &Slot<Self::Item>;
    fn key(item: &Self::Item) -> &str;
    /// As the group shows it; `None` where it does not.
    fn expose(member: &Member, item: Self::Item) -> Option<Self::Item>;
    fn page(items: Vec<Self::Item>, next: Option<String>) -> Self::Page;
}

impl Lists {
    /// Any of them may have changed.
    pub(crate) fn doubt(&self) {
        self.tools.lock().is_fresh = false;
        self.prompts.lock().is_fresh = false;
        self.resources.lock().is_fresh = false;
        self.templates.lock().is_fresh = false;
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(State { known: None, is_fresh: false }))
    }
}

impl<T: PartialEq> Slot<T> {
    pub(crate) fn known(&self) -> Option<Arc<Known<T>>> {
        self.lock().known.clone()
    }

    fn is_fresh(&self) -> bool {
        self.lock().is_fresh
    }

    /// Whether it differs from what was known.
    fn set(&self, known: Known<T>) -> bool {
        let mut state = self.lock();
        let differs = state.known.as_ref().is_none_or(|before| before.items != known.items);
        *state = State { known: Some(Arc::new(known)), is_fresh: true };
        differs
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All pages of a list.
struct Fetched<T> {
    items: Vec<T>,
    ttl: Duration,
    is_shareable: bool,
}

async fn fetch<K: Kind>(
    session: &Session,
    timeout: Option<Timeout>,
    cache: CacheMode,
) -> Result<Fetched<K::Item>, Error> {
    let mut fetched = Fetched { items: Vec::new(), ttl: Duration::MAX, is_shareable: true };
    if !K::is_offered(session.capabilities()) {
        return Ok(fetched);
    }
    let list = K::list(session).cache(cache);
    let list = match timeout {
        Some(timeout) => list.timeout(timeout),
        None => list,
    };
    let mut seen = HashSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = list.page(cursor.as_deref()).await?;
        fetched.ttl = fetched.ttl.min(page.ttl());
        fetched.is_shareable &= page.is_shareable();
        let next = page.next_cursor().map(str::to_owned);
        let items = page.into_items();
        for skipped in items.skipped() {
            tracing::warn!(server = session.name(), ?skipped, "an element that cannot be read");
        }
        fetched.items.extend(items);
        let Some(next) = next else { return Ok(fetched) };
        if seen.len() + 1 >= MAX_PAGES || !seen.insert(next.clone()) {
            let message = "the list does not end: too many pages, or a cursor that came twice";
            return Err(Error::new(ErrorKind::Pagination, session.name(), message));
        }
        cursor = Some(next);
    }
}

/// Whether the list differs from what was known.
fn store<K: Kind>(member: &Member, fetched: Fetched<K::Item>) -> bool {
    let Fetched { items, ttl, is_shareable } = fetched;
    let mut known = Known { items: Vec::new(), originals: BTreeSet::new(), ttl, is_shareable };
    for item in items {
        let original = K::key(&item).to_owned();
        if known.originals.contains(&original) {
            continue;
        }
        if let Some(item) = K::expose(member, item) {
            known.originals.insert(original);
            known.items.push(item);
        }
    }
    K::slot(&member.lists).set(known)
}

/// Reads a list of these servers anew, of all at once, as far as they do not let us keep it. Names are given in the order of the servers. One
/// that fails is as it was last known.
///
/// # Errors
/// When not one could be read and nothing was known of any.
pub(crate) async fn refresh<K: Kind>(
    members: &[Arc<Member>],
    timeout: Option<Timeout>,
    cache: CacheMode,
) -> Result<(), Failure> {
    let is_alone = members.len() == 1;
    let reading = members.iter().map(|member| async move {
        let failed = |error: Error| {
            tracing::warn!(%error, "a list cannot be read");
            member.failed(&error);
            Failure::of_call(&error)
        };
        let reading = async {
            let session = member.session().await?;
            fetch::<K>(&session, timeout, cache).await.map_err(failed)
        };
        // With a list of it at hand, nobody has to wait for a server that is being opened.
        let limit = match K::slot(&member.lists).known().is_some() {
            true => PATIENCE,
            false => PATIENCE.max(member.start_timeout()),
        };
        match is_alone {
            true => reading.await,
            false => tokio::time::timeout(limit, reading).await.unwrap_or_else(|_| {
                let message = format!("no list within {limit:?}");
                Err(failed(Error::new(ErrorKind::Timeout, Arc::clone(&member.name), message)))
            }),
        }
    });
    let mut failure = None;
    let mut is_known = members.is_empty();
    for (member, fetched) in members.iter().zip(join_all(reading).await) {
        match fetched {
            Ok(fetched) => drop(store::<K>(member, fetched)),
            Err(error) => drop(failure.get_or_insert(error)),
        }
        is_known |= K::slot(&member.lists).known().is_some();
    }
    match failure {
        Some(failure) if !is_known => Err(failure),
        _ => Ok(()),
    }
}

/// Reads those lists anew of which it is not known how they are.
pub(crate) async fn refresh_doubtful<K: Kind>(
    members: &[Arc<Member>],
    timeout: Option<Timeout>,
) -> Result<(), Failure> {
    let doubtful = |member: &&Arc<Member>| {
        !K::slot(&member.lists).is_fresh() || member.marks.is_marked(K::CHANGE)
    };
    let doubtful: Vec<_> = members.iter().filter(doubtful).cloned().collect();
    match doubtful.is_empty() {
        true => Ok(()),
        false => refresh::<K>(&doubtful, timeout, CacheMode::Refresh).await,
    }
}

/// Keeps the lists of a server as they are, and tells of what changes. Runs until it is dropped.
///
/// A server that is there `is_again` has perhaps changed, or is new to the clients.
pub(crate) async fn keep(member: &Arc<Member>, session: &Session, is_again: bool) {
    if is_again {
        for change in Change::ALL {
            reread(member, session, change, false).await;
        }
    } else {
        member.lists.doubt();
    }
    loop {
        for (change, is_certain) in member.marks.take().await {
            reread(member, session, change, is_certain).await;
        }
        // What is said meanwhile is read in one.
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads again what has been read before, and tells of it if it is another, or `has_changed` anyway.
async fn reread(member: &Member, session: &Session, change: Change, has_changed: bool) {
    let differs = match change {
        Change::Tools => differs::<Tools>(member, session).await,
        Change::Prompts => differs::<Prompts>(member, session).await,
        Change::Resources => {
            let resources = differs::<Resources>(member, session).await;
            differs::<Templates>(member, session).await || resources
        }
    };
    if differs || has_changed {
        member.hub.tell(&Event::Changed(change));
    }
}

/// Reads a list again. One that has never been read is another if there is one.
async fn differs<K: Kind>(member: &Member, session: &Session) -> bool {
    let slot = K::slot(&member.lists);
    if slot.known().is_none() {
        return K::is_offered(session.capabilities());
    }
    slot.lock().is_fresh = false;
    match fetch::<K>(session, None, CacheMode::Refresh).await {
        Ok(fetched) => store::<K>(member, fetched),
        Err(error) => {
            tracing::warn!(%error, "a list cannot be read");
            member.failed(&error);
            false
        }
    }
}

/// The merged list: of all servers, in their order, for as long as the least of them.
pub(crate) fn merged<K: Kind>(members: &[Arc<Member>]) -> (Vec<K::Item>, Duration, CacheScope) {
    let known: Vec<_> =
        members.iter().filter_map(|member| K::slot(&member.lists).known()).collect();
    // A server that has not been heard may have more at any time.
    let is_whole = known.len() == members.len();
    let ttl = known.iter().map(|known| known.ttl).min().filter(|_| is_whole);
    let ttl = ttl.filter(|ttl| *ttl < Duration::MAX).unwrap_or_default();
    let is_shareable = is_whole && !known.is_empty() && known.iter().all(|it| it.is_shareable);
    let scope = if is_shareable { CacheScope::Public } else { CacheScope::Private };
    let items = known.iter().flat_map(|known| known.items.iter().cloned()).collect();
    (items, ttl, scope)
}

macro_rules! kinds {
    ($($kind:ident: $item:ident in $page:ident by $key:ident, $change:ident, $slot:ident,
        $list:ident, $capability:ident, $expose:ident;)+) => { $(
        pub(crate) enum $kind {}

        impl Kind for $kind {
            type Item = $item;
            type Page = $page;
            const CHANGE: Change = Change::$change;

            fn list(session: &Session) -> List<$page> {
                session.$list()
            }

            fn is_offered(capabilities: &ServerCapabilities) -> bool {
                capabilities.$capability.is_some()
            }

            fn slot(lists: &Lists) -> &Slot<$item> {
                &lists.$slot
            }

            fn key(item: &$item) -> &str {
                &item.$key
            }

            fn expose(member: &Member, item: $item) -> Option<$item> {
                $expose(member, item)
            }

            fn page(items: Vec<$item>, next: Option<String>) -> $page {
                let mut page = $page::new(items);
                page.next_cursor = next;
                page
            }
        }
    )+ };
}

kinds! {
    Tools: Tool in ListToolsResult by name, Tools, tools, list_tools, tools, expose_tool;
    Prompts: Prompt in ListPromptsResult by name, Prompts, prompts, list_prompts, prompts,
        expose_prompt;
    Resources: Resource in ListResourcesResult by uri, Resources, resources, list_resources,
        resources, expose_resource;
    Templates: ResourceTemplate in ListResourceTemplatesResult by uri_template, Resources,
        templates, list_resource_templates, resources, expose_template;
}

fn expose_tool(member: &Member, tool: Tool) -> Option<Tool> {
    let origin = Origin { server: Arc::clone(&member.name), name: tool.name.clone() };
    let mut tool = member.rules.offer(tool)?;
    tool.name = member.names.give(ItemKind::Tool, origin, &tool.name, member.plain)?;
    Some(tool)
}

fn expose_prompt(member: &Member, mut prompt: Prompt) -> Option<Prompt> {
    let origin = Origin { server: Arc::clone(&member.name), name: prompt.name };
    let wish = origin.name.clone();
    prompt.name = member.names.give(ItemKind::Prompt, origin, &wish, member.plain)?;
    Some(prompt)
}

fn expose_resource(member: &Member, mut resource: Resource) -> Option<Resource> {
    resource.uri = expose_uri(member, resource.uri)?;
    Some(resource)
}

fn expose_template(member: &Member, mut template: ResourceTemplate) -> Option<ResourceTemplate> {
    template.uri_template = expose_uri(member, template.uri_template)?;
    Some(template)
}

/// A URI that names its server needs no table. Others do, to find back.
fn expose_uri(member: &Member, uri: String) -> Option<String> {
    if member.plain || member.names.marks_uris() {
        return Some(member.expose_uri(&uri));
    }
    let origin = Origin { server: Arc::clone(&member.name), name: uri };
    let wish = origin.name.clone();
    member.names.give(ItemKind::Resource, origin, &wish, false)
}

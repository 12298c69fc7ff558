//! The table that maps names in the group to servers and their original names.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::uri;

/// Maximum number of names of one kind for one server; further items are left out of the lists.
const MAX_NAMES: usize = 50_000;

/// Maximum length of an original name, in bytes; items with longer names are left out.
const MAX_NAME: usize = 4096;

/// Maximum length of a tool name in the group.
///
/// Spec: server/tools#tool-names
const MAX_TOOL_NAME: usize = 128;

/// The kind of a named item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ItemKind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource or a resource template.
    Resource,
}

/// The origin of an item: its server, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Origin {
    /// The name of the server in the group.
    pub server: Arc<str>,
    /// The name, or the URI, on this server.
    pub name: String,
}

/// A name that items of two servers would have. The item listed first keeps it; the other is renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collision {
    /// The kind of the items.
    pub kind: ItemKind,
    /// The name that both would have.
    pub name: String,
    /// The item that keeps the name.
    pub kept: Origin,
    /// The item that is renamed.
    pub renamed: Origin,
    /// The new name.
    pub renamed_to: String,
}

/// How names in the group are built.
#[derive(Clone)]
pub(crate) enum Naming {
    /// With the server name as prefix.
    Prefix,
    /// Unchanged.
    Same,
    /// By a function of the application.
    Custom(NamingFn),
}

/// Builds a name from the server name and the original name.
pub(crate) type NamingFn = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;

/// All assigned names. An assigned name keeps its meaning for the life of the group.
pub(crate) struct Names {
    naming: Naming,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    by_kind: [Table; 3],
    collisions: Vec<Collision>,
    /// Whether the warning about too many names was logged.
    is_overfull: bool,
}

#[derive(Default)]
struct Table {
    by_name: HashMap<String, Origin>,
    by_origin: HashMap<Arc<str>, HashMap<String, String>>,
    /// The next suffix for a colliding name, so that many equal names take linear time.
    next: HashMap<String, usize>,
}

impl Names {
    pub(crate) fn new(naming: Naming) -> Self {
        Self { naming, tables: Mutex::default() }
    }

    /// Whether URIs contain their server.
    pub(crate) fn marks_uris(&self) -> bool {
        !matches!(self.naming, Naming::Same)
    }

    /// The name of `origin`: the existing one, or a new one built from `wish`, the original or configured name. With
    /// `is_plain` it is `wish` itself, if free. `None` if the server has too many names.
    pub(crate) fn give(
        &self,
        kind: ItemKind,
        origin: Origin,
        wish: &str,
        is_plain: bool,
    ) -> Option<String> {
        if let Some(name) = self.given(kind, &origin.server, &origin.name) {
            return Some(name);
        }
        // Not under the lock: the application's function may use the group.
        let wanted = self.wanted(kind, &origin, wish, is_plain);
        let mut tables = self.lock();
        let Tables { by_kind, collisions, is_overfull } = &mut *tables;
        let table = &mut by_kind[kind as usize];
        let own = table.by_origin.entry(Arc::clone(&origin.server)).or_default();
        if let Some(name) = own.get(&origin.name) {
            return Some(name.clone());
        }
        if own.len() >= MAX_NAMES || origin.name.len() > MAX_NAME {
            if !std::mem::replace(is_overfull, true) {
                tracing::warn!(server = %origin.server, "left out items of a server with too many names or too long ones");
            }
            return None;
        }
        let name = match table.by_name.get(&wanted).cloned() {
            None => wanted,
            Some(kept) => {
                let name = table.another(kind, &origin, &wanted);
                tracing::warn!(
                    ?kind, name = %wanted, kept_by = %kept.server, renamed_of = %origin.server,
                    renamed_to = %name, "renamed an item: two servers use the same name"
                );
                let (renamed, renamed_to) = (origin.clone(), name.clone());
                collisions.push(Collision { kind, name: wanted, kept, renamed, renamed_to });
                name
            }
        };
        if let Some(own) = table.by_origin.get_mut(&origin.server) {
            own.insert(origin.name.clone(), name.clone());
        }
        table.by_name.insert(name.clone(), origin);
        Some(name)
    }

    /// The wanted name, before a check for collisions.
    fn wanted(&self, kind: ItemKind, origin: &Origin, wish: &str, is_plain: bool) -> String {
        match (&self.naming, kind) {
            _ if is_plain => wish.to_owned(),
            (Naming::Same, _) => wish.to_owned(),
            (_, ItemKind::Resource) => uri::expose(&origin.server, wish),
            (Naming::Custom(naming), _) => naming(&origin.server, wish),
            (Naming::Prefix, ItemKind::Tool) => tool_name(&origin.server, wish),
            (Naming::Prefix, ItemKind::Prompt) => format!("{}_{wish}", origin.server),
        }
    }

    /// The origin of a name.
    pub(crate) fn origin(&self, kind: ItemKind, name: &str) -> Option<Origin> {
        self.lock().by_kind[kind as usize].by_name.get(name).cloned()
    }

    /// Whether `name` can belong to the server according to the naming scheme.
    pub(crate) fn may_be_of(&self, server: &str, name: &str) -> bool {
        match self.naming {
            Naming::Prefix => name.strip_prefix(server).is_some_and(|rest| rest.starts_with('_')),
            Naming::Same | Naming::Custom(_) => true,
        }
    }

    /// The known name most similar to `name`.
    pub(crate) fn nearest(&self, kind: ItemKind, name: &str) -> Option<String> {
        let tables = self.lock();
        let known = tables.by_kind[kind as usize].by_name.keys().map(String::as_str);
        mcp_core::nearest(name, known).map(str::to_owned)
    }

    /// The name assigned to an origin.
    pub(crate) fn given(&self, kind: ItemKind, server: &str, name: &str) -> Option<String> {
        self.lock().by_kind[kind as usize].by_origin.get(server)?.get(name).cloned()
    }

    pub(crate) fn collisions(&self) -> Vec<Collision> {
        self.lock().collisions.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// A free name similar to `wanted`.
    fn another(&mut self, kind: ItemKind, origin: &Origin, wanted: &str) -> String {
        let by_name = &self.by_name;
        let is_free = |name: &String| !by_name.contains_key(name);
        if kind == ItemKind::Resource {
            let marked = uri::expose(&origin.server, &origin.name);
            if is_free(&marked) {
                return marked;
            }
        }
        let numbered = |n: usize| match (kind, format!("_{n}")) {
            (ItemKind::Tool, suffix) => {
                let room = MAX_TOOL_NAME.max(suffix.len()) - suffix.len();
                format!("{}{suffix}", cut(wanted, room))
            }
            (_, suffix) => format!("{wanted}{suffix}"),
        };
        let next = self.next.entry(wanted.to_owned()).or_insert(2);
        loop {
            let name = numbered(*next);
            *next += 1;
            if is_free(&name) {
                return name;
            }
        }
    }
}

/// `{server}_{name}` restricted to the characters and length of a tool name. A truncated or modified name ends with a
/// checksum of the original.
///
/// Spec: server/tools#tool-names
fn tool_name(server: &str, name: &str) -> String {
    let whole = format!("{server}_{name}");
    let allowed = |it: char| match it {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | '.' => it,
        _ => '_',
    };
    let tame: String = whole.chars().map(allowed).collect();
    if whole.is_ascii() && tame.len() <= MAX_TOOL_NAME {
        return tame;
    }
    let sum = whole
        .bytes()
        .fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{}_{sum:08x}", cut(&tame, MAX_TOOL_NAME - 9))
}

/// At most `length` bytes of the text, at a character boundary.
fn cut(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl fmt::Debug for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "Prefix",
            Self::Same => "Same",
            Self::Custom(_) => "Custom(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn give(names: &Names, kind: ItemKind, server: &str, name: &str) -> String {
        names.give(kind, origin(server, name), name, false).unwrap()
    }

    fn origin(server: &str, name: &str) -> Origin {
        Origin { server: server.into(), name: name.to_owned() }
    }

    #[test]
    fn equal_names_are_numbered_and_overlong_names_left_out() {
        let names = Names::new(Naming::Custom(Arc::new(|_, _| "x".to_owned())));
        let last = (0..MAX_NAMES).map(|n| give(&names, ItemKind::Tool, "a", &n.to_string())).last();
        assert_eq!(last.unwrap(), format!("x_{MAX_NAMES}"));
        assert_eq!(names.give(ItemKind::Tool, origin("a", "more"), "more", false), None);
        let long = "x".repeat(MAX_NAME + 1);
        assert_eq!(names.give(ItemKind::Prompt, origin("a", &long), &long, false), None);
    }

    #[test]
    fn the_first_server_keeps_its_name_permanently() {
        let names = Names::new(Naming::Prefix);
        for _ in 0..2 {
            assert_eq!(give(&names, ItemKind::Tool, "weather", "x_ping"), "weather_x_ping");
            assert_eq!(give(&names, ItemKind::Tool, "weather_x", "ping"), "weather_x_ping_2");
            assert_eq!(give(&names, ItemKind::Tool, "weather_x", "ping_2"), "weather_x_ping_2_2");
            assert_eq!(give(&names, ItemKind::Prompt, "weather_x", "ping"), "weather_x_ping");
        }
        let to = |name: &str| names.origin(ItemKind::Tool, name).unwrap();
        assert_eq!(to("weather_x_ping"), origin("weather", "x_ping"));
        assert_eq!(to("weather_x_ping_2"), origin("weather_x", "ping"));
        assert_eq!(to("weather_x_ping_2_2"), origin("weather_x", "ping_2"));
        let collisions = names.collisions();
        assert_eq!(collisions.len(), 2, "{collisions:?}");
        assert_eq!(collisions[0].kept, origin("weather", "x_ping"));
        assert_eq!(collisions[0].renamed, origin("weather_x", "ping"));
        assert_eq!(collisions[0].renamed_to, "weather_x_ping_2");
    }

    #[test]
    fn tool_names_have_only_valid_characters() {
        assert_eq!(tool_name("My server", "a/b"), "My_server_a_b");
        let chinese = [tool_name("天气", "现在"), tool_name("天气", "明天")];
        assert_ne!(chinese[0], chinese[1]);
        let long = "x".repeat(200);
        let names = Names::new(Naming::Prefix);
        for name in [&long, &format!("{long}y")] {
            let given = give(&names, ItemKind::Tool, "s", name);
            assert_eq!(given.len(), 128);
            assert!(given.starts_with("s_xxx"), "{given}");
        }
        assert_eq!(names.collisions(), []);
        let same = Names::new(Naming::Custom(Arc::new(|_, _| "y".repeat(128))));
        let given = ["a", "b"].map(|server| give(&same, ItemKind::Tool, server, "x"));
        assert_eq!(given[1], format!("{}_2", "y".repeat(126)));
        assert_eq!(give(&names, ItemKind::Prompt, "My server", "ä b"), "My server_ä b");
    }

    #[test]
    fn without_prefixes_only_collisions_are_renamed() {
        let names = Names::new(Naming::Same);
        assert_eq!(give(&names, ItemKind::Resource, "a", "x://1"), "x://1");
        assert_eq!(give(&names, ItemKind::Resource, "b", "x://1"), "x://b/1");
        assert_eq!(give(&names, ItemKind::Tool, "a", "ping"), "ping");
        assert_eq!(give(&names, ItemKind::Tool, "b", "ping"), "ping_2");
    }
}

//! Lists with pagination.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    params::{Text, invalid_params},
    reply::{Answer, Reply},
};

/// The tools, resources or prompts of a server: listed in the order they were added, found by name.
pub(crate) struct Listing<T> {
    items: Vec<Item<T>>,
    by_name: HashMap<String, usize>,
}

struct Item<T> {
    /// The element as listed in the modern era, as JSON.
    modern: Vec<u8>,
    legacy: Vec<u8>,
    value: T,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), by_name: HashMap::new() }
    }
}

impl<T> Listing<T> {
    /// Adds an element; of two with one name, the later replaces the earlier.
    pub(crate) fn insert<L: Serialize>(&mut self, name: &str, modern: &L, legacy: &L, value: T) {
        let json = |listed| serde_json::to_vec(listed).expect("protocol types are JSON objects");
        let item = Item { modern: json(modern), legacy: json(legacy), value };
        match self.by_name.get(name) {
            Some(at) => self.items[*at] = item,
            None => {
                self.by_name.insert(name.to_owned(), self.items.len());
                self.items.push(item);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.by_name.get(name).map(|at| &self.items[*at].value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|item| &item.value)
    }

    /// A result whose member `name` is one page of the list.
    ///
    /// Spec: server/utilities/pagination
    pub(crate) fn page(
        &self,
        name: &'static str,
        cursor: Option<&Text<'_>>,
        page_size: usize,
        reply: &Reply,
    ) -> Answer {
        let start = match cursor {
            None => 0,
            Some(cursor) => {
                self.offset(&cursor.0, page_size).ok_or_else(|| invalid_params("unknown cursor"))?
            }
        };
        let end = self.items.len().min(start.saturating_add(page_size));
        let mut out = format!("{{\"{name}\":[").into_bytes();
        for (at, item) in self.items[start..end].iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(if reply.is_modern() { &item.modern } else { &item.legacy });
        }
        out.push(b']');
        if end < self.items.len() {
            out.extend_from_slice(format!(",\"nextCursor\":\"{end:x}\"").as_bytes());
        }
        Ok(reply.finish_list(out))
    }

    /// The offset of a cursor. A cursor is the offset in hexadecimal, so it is valid for any client.
    fn offset(&self, cursor: &str, page_size: usize) -> Option<usize> {
        let offset = usize::from_str_radix(cursor, 16).ok()?;
        let is_ours = offset > 0
            && offset < self.items.len()
            && offset % page_size == 0
            && format!("{offset:x}") == cursor;
        is_ours.then_some(offset)
    }
}

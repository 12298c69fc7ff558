use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use crate::ErrorKind;

/// Pages of one list.
pub(crate) const MAX_PAGES: usize = 1000;

/// Bytes of one list.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// Characters of a cursor in an error.
const MAX_SHOWN: usize = 100;

/// Bounds a list that is read page by page.
#[derive(Debug)]
pub(crate) struct Pages {
    max_pages: usize,
    max_bytes: usize,
    bytes: usize,
    /// The hashes of the cursors that were used: cursors are as long as the server likes.
    seen: HashSet<u64>,
    hasher: RandomState,
}

/// Why a list is not read to its end.
pub(crate) type TooMuch = (ErrorKind, String);

impl Pages {
    pub(crate) fn new(max_pages: usize, max_bytes: usize) -> Self {
        Self { max_pages, max_bytes, bytes: 0, seen: HashSet::new(), hasher: RandomState::new() }
    }

    /// A page of this many bytes was received.
    pub(crate) fn received(&mut self, bytes: usize) -> Result<(), TooMuch> {
        self.bytes = self.bytes.saturating_add(bytes);
        let limit = self.max_bytes;
        match self.bytes > limit {
            true => Err((ErrorKind::TooLarge, format!("the list has more than {limit} bytes"))),
            false => Ok(()),
        }
    }

    /// The page at this cursor is about to be requested.
    pub(crate) fn next(&mut self, cursor: &str) -> Result<(), TooMuch> {
        let wrong = if self.seen.len() + 1 >= self.max_pages {
            format!("the list has more than {} pages", self.max_pages)
        } else if !self.seen.insert(self.hasher.hash_one(cursor)) {
            let shown: String = cursor.chars().take(MAX_SHOWN).collect();
            format!("the list does not end: cursor {shown:?} came twice")
        } else {
            return Ok(());
        };
        Err((ErrorKind::Pagination, wrong))
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new(MAX_PAGES, MAX_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_at_its_limits() {
        let mut pages = Pages::default();
        assert_eq!(pages.received(MAX_BYTES), Ok(()));
        assert_eq!(pages.received(1).map_err(|(kind, _)| kind), Err(ErrorKind::TooLarge));

        let mut pages = Pages::new(3, MAX_BYTES);
        assert_eq!((pages.next("a"), pages.next("b")), (Ok(()), Ok(())));
        let Err((kind, text)) = pages.next("c") else { panic!("it is the fourth page") };
        assert_eq!((kind, &*text), (ErrorKind::Pagination, "the list has more than 3 pages"));
    }

    #[test]
    fn cursors_take_no_more_memory_than_their_hashes() {
        let mut pages = Pages::default();
        let cursor = |n: u32| format!("{}{n}", "x".repeat(1 << 20));
        for n in 0..100 {
            assert_eq!(pages.next(&cursor(n)), Ok(()));
        }
        assert_eq!(pages.seen.len(), 100);
        let Err((kind, text)) = pages.next(&cursor(7)) else { panic!("it came twice") };
        assert_eq!(kind, ErrorKind::Pagination);
        assert!(text.len() < 200, "{text}");
    }
}

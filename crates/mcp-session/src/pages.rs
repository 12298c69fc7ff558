use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use crate::ErrorKind;

/// Maximum number of pages of one list.
pub(crate) const MAX_PAGES: usize = 1000;

/// Maximum size of one list, in bytes.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// Enforces the limits of a paginated list.
#[derive(Debug)]
pub(crate) struct Pages {
    max_pages: usize,
    max_bytes: usize,
    bytes: usize,
    count: usize,
    /// Whether a cursor was repeated.
    repeats: bool,
    /// The hashes of used cursors. Hashes, since the length of a cursor is not limited.
    cursors: HashSet<u64>,
    /// The hashes of element names.
    names: HashSet<u64>,
    hasher: RandomState,
}

/// The page at a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextPage {
    New,
    /// The cursor was used before: the list ends at the first page without new elements.
    Repeated,
    /// None: the list repeats and has reached its limit.
    None,
}

/// The error of a list that exceeds a limit.
pub(crate) type TooMuch = (ErrorKind, String);

impl Pages {
    pub(crate) fn new(max_pages: usize, max_bytes: usize) -> Self {
        let (cursors, names) = (HashSet::new(), HashSet::new());
        let hasher = RandomState::new();
        Self { max_pages, max_bytes, bytes: 0, count: 0, repeats: false, cursors, names, hasher }
    }

    /// Counts a received page of this many bytes.
    pub(crate) fn received(&mut self, bytes: usize) -> Result<(), TooMuch> {
        self.bytes = self.bytes.saturating_add(bytes);
        let limit = self.max_bytes;
        match self.bytes > limit {
            true => Err((ErrorKind::TooLarge, format!("the list has more than {limit} bytes"))),
            false => Ok(()),
        }
    }

    /// Checks the cursor of the next page.
    ///
    /// Spec: server/utilities/pagination
    pub(crate) fn next(&mut self, cursor: &str) -> Result<NextPage, TooMuch> {
        self.count += 1;
        let is_repeated = !self.cursors.insert(self.hasher.hash_one(cursor));
        self.repeats |= is_repeated;
        match (self.count >= self.max_pages, self.repeats) {
            (true, true) => Ok(NextPage::None),
            (true, false) => {
                let text = format!("the list has more than {} pages", self.max_pages);
                Err((ErrorKind::Pagination, text))
            }
            (false, _) if is_repeated => Ok(NextPage::Repeated),
            (false, _) => Ok(NextPage::New),
        }
    }

    /// Whether an element is the first with this name.
    pub(crate) fn is_new(&mut self, name: &str) -> bool {
        self.names.insert(self.hasher.hash_one(name))
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
        assert_eq!((pages.next("a"), pages.next("")), (Ok(NextPage::New), Ok(NextPage::New)));
        let Err((kind, text)) = pages.next("c") else { panic!("it is the fourth page") };
        assert_eq!((kind, &*text), (ErrorKind::Pagination, "the list has more than 3 pages"));
    }

    #[test]
    fn only_hashes_of_cursors_are_stored() {
        let mut pages = Pages::default();
        let cursor = |n: u32| format!("{}{n}", "x".repeat(1 << 20));
        for n in 0..100 {
            assert_eq!(pages.next(&cursor(n)), Ok(NextPage::New));
        }
        assert_eq!(pages.cursors.len(), 100);
        assert_eq!(pages.next(&cursor(7)), Ok(NextPage::Repeated));
        assert!(pages.is_new("a") && !pages.is_new("a"));
        let mut pages = Pages::new(3, MAX_BYTES);
        let expected = [Ok(NextPage::New), Ok(NextPage::Repeated), Ok(NextPage::None)];
        assert_eq!([0, 1, 2].map(|_| pages.next("a")), expected);
    }
}

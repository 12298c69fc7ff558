//! The bounded queue of received messages for one reader.

use std::collections::VecDeque;

use mcp_core::{Message, method};

/// A message of more than this many bytes is copied out of its frame even if it is the only one queued.
const COPY_THRESHOLD: usize = 4096;

/// The capacity of a mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// An item of a mailbox: a message, or a marker without one.
pub(crate) trait MailboxItem {
    fn message(&self) -> Option<&Message>;
    fn message_mut(&mut self) -> Option<&mut Message>;
}

impl MailboxItem for Message {
    fn message(&self) -> Option<&Message> {
        Some(self)
    }

    fn message_mut(&mut self) -> Option<&mut Message> {
        Some(self)
    }
}

/// A queue bounded by the number of messages and by their memory in bytes.
pub(crate) struct Mailbox<T> {
    queue: VecDeque<(T, usize)>,
    bytes: usize,
    bounds: Bounds,
    /// The reader did not catch up during the last pause.
    is_slow: bool,
}

/// The outcome of [`Mailbox::push`].
#[derive(Debug)]
pub(crate) enum Pushed<T> {
    /// The item is queued, or an equal change notification already was.
    Queued,
    /// This many log or progress messages were dropped to make room, possibly the item itself.
    Shed(u64),
    /// There is no room.
    Full(T),
}

impl<T: MailboxItem> Mailbox<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, bounds, is_slow: false }
    }

    /// Queues an item. An empty mailbox accepts an item of any size.
    ///
    /// If there is no room, a change notification that is already queued is not queued again, and the
    /// oldest progress and log messages are dropped.
    pub(crate) fn push(&mut self, mut item: T) -> Pushed<T> {
        let mut held = item.message().map_or(size_of::<T>(), Message::retained_bytes);
        // The first item is probably read at once: copying it is not worthwhile, unless it is large.
        if (held > COPY_THRESHOLD || !self.queue.is_empty())
            && let Some(message) = item.message_mut()
        {
            message.compact();
            held = message.retained_bytes();
        }
        if self.has_room(held) {
            self.append(item, held);
            return Pushed::Queued;
        }
        self.make_room(item, held)
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let (item, held) = self.queue.pop_front()?;
        self.bytes -= held;
        // Lower than the threshold of a pause, so that a reader near that threshold does not cause a pause
        // for each item.
        self.is_slow &= self.is_filled_above(4);
        Some(item)
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether to pause receiving, so that the reader can catch up.
    pub(crate) fn wants_pause(&self) -> bool {
        !self.is_slow && self.is_filled_above(2)
    }

    /// Records the end of a pause. There is no other one before the reader has caught up.
    pub(crate) fn paused(&mut self) {
        self.is_slow = self.is_filled_above(2);
    }

    /// Whether more than `1 / part` of the capacity is used.
    fn is_filled_above(&self, part: usize) -> bool {
        self.queue.len() > self.bounds.messages / part || self.bytes > self.bounds.bytes / part
    }

    fn has_room(&self, held: usize) -> bool {
        let fits = self.bytes.saturating_add(held) <= self.bounds.bytes;
        self.queue.len() < self.bounds.messages && (fits || self.queue.is_empty())
    }

    fn append(&mut self, item: T, held: usize) {
        self.bytes += held;
        self.queue.push_back((item, held));
    }

    #[cold]
    fn make_room(&mut self, item: T, held: usize) -> Pushed<T> {
        let kind = item.message().map_or(Kind::Other, Kind::of);
        if kind == Kind::Change && self.queue.iter().any(|(other, _)| same(other, &item)) {
            return Pushed::Queued;
        }
        let mut shed = 0;
        while !self.has_room(held) {
            let Some((at, dropped)) = self.oldest_sheddable() else { break };
            let (_, held) = self.queue.remove(at).unwrap_or_else(|| unreachable!("just found"));
            self.bytes -= held;
            // Newer progress supersedes older progress: no information is lost.
            shed += u64::from(dropped == Kind::Log || kind != Kind::Progress);
        }
        if self.has_room(held) {
            self.append(item, held);
        } else if matches!(kind, Kind::Log | Kind::Progress) {
            shed += 1;
        } else {
            return Pushed::Full(item);
        }
        match shed {
            0 => Pushed::Queued,
            shed => Pushed::Shed(shed),
        }
    }

    fn oldest_sheddable(&self) -> Option<(usize, Kind)> {
        let kinds = self.queue.iter().map(|(item, _)| item.message().map_or(Kind::Other, Kind::of));
        kinds.enumerate().find(|(_, kind)| matches!(kind, Kind::Log | Kind::Progress))
    }
}

impl<T> IntoIterator for Mailbox<T> {
    type Item = T;
    type IntoIter =
        std::iter::Map<std::collections::vec_deque::IntoIter<(T, usize)>, fn((T, usize)) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.queue.into_iter().map(|(item, _)| item)
    }
}

/// The priority of a message if there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Log,
    Progress,
    /// A change notification, such as `notifications/resources/updated`.
    Change,
    Other,
}

impl Kind {
    fn of(message: &Message) -> Self {
        let Message::Notification(notification) = message else { return Self::Other };
        match &*notification.method {
            method::NOTIFICATIONS_MESSAGE => Self::Log,
            method::NOTIFICATIONS_PROGRESS => Self::Progress,
            method::NOTIFICATIONS_TOOLS_LIST_CHANGED
            | method::NOTIFICATIONS_PROMPTS_LIST_CHANGED
            | method::NOTIFICATIONS_RESOURCES_LIST_CHANGED
            | method::NOTIFICATIONS_RESOURCES_UPDATED => Self::Change,
            _ => Self::Other,
        }
    }
}

fn same<T: MailboxItem>(one: &T, other: &T) -> bool {
    one.message().zip(other.message()).is_some_and(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::{Notification, RawJson};

    use super::*;

    fn notification(method: &'static str, params: String) -> Message {
        Notification::new(method).with_params(RawJson::from_text(params).unwrap()).into()
    }

    fn numbered(method: &'static str, n: usize) -> Message {
        notification(method, format!("{{\"n\":{n}}}"))
    }

    fn mailbox(messages: usize, bytes: usize) -> Mailbox<Message> {
        Mailbox::new(Bounds { messages, bytes })
    }

    fn drained(mut mailbox: Mailbox<Message>) -> Vec<Message> {
        let all = std::iter::from_fn(|| mailbox.pop()).collect();
        assert_eq!(mailbox.bytes, 0);
        all
    }

    #[test]
    fn bytes_are_counted_as_retained_memory() {
        let junk = "x".repeat(1 << 20);
        let with_junk = || {
            let frame =
                format!(r#"{{"jsonrpc":"2.0","method":"n","junk":"{junk}","params":{{}}}}"#);
            Message::parse(frame).unwrap()
        };
        let mut small = mailbox(1000, 64 << 10);
        for _ in 0..100 {
            assert!(matches!(small.push(with_junk()), Pushed::Queued));
        }
        let held: usize = small.queue.iter().map(|(message, _)| message.retained_bytes()).sum();
        assert_eq!(held, small.bytes);
        assert!(held < 64 << 10, "small parameters do not retain their large frame");

        // Parameters that make up most of the frame are not copied and count with the whole frame.
        let mut large = mailbox(1000, 64 << 20);
        let frame = || {
            let text =
                format!(r#"{{"jsonrpc":"2.0","method":"n","params":"{junk}","junk":"{junk}"}}"#);
            Message::parse(text).unwrap()
        };
        let fits = (0..1000).take_while(|_| matches!(large.push(frame()), Pushed::Queued)).count();
        assert!((31..=63).contains(&fits), "{fits}");
        let named =
            |n: usize| -> Message { Notification::new(n.to_string().repeat(1 << 20)).into() };
        let mut names = mailbox(1000, 8 << 20);
        assert!((0..9).any(|n| matches!(names.push(named(n)), Pushed::Full(_))));
    }

    #[test]
    fn an_item_larger_than_the_bound_fits_into_an_empty_mailbox() {
        let mut mailbox = mailbox(3, 100);
        assert!(matches!(
            mailbox.push(notification("a", format!("{:?}", "x".repeat(500)))),
            Pushed::Queued
        ));
        assert!(matches!(mailbox.push(numbered("b", 1)), Pushed::Full(_)));
        assert!(mailbox.pop().is_some());
        assert!(matches!(mailbox.push(numbered("b", 1)), Pushed::Queued));
    }

    #[test]
    fn the_oldest_logs_and_progress_make_room_for_newer_items() {
        let mut mailbox = mailbox(4, 1 << 20);
        for n in 0..4 {
            let method = ["notifications/message", "notifications/progress"][n % 2];
            assert!(matches!(mailbox.push(numbered(method, n)), Pushed::Queued));
        }
        assert!(matches!(mailbox.push(numbered("event", 4)), Pushed::Shed(1)));
        // Replaces the oldest log or progress message. Only progress replaced by progress is not counted.
        assert!(matches!(mailbox.push(numbered("notifications/progress", 5)), Pushed::Queued));
        assert!(matches!(mailbox.push(numbered("event", 6)), Pushed::Shed(1)));
        let expected = [
            numbered("notifications/progress", 3),
            numbered("event", 4),
            numbered("notifications/progress", 5),
            numbered("event", 6),
        ];
        assert_eq!(drained(mailbox), expected);
    }

    #[test]
    fn with_only_events_queued_a_log_is_dropped_and_an_event_rejected() {
        let mut mailbox = mailbox(2, 1 << 20);
        for n in 0..2 {
            assert!(matches!(mailbox.push(numbered("event", n)), Pushed::Queued));
        }
        assert!(matches!(mailbox.push(numbered("notifications/message", 2)), Pushed::Shed(1)));
        assert!(matches!(mailbox.push(numbered("event", 3)), Pushed::Full(_)));
        assert_eq!(drained(mailbox).len(), 2);
    }

    #[test]
    fn a_queued_change_is_not_queued_twice_if_there_is_no_room() {
        let changed = |n| numbered("notifications/resources/updated", n);
        let mut mailbox = mailbox(2, 1 << 20);
        for n in 0..2 {
            assert!(matches!(mailbox.push(changed(n)), Pushed::Queued));
        }
        assert!(matches!(mailbox.push(changed(0)), Pushed::Queued));
        assert!(matches!(mailbox.push(changed(2)), Pushed::Full(_)));
        assert_eq!(drained(mailbox), [changed(0), changed(1)]);
    }

    #[test]
    fn a_pause_is_repeated_only_after_the_reader_has_caught_up() {
        let mut mailbox = mailbox(8, 1 << 20);
        for n in 0..4 {
            mailbox.push(numbered("event", n));
            assert!(!mailbox.wants_pause());
        }
        mailbox.push(numbered("event", 4));
        assert!(mailbox.wants_pause());
        mailbox.paused();
        mailbox.push(numbered("event", 5));
        assert!(!mailbox.wants_pause());
        for _ in 0..4 {
            mailbox.pop();
        }
        (0..4).for_each(|n| drop(mailbox.push(numbered("event", n))));
        assert!(mailbox.wants_pause());
    }
}

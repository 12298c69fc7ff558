use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::list_change::ListChange;

/// Lists of a server that have changed, or may have changed, since they were read.
#[derive(Default)]
pub(crate) struct DirtyLists {
    /// A bit for each list that has changed, and a higher one for each that may have changed.
    bits: AtomicU8,
    notify: Notify,
}

/// The offset of the bits for possible changes.
const MAYBE: u8 = 4;

impl DirtyLists {
    /// Records a change reported by the server.
    pub(crate) fn changed(&self, change: ListChange) {
        self.set(1 << change as u8);
    }

    /// Records that change notifications may have been missed.
    pub(crate) fn all_may_have_changed(&self) {
        let maybe = |change: ListChange| 1 << (change as u8 + MAYBE);
        self.set(ListChange::ALL.into_iter().map(maybe).fold(0, |bits, bit| bits | bit));
    }

    /// Whether a reported change has not been read yet.
    pub(crate) fn has_changed(&self, change: ListChange) -> bool {
        self.bits.load(Ordering::SeqCst) & (1 << change as u8) != 0
    }

    /// Waits for dirty lists and takes them, each with whether a change was reported. Cancel safe.
    pub(crate) async fn take(&self) -> impl Iterator<Item = (ListChange, bool)> + use<> {
        let bits = loop {
            match self.bits.swap(0, Ordering::SeqCst) {
                0 => self.notify.notified().await,
                bits => break bits,
            }
        };
        ListChange::ALL.into_iter().filter_map(move |change| {
            let has_changed = bits & (1 << change as u8) != 0;
            let may_have = bits & (1 << (change as u8 + MAYBE)) != 0;
            (has_changed || may_have).then_some((change, has_changed))
        })
    }

    fn set(&self, bits: u8) {
        self.bits.fetch_or(bits, Ordering::SeqCst);
        self.notify.notify_one();
    }
}

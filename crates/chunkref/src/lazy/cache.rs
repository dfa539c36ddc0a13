//! Files of references that are kept, those asked for longest ago dropped first.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Rows;

/// The number of an array, and that of the file.
pub(super) type Key = (usize, u64);

/// Files of references by array and number.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) limit: usize,
    bytes: usize,
    /// Counts what is asked for.
    time: u64,
    kept: HashMap<Key, Kept>,
}

#[derive(Debug)]
struct Kept {
    rows: Arc<OnceCell<Rows>>,
    /// When it was asked for last.
    time: u64,
    /// What of it is counted: nothing while it is fetched.
    bytes: usize,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            time: 0,
            kept: HashMap::new(),
        }
    }

    pub(super) fn get(&mut self, key: Key) -> Arc<OnceCell<Rows>> {
        self.time = self.time.saturating_add(1);
        let kept = self.kept.entry(key).or_insert_with(|| Kept {
            rows: Arc::default(),
            time: 0,
            bytes: 0,
        });
        kept.time = self.time;
        Arc::clone(&kept.rows)
    }

    /// Counts a file that was fetched, and drops those asked for longest ago where there is no room.
    pub(super) fn keep(&mut self, key: Key, bytes: usize) {
        if let Some(kept) = self.kept.get_mut(&key)
            && kept.bytes == 0
        {
            kept.bytes = bytes.max(1);
            self.bytes = self.bytes.saturating_add(kept.bytes);
        }
        self.shrink(Some(key));
    }

    pub(super) fn shrink(&mut self, but: Option<Key>) {
        while self.bytes > self.limit {
            let counted = self
                .kept
                .iter()
                .filter(|(key, kept)| kept.bytes > 0 && Some(**key) != but);
            let oldest = counted
                .min_by_key(|(_, kept)| kept.time)
                .map(|(key, _)| *key);
            let Some(dropped) = oldest.and_then(|oldest| self.kept.remove(&oldest)) else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(dropped.bytes);
        }
    }
}

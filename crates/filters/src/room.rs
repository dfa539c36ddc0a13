//! Room for the bytes that a filter gives, used again where it was for bytes between two filters.
//!
//! Memory that is new from the system costs more than it takes to fill it: a page fault takes as
//! long as inflating the page. So what lay between two filters is kept for the next chunk, within
//! bounds for the whole process.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Less than this the allocator hands out quickly by itself.
const SMALLEST: usize = 64 << 10;

/// Most bytes that are kept.
const MOST_BYTES: usize = 32 << 20;

/// What is kept, the newest last.
static KEPT: Mutex<VecDeque<Vec<u8>>> = Mutex::new(VecDeque::new());

/// Room for `length` bytes, whatever bytes are in it: whoever takes it writes all of it, or cuts it
/// to what was written.
pub(crate) fn take(length: usize) -> Vec<u8> {
    if length >= SMALLEST {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        // No more than a quarter too large, as the caller may hold it for long.
        let most = length.saturating_add(length >> 2);
        let fits = |room: &Vec<u8>| (length..=most).contains(&room.capacity());
        if let Some(mut room) = kept.iter().position(fits).and_then(|at| kept.remove(at)) {
            drop(kept);
            room.resize(length, 0);
            return room;
        }
    }
    vec![0; length]
}

/// Gives back what is not needed any more.
pub(crate) fn give(room: Vec<u8>) {
    if !(SMALLEST..=MOST_BYTES).contains(&room.capacity()) {
        return;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_back(room);
    let mut bytes = kept
        .iter()
        .fold(0_usize, |all, one| all.saturating_add(one.capacity()));
    while bytes > MOST_BYTES
        && let Some(oldest) = kept.pop_front()
    {
        bytes = bytes.saturating_sub(oldest.capacity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_room_is_bounded_and_used_again() {
        for length in [
            0,
            1,
            SMALLEST - 1,
            SMALLEST,
            3 << 20,
            MOST_BYTES,
            MOST_BYTES + 1,
        ] {
            for _ in 0..20 {
                give(vec![7; length]);
            }
            let kept = KEPT.lock().unwrap();
            assert!(
                kept.iter()
                    .fold(0_usize, |all, one| all.saturating_add(one.capacity()))
                    <= MOST_BYTES
            );
            assert!(kept.iter().all(|room| room.capacity() >= SMALLEST));
            drop(kept);
            let room = take(length);
            assert_eq!(room.len(), length);
            assert!(room.capacity() <= length + length / 4);
        }
    }
}

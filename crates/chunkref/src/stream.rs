//! An object as a reader, for what is parsed as it comes.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Buf as _, Bytes};
use chunkref_io::Object;
use tokio::runtime::Handle;

/// Bytes asked for at one time of a remote object, and of a local one.
const BLOCKS: (u64, u64) = (8 << 20, 1 << 20);

/// Lets `parse` read an object from its start, as often as it likes, on a thread where it may wait.
/// What is in memory of the object is a block.
///
/// # Errors
/// What `parse` fails with, unless that is because the object can't be read.
pub(crate) async fn parse<T, E>(
    object: Object,
    parse: impl FnOnce(&mut dyn FnMut() -> io::Result<Blocks>) -> Result<T, E> + Send + 'static,
) -> Result<T, Failed<E>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let size = object.size().await.map_err(Failed::Read)?;
    let unread = Arc::new(Mutex::new(None));
    // Gone when nobody waits for the end any more.
    let waiting = Arc::new(());
    let blocks = Blocks {
        handle: Handle::current(),
        object,
        at: 0,
        size,
        block: Bytes::new(),
        unread: Arc::clone(&unread),
        waiting: Arc::downgrade(&waiting),
    };
    let parsing = tokio::task::spawn_blocking(move || parse(&mut || Ok(blocks.clone())));
    let parsed = match parsing.await {
        Ok(parsed) => parsed,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    drop(waiting);
    let unread = unread.lock().unwrap_or_else(PoisonError::into_inner).take();
    parsed.map_err(|error| unread.map_or(Failed::Parse(error), Failed::Read))
}

/// Why an object was not parsed.
pub(crate) enum Failed<E> {
    Read(chunkref_io::Error),
    Parse(E),
}

/// An object that is read block by block.
#[derive(Clone)]
pub(crate) struct Blocks {
    handle: Handle,
    object: Object,
    at: u64,
    size: u64,
    /// The rest of the block that was read last.
    block: Bytes,
    unread: Arc<Mutex<Option<chunkref_io::Error>>>,
    waiting: Weak<()>,
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() && self.at < self.size {
            if self.waiting.strong_count() == 0 {
                return Err(io::Error::other("nobody waits for it any more"));
            }
            let length = if self.object.is_local() {
                BLOCKS.1
            } else {
                BLOCKS.0
            };
            let range = self.at..self.at.saturating_add(length).min(self.size);
            let read = self.object.read(std::slice::from_ref(&range));
            match self.handle.block_on(read) {
                Ok(mut read) => self.block = read.pop().unwrap_or_default(),
                Err(error) => {
                    let text = error.to_string();
                    *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return Err(io::Error::other(text));
                }
            }
            self.at = range.end;
        }
        let length = buffer.len().min(self.block.len());
        let (head, _) = buffer.split_at_mut(length);
        self.block.copy_to_slice(head);
        Ok(length)
    }
}

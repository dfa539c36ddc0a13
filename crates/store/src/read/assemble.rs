//! Pieces that have come are decoded and put where they belong, on threads that may compute.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use rayon::{Scope, ThreadPool, ThreadPoolBuilder};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;

use super::plan::Use;
use crate::chunk::{Decoding, Undo};
use crate::error::{Error, Result};
use crate::unpacking::Unpacking;

/// A piece that has come.
#[derive(Debug)]
pub(crate) struct Come {
    /// Its place in the plan.
    pub(crate) number: u64,
    pub(crate) key: String,
    pub(crate) stored: Bytes,
    pub(crate) decode: Option<Decoding>,
    pub(crate) unpacking: Option<Arc<Unpacking>>,
    pub(crate) usage: Use,
    pub(crate) slab: usize,
    /// Given back when it was used.
    pub(crate) _permits: [Option<OwnedSemaphorePermit>; 2],
}

/// What is read of an array, and the lengths of its slabs.
pub(crate) type Filled = (Vec<u8>, Vec<usize>);

/// Takes pieces until there are no more; gives what is read of each array, or the first failure.
pub(crate) fn assemble(
    mut arrays: Vec<Filled>,
    pieces: UnboundedReceiver<Come>,
) -> Result<Vec<Vec<u8>>> {
    let slabs: Vec<_> = arrays
        .iter_mut()
        .flat_map(|(read, lengths)| slabs(read, lengths))
        .collect();
    let failures = Failures::default();
    let (parts, first) = (&slabs, &failures);
    match pool() {
        Some(pool) => pool.in_place_scope(|scope| put_all(scope, pieces, parts, first)),
        None => rayon::in_place_scope(|scope| put_all(scope, pieces, parts, first)),
    }
    match failures.first() {
        Some(error) => Err(error),
        None => Ok(arrays.into_iter().map(|(read, _)| read).collect()),
    }
}

/// Threads of the store's own: those of rayon's common pool may all be waiting for what is read, in
/// callers that read in parallel. `None` where the system gives none.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let build = || {
        let builder = ThreadPoolBuilder::new();
        let named = builder.thread_name(|number| format!("chunkref-decode-{number}"));
        named.build().ok()
    };
    POOL.get_or_init(build).as_ref()
}

/// Gives each piece that comes to a thread.
fn put_all<'s>(
    scope: &Scope<'s>,
    mut pieces: UnboundedReceiver<Come>,
    slabs: &'s [Slab<'_>],
    failures: &'s Failures,
) {
    while let Some(come) = pieces.blocking_recv() {
        if failures.any() {
            // Whoever sends them stops; those that are here already go on, as far as they would
            // have come first.
            pieces.close();
        }
        if failures.before(come.number) {
            continue;
        }
        scope.spawn(move |_| {
            let number = come.number;
            if let Err(error) = put(come, slabs) {
                failures.add(number, error);
            }
        });
    }
}

/// The failure of the first piece that failed, by its number, whichever was seen first.
#[derive(Debug, Default)]
struct Failures(Mutex<Option<(u64, Error)>>);

impl Failures {
    fn lock(&self) -> MutexGuard<'_, Option<(u64, Error)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn any(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether a piece before this one failed.
    fn before(&self, number: u64) -> bool {
        self.lock()
            .as_ref()
            .is_some_and(|(first, _)| *first < number)
    }

    fn add(&self, number: u64, error: Error) {
        if !self.before(number) {
            *self.lock() = Some((number, error));
        }
    }

    fn first(self) -> Option<Error> {
        let first = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        first.map(|(_, error)| error)
    }
}

/// A part of what is read, and the number of its first byte.
type Slab<'a> = (usize, Mutex<&'a mut [u8]>);

fn slabs<'a>(read: &'a mut [u8], lengths: &[usize]) -> Vec<Slab<'a>> {
    let mut slabs = Vec::with_capacity(lengths.len());
    let mut rest = read;
    let mut at = 0_usize;
    for length in lengths {
        let (slab, after) = rest.split_at_mut((*length).min(rest.len()));
        slabs.push((at, Mutex::new(slab)));
        at = at.saturating_add(*length);
        rest = after;
    }
    slabs
}

fn put(come: Come, slabs: &[Slab<'_>]) -> Result<()> {
    let bytes = match come.decode {
        Some(decoding) => decode(&come.key, come.stored, decoding)?,
        None => come.stored,
    };
    let bytes = unpack(&come.key, bytes, come.unpacking.as_deref())?;
    let Some((start, slab)) = slabs.get(come.slab) else {
        return Ok(());
    };
    // What panicked in between wrote elsewhere, and has failed the whole.
    let mut slab = slab.lock().unwrap_or_else(PoisonError::into_inner);
    match come.usage {
        Use::Box(copying, base) => copying.copy(&bytes, base, &mut slab, *start),
        Use::Fill(copying) => copying.fill(&bytes, &mut slab, *start),
        Use::Points(picks, element) => {
            for (from, to) in picks {
                let from = bytes.get(from..from.saturating_add(element));
                let to = slab.get_mut(to..to.saturating_add(element));
                if let (Some(from), Some(to)) = (from, to) {
                    to.copy_from_slice(from);
                }
            }
        }
    }
    Ok(())
}

/// The elements of a chunk as those of the array that it is joined into.
pub(crate) fn unpack(key: &str, bytes: Bytes, unpacking: Option<&Unpacking>) -> Result<Bytes> {
    let Some(unpacking) = unpacking else {
        return Ok(bytes);
    };
    let unpacked = unpacking.apply(&bytes);
    unpacked.map(Bytes::from).map_err(|reason| Error::Convert {
        key: key.to_owned(),
        reason,
    })
}

/// A chunk as it was before it was stored.
pub(crate) fn decode(key: &str, stored: Bytes, decoding: Decoding) -> Result<Bytes> {
    let Decoding {
        undo: Undo {
            pipeline,
            conversion,
        },
        mask,
        filtered_size,
        size,
    } = decoding;
    let filtered = pipeline.decode(stored, mask, filtered_size);
    let filtered = filtered.map_err(|source| Error::Decode {
        key: key.to_owned(),
        source,
    })?;
    let Some(conversion) = conversion else {
        return Ok(filtered);
    };
    let failed = |reason| Error::Convert {
        key: key.to_owned(),
        reason,
    };
    match conversion.apply(&filtered) {
        Ok(converted) if converted.len() == size => Ok(converted.into()),
        Ok(converted) => Err(failed(format!(
            "{} bytes, expected {size}",
            converted.len()
        ))),
        Err(reason) => Err(failed(reason)),
    }
}

/// Permits for so many bytes.
pub(crate) fn permits(bytes: u64, all: u32) -> u32 {
    u32::try_from(bytes.div_ceil(PERMIT_BYTES))
        .unwrap_or(u32::MAX)
        .clamp(1, all)
}

/// Bytes that one permit stands for.
pub(crate) const PERMIT_BYTES: u64 = 1024;

/// How much may be held at one time.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) semaphore: Arc<tokio::sync::Semaphore>,
    pub(crate) permits: u32,
}

impl Room {
    pub(crate) fn new(bytes: u64) -> Self {
        let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES).max(1)).unwrap_or(u32::MAX);
        let permits = permits.min(u32::MAX >> 3);
        Self {
            semaphore: Arc::new(tokio::sync::Semaphore::new(
                usize::try_from(permits).unwrap_or(1),
            )),
            permits,
        }
    }

    /// Waits until there is room for so many bytes, or for all that there is.
    pub(crate) async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let permits = permits(bytes, self.permits);
        // It is never closed.
        Arc::clone(&self.semaphore)
            .acquire_many_owned(permits)
            .await
            .ok()
    }
}

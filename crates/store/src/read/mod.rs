//! Arrays and parts of them as plain bytes, without a Zarr reader.
//!
//! All chunks that a selection touches are planned at once and fetched in batches: what lies in one
//! object by one wave of ranged reads, neighbours merged, several batches under way. What has come
//! is decoded on other threads while more comes, and put where it belongs.

mod assemble;
mod copy;
mod elements;
mod origin;
mod plan;
mod room;
mod sections;
mod selection;
mod slabs;
mod touched;

use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::Manifest;
use futures::future::try_join_all;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::chunk::{Chunk, Decoding};
use crate::error::{Error, Result};
use crate::references::Referenced;
use crate::store::Store;
use crate::unpacking::Unpacking;
use assemble::{Come, Filled, Room, assemble};
use plan::{Piece, Pieces, Plan, Use};
use touched::touched;

pub(crate) use assemble::{decode, unpack};
pub(crate) use copy::Copying;
pub use elements::{Element, Elements};
pub(crate) use origin::Origin;
pub(crate) use sections::origins;
pub use selection::{Selection, Slice};

/// Most stored bytes of one batch; one piece may be more.
const BATCH_BYTES: u64 = 16 << 20;
/// Most pieces of one batch.
const BATCH_PIECES: usize = 1024;
/// Batches under way at one time, where memory allows.
const BATCHES: usize = 8;

/// How an array is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The most bytes that what is read, or one decoded chunk, may take (default: no limit, but of what
    /// no chunk holds 1 GiB).
    pub limit: u64,
    /// About how many bytes are held beside what is read, stored and decoded chunks (default 64 MiB;
    /// one chunk may be more).
    pub memory: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limit: u64::MAX,
            memory: 64 << 20,
        }
    }
}

impl ReadOptions {
    /// Sets [`limit`](Self::limit).
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Sets [`memory`](Self::memory).
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }
}

impl Store {
    /// All elements of the array at a path such as `/a/b`, as [`Store::read`] gives them. Neither
    /// the array nor one of its chunks, decoded, may take more than `limit` bytes.
    ///
    /// # Errors
    ///
    /// As for [`Store::read`].
    pub async fn read_array(&self, path: &str, limit: u64) -> Result<Elements> {
        let options = ReadOptions::default().with_limit(limit);
        self.read(path, &Selection::All, options).await
    }

    /// Elements of the array at a path such as `/a/b`, whatever filters they are stored with and
    /// whoever the store serves. Absent chunks hold the fill value. Of uncompressed chunks only what
    /// is selected is fetched, and little around it.
    ///
    /// # Errors
    ///
    /// If there is no such array, its elements have no fixed size, the selection does not fit it, it
    /// is too large, or a chunk can't be read or decoded.
    pub async fn read(
        &self,
        path: &str,
        selection: &Selection,
        options: ReadOptions,
    ) -> Result<Elements> {
        let mut read = self.read_all(&[(path, selection)], options).await?;
        read.pop().ok_or_else(|| no_array(path))
    }

    /// Elements of several arrays, as [`Store::read`] gives them of each: what lies in one object is
    /// fetched by one wave, so that neighbours in different arrays are one request. The limit holds for
    /// each of them.
    ///
    /// # Errors
    ///
    /// As for [`Store::read`].
    pub async fn read_all(
        &self,
        parts: &[(&str, &Selection)],
        options: ReadOptions,
    ) -> Result<Vec<Elements>> {
        let selected = parts.iter().map(|(path, selection)| async move {
            let manifest = self.selected(path, selection, options.limit).await?;
            Ok((*path, *selection, manifest))
        });
        let selected = try_join_all(selected.collect::<Vec<_>>()).await?;
        let mut plans = Vec::with_capacity(selected.len());
        let mut filled = Vec::with_capacity(selected.len());
        for (path, selection, manifest) in &selected {
            let plan = Plan::new(at(manifest, path)?, path, selection, options.limit)?;
            filled.push((plan.filled()?, plan.slab_lengths()));
            plans.push(plan);
        }
        let read = self.fill(&plans, filled, options.memory).await?;
        let elements = plans.iter().zip(read).map(|(plan, bytes)| Elements {
            shape: plan.shape.clone(),
            data_type: plan.data_type().clone(),
            bytes: bytes.into(),
        });
        Ok(elements.collect())
    }

    /// The array at a path with the references of all chunks that a selection touches.
    pub(crate) async fn selected(
        &self,
        path: &str,
        selection: &Selection,
        limit: u64,
    ) -> Result<Arc<Manifest>> {
        let manifest = self.around_array(path).await?;
        let manifest = manifest.ok_or_else(|| no_array(path))?;
        if self.all_references().are_here() {
            return Ok(manifest);
        }
        // What is too large is found before references are asked for.
        let of = at(&manifest, path)?;
        Plan::new(of, path, selection, limit)?;
        let chunks = touched(of.array, path, selection)?;
        let manifest = self.references(path, &chunks).await?;
        manifest.ok_or_else(|| no_array(path))
    }

    async fn fill<'p>(
        &self,
        plans: &'p [Plan<'p>],
        filled: Vec<Filled>,
        memory: u64,
    ) -> Result<Vec<Vec<u8>>> {
        if filled.iter().all(|(read, _)| read.is_empty()) {
            return Ok(filled.into_iter().map(|(read, _)| read).collect());
        }
        // The slabs of one array after those of another.
        let before = filled.iter().scan(0_usize, |slabs, (_, lengths)| {
            let before = *slabs;
            *slabs = slabs.saturating_add(lengths.len());
            Some(before)
        });
        let before: Vec<usize> = before.collect();
        let planned: Pieces<'p> = Box::new(plans.iter().zip(before).flat_map(|(plan, before)| {
            plan.pieces().map(move |piece| {
                let mut piece = piece?;
                piece.slab = piece.slab.saturating_add(before);
                Ok(piece)
            })
        }));
        let (sender, pieces) = unbounded_channel();
        let assembling = tokio::task::spawn_blocking(move || assemble(filled, pieces));
        let fetched = self.fetch(planned, memory, &sender).await;
        drop(sender);
        // A piece that can't be decoded comes before one that was not fetched after it.
        let assembled = assembling.await.unwrap_or_else(|_| {
            Err(Error::Cancelled {
                key: plans.first().map_or("", |plan| plan.path).to_owned(),
            })
        })?;
        fetched.map(|()| assembled)
    }

    /// Fetches all pieces, and hands them over as they come.
    async fn fetch(
        &self,
        pieces: Pieces<'_>,
        memory: u64,
        sender: &UnboundedSender<Come>,
    ) -> Result<()> {
        let half = memory.div_ceil(2);
        let (stored, decoded) = (Room::new(half), Room::new(half));
        let mut planned = Batches {
            pieces,
            next: None,
            planned: 0,
            most: BATCH_BYTES.min(half.div_ceil(2)),
        };
        let (come, mut waiting) = unbounded_channel();
        // Two that go on side by side: what is under way comes while room to decode is waited for.
        let fetching = async move {
            let mut under_way = FuturesUnordered::new();
            loop {
                while under_way.len() < BATCHES
                    && let Some(batch) = planned.next()
                {
                    under_way.push(self.fetch_batch(batch, &stored));
                }
                let Some(batch) = under_way.next().await else {
                    return Ok(());
                };
                // The receiver only goes when the other has failed.
                let _ = come.send(batch?);
            }
        };
        let handing = async {
            while let Some((keys, rest, come, permit)) = waiting.recv().await {
                let mut permit = permit;
                let held = permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
                let share = held.checked_div(keys.len()).unwrap_or(0);
                let pieces = keys.into_iter().zip(rest).zip(come);
                for ((key, rest), come) in pieces {
                    let Some((stored, decode)) = come else {
                        continue;
                    };
                    let size = u64::try_from(rest.decoded).unwrap_or(u64::MAX);
                    let room = match &decode {
                        Some(_) => decoded.take(size).await,
                        None => None,
                    };
                    let mine = permit.as_mut().and_then(|permit| permit.split(share));
                    let come = Come {
                        number: rest.number,
                        key,
                        stored,
                        decode,
                        unpacking: rest.unpacking,
                        usage: rest.usage,
                        slab: rest.slab,
                        _permits: [mine, room],
                    };
                    if sender.send(come).is_err() {
                        // Whoever should take it has gone, which is said there.
                        return Ok(());
                    }
                }
            }
            Ok(())
        };
        futures::future::try_join(fetching, handing)
            .await
            .map(|_| ())
    }
}

impl Store {
    async fn fetch_batch(&self, batch: Result<Batch<'_>>, room: &Room) -> Result<Fetched> {
        let Batch { pieces, bytes } = batch?;
        let permit = room.take(bytes).await;
        let (keys, rest): (Vec<_>, Vec<_>) = pieces.into_iter().map(split).unzip();
        let (chunks, rest): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
        let come = self.stored(&keys, chunks).await?;
        Ok((keys, rest, come, permit))
    }
}

fn at<'a>(manifest: &'a Manifest, path: &str) -> Result<Referenced<'a>> {
    Referenced::at(manifest, path).ok_or_else(|| no_array(path))
}

fn no_array(path: &str) -> Error {
    Error::NoArray {
        path: path.to_owned(),
    }
}

/// Names of chunks, what becomes of them, what came, and the room that it takes.
type Fetched = (
    Vec<String>,
    Vec<Rest>,
    Vec<Option<(Bytes, Option<Decoding>)>>,
    Option<OwnedSemaphorePermit>,
);

/// What becomes of a piece.
struct Rest {
    number: u64,
    unpacking: Option<Arc<Unpacking>>,
    decoded: usize,
    usage: Use,
    slab: usize,
}

fn split(piece: Piece<'_>) -> (String, (Option<Chunk<'_>>, Rest)) {
    let rest = Rest {
        number: piece.number,
        unpacking: piece.unpacking,
        decoded: piece.decoded,
        usage: piece.usage,
        slab: piece.slab,
    };
    (piece.key, (Some(piece.chunk), rest))
}

/// Pieces that are fetched together.
struct Batch<'a> {
    pieces: Vec<Piece<'a>>,
    bytes: u64,
}

/// Pieces in batches of bounded size.
struct Batches<'a> {
    pieces: Pieces<'a>,
    /// One that did not fit into the batch before.
    next: Option<Piece<'a>>,
    /// How many pieces there were so far.
    planned: u64,
    most: u64,
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Batch {
            pieces: Vec::new(),
            bytes: 0,
        };
        loop {
            let piece = match self.next.take().map(Ok).or_else(|| self.pieces.next()) {
                None => break,
                Some(Ok(mut piece)) => {
                    piece.number = self.planned;
                    piece
                }
                Some(Err(error)) => return Some(Err(error)),
            };
            self.planned = self.planned.saturating_add(1);
            let bytes = piece.chunk.fetched();
            let total = batch.bytes.saturating_add(bytes);
            let full = total > self.most || batch.pieces.len() >= BATCH_PIECES;
            // Rather somewhat earlier than between neighbours, which one request brings.
            let nearly_full = total > self.most.saturating_sub(self.most / 8);
            let stops = nearly_full
                && batch
                    .pieces
                    .last()
                    .is_some_and(|last| !piece.chunk.follows(&last.chunk));
            if (full || stops) && !batch.pieces.is_empty() {
                self.next = Some(piece);
                break;
            }
            batch.bytes = batch.bytes.saturating_add(bytes);
            batch.pieces.push(piece);
        }
        (!batch.pieces.is_empty()).then_some(Ok(batch))
    }
}

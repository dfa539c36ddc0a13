//! Walking a structure of many nodes while their bytes arrive in any order.
//!
//! A *node* is a piece of a structure that is read in one go (a header, a B-tree node, a data
//! block). Reading it is a pure function of the bytes held: it gives the nodes that follow, or
//! says which bytes it needs and is tried again later. A [`Worklist`] holds the nodes not yet
//! read, so that all that can be asked for is asked for at once.

use std::collections::HashSet;
use std::ops::Range;

use crate::error::{Place, Result};
use crate::held::{Held, Step, Stop};

/// Ranges wanted, absolute, in no order; they may overlap.
pub(crate) type Wants = Vec<Range<u64>>;

/// The nodes of a structure that are still to be read.
#[derive(Debug)]
pub(crate) struct Worklist<N> {
    waiting: Vec<N>,
    seen: HashSet<u64>,
}

impl<N> Default for Worklist<N> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            seen: HashSet::new(),
        }
    }
}

impl<N> Worklist<N> {
    pub(crate) fn push(&mut self, node: N) {
        self.waiting.push(node);
    }

    /// Adds a node, refusing an address that was added before: a valid structure is a tree, so a
    /// second visit means a cycle or a shared child.
    pub(crate) fn push_once(&mut self, place: Place, node: N) -> Result<()> {
        if !self.seen.insert(place.at) {
            return Err(place.malformed("is referred to twice (a cycle?)"));
        }
        self.waiting.push(node);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Reads every node whose bytes are held, and those that follow from it; what the rest need
    /// is added to `wants`. `read` is given the node and this list, to push what follows; it must
    /// push nothing and change nothing before its last `?` on held bytes.
    pub(crate) fn advance(
        &mut self,
        wants: &mut Wants,
        mut read: impl FnMut(&N, &mut Self) -> Step<()>,
    ) -> Result<()> {
        let mut stuck = Vec::new();
        while let Some(node) = self.waiting.pop() {
            match read(&node, self) {
                Ok(()) => {}
                Err(Stop::Need(range)) => {
                    wants.push(range);
                    stuck.push(node);
                }
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        self.waiting = stuck;
        Ok(())
    }
}

/// A structure that is read as its bytes arrive.
pub(crate) trait Walk {
    /// What it holds.
    type Output;

    /// Goes as far as the bytes held allow, and adds what it needs next to `wants`.
    /// Calling it again with nothing new held changes nothing and wants the same.
    fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()>;

    /// Whether all has been read.
    fn is_done(&self) -> bool;

    /// What was read; only called when done. Independent of the order in which bytes came.
    fn finish(self) -> Result<Self::Output>;
}

/// Bytes that the nodes of a structure take together. They lie apart in a valid file, so they
/// can't take more than the file has; that bounds the work which overlapping nodes could cause.
#[derive(Debug, Default)]
pub(crate) struct Taken(u64);

impl Taken {
    /// Adds the `length` bytes of the node at `place`.
    pub(crate) fn add(&mut self, held: &Held, place: Place, length: u64) -> Result<()> {
        self.0 = self.0.saturating_add(length);
        match held.file_size {
            Some(size) if self.0 > size => Err(place.malformed(format!(
                "overlaps others of its kind: together they take {} bytes, the whole file has {size}",
                self.0
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;

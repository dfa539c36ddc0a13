//! Walking a structure of many nodes while their bytes arrive in any order.
//!
//! A *node* is a piece of a structure that is read in one go (a header, a B-tree node, a data
//! block). Reading it is a pure function of the bytes held: it gives the nodes that follow, or
//! says which bytes it needs and is tried again later. A [`Worklist`] holds the nodes not yet
//! read, so that all that can be asked for is asked for at once.

use std::collections::HashSet;
use std::ops::Range;

use crate::error::{Error, Place, Result};
use crate::held::{Held, Step, Stop};

/// Ranges wanted, absolute, in no order; they may overlap.
pub(crate) type Wants = Vec<Range<u64>>;

/// The nodes of a structure that are still to be read.
#[derive(Debug)]
pub(crate) struct Worklist<N> {
    waiting: Vec<N>,
    seen: HashSet<u64>,
    unsupported: Unsupported,
}

impl<N> Default for Worklist<N> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            seen: HashSet::new(),
            unsupported: Unsupported::default(),
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
    ///
    /// Nodes that are not supported are an error only when all others have been read.
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
                Err(Stop::Error(error)) => self.unsupported.keep(error)?,
            }
        }
        self.waiting = stuck;
        if self.waiting.is_empty() {
            self.unsupported.take()?;
        }
        Ok(())
    }
}

/// Features met that are not supported, of which the first in the file is kept.
///
/// They concern one object only, while malformed bytes end the scan. So that it does not depend
/// on what arrives first which of the two is found, the rest is read before they are reported.
#[derive(Debug, Default)]
pub(crate) struct Unsupported(Option<Error>);

impl Unsupported {
    /// Keeps an error for later; gives it back if it is of another kind.
    pub(crate) fn keep(&mut self, error: Error) -> Result<()> {
        let Error::Unsupported {
            structure,
            at,
            what,
        } = &error
        else {
            return Err(error);
        };
        match &self.0 {
            Some(Error::Unsupported {
                structure: kept_structure,
                at: kept_at,
                what: kept_what,
            }) if (kept_at, kept_structure, kept_what) <= (at, structure, what) => {}
            _ => self.0 = Some(error),
        }
        Ok(())
    }

    /// Reports what was kept.
    pub(crate) fn take(&mut self) -> Result<()> {
        self.0.take().map_or(Ok(()), Err)
    }

    /// What was kept.
    pub(crate) fn as_ref(&self) -> Option<&Error> {
        self.0.as_ref()
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
        held.charge_parsed(place, length)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads nodes of which 1 is not supported, 2 malformed and 3 not held on the first call.
    fn read(nodes: &[u8]) -> Result<()> {
        let place = |node: u8| Place::new("node", u64::from(node));
        let mut list = Worklist::default();
        for &node in nodes {
            list.push(node);
        }
        for held in [false, true] {
            list.advance(&mut Wants::new(), |&node, _| match node {
                1 => Err(place(1).unsupported("the one").into()),
                2 => Err(place(2).malformed("the other").into()),
                3 if !held => Err(Stop::Need(0..1)),
                _ => Ok(()),
            })?;
        }
        assert!(list.is_empty());
        Ok(())
    }

    #[test]
    fn malformed_comes_before_unsupported_in_any_order() {
        for nodes in [&[1, 2][..], &[2, 1], &[1, 3, 2], &[2, 3, 1], &[3, 1, 2, 1]] {
            assert!(!read(nodes).unwrap_err().is_unsupported(), "{nodes:?}");
        }
        for nodes in [&[1, 3][..], &[3, 1], &[1], &[1, 1]] {
            assert!(read(nodes).unwrap_err().is_unsupported(), "{nodes:?}");
        }
        assert!(read(&[3, 4]).is_ok());
    }
}

//! What was read of the global heap, and what can't be.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::HeapId;
use crate::address::Address;
use crate::error::{Error, Place};

/// Objects of the global heap: those that were read, and those that were asked for in vain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeapObjects {
    found: BTreeMap<HeapId, Bytes>,
    /// Objects that their collections, which are whole, do not have.
    absent: BTreeMap<HeapId, u64>,
    /// Collections that can't be read.
    unreadable: BTreeMap<Address, Error>,
}

impl HeapObjects {
    /// The bytes of an object that was read.
    pub fn get(&self, id: HeapId) -> Option<&Bytes> {
        self.found.get(&id)
    }

    /// Why an object can't be read; `None` where it was read, or was not asked for.
    pub fn error(&self, id: HeapId) -> Option<Error> {
        if let Some(error) = self.unreadable.get(&id.collection) {
            return Some(error.clone());
        }
        let at = self.absent.get(&id)?;
        let place = Place::new("global heap collection", *at);
        Some(place.malformed(format!("has no object {}, which is referred to", id.index)))
    }

    /// Whether asking for an object again would give nothing new.
    pub fn is_settled(&self, id: HeapId) -> bool {
        self.found.contains_key(&id)
            || self.absent.contains_key(&id)
            || self.unreadable.contains_key(&id.collection)
    }

    /// The objects that were read, in the order of their IDs.
    pub fn iter(&self) -> impl Iterator<Item = (HeapId, &Bytes)> {
        self.found.iter().map(|(id, bytes)| (*id, bytes))
    }

    pub(crate) fn insert(&mut self, id: HeapId, bytes: Bytes) {
        self.found.insert(id, bytes);
    }

    /// Notes that a collection lacks an object.
    pub(crate) fn insert_absent(&mut self, id: HeapId, collection: Place) {
        self.absent.insert(id, collection.at);
    }

    /// Notes that a collection can't be read.
    pub(crate) fn insert_unreadable(&mut self, collection: Address, error: Error) {
        self.unreadable.insert(collection, error);
    }

    /// Takes all that another one has.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.found.append(&mut other.found);
        self.absent.append(&mut other.absent);
        self.unreadable.append(&mut other.unreadable);
    }
}

//! Groups, attributes, shared messages, and what is read before them.

use std::sync::Arc;

use bytes::Bytes;

use super::{Input, message};
use crate::address::Address;
use crate::attribute::AttributeMessage;
use crate::cache_image::CacheImage;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::decode::Decode;
use crate::fill_value::FillValue;
use crate::filter::Filter;
use crate::group::{DenseAttributes, DenseLinks, SymbolTable};
use crate::heap::{LocalHeap, SharedMessages};
use crate::held::{Held, Stop};
use crate::layout::ExternalFileList;
use crate::link::Link;
use crate::message::{
    AttributeInfo, CacheImageMessage, Continuation, Embedded, FileSpaceInfo, LinkInfo, Shared,
    SharedMessageTable, SymbolTableMessage,
};
use crate::superblock::Search;
use crate::walk::{Walk, Wants};

/// Takes filtered bytes for decoded ones, cut or filled up to their size.
#[derive(Debug)]
struct Plain;

impl Decode for Plain {
    fn knows(&self, filter: &Filter) -> bool {
        filter.id.0 < 1000
    }

    fn decode(&self, _: &[Filter], _: u32, stored: Bytes, size: usize) -> Result<Bytes, String> {
        let mut decoded = stored.to_vec();
        decoded.resize(size, 0);
        Ok(decoded.into())
    }
}

/// Nothing held yet, and a decoder for heaps with filters.
pub(super) fn held() -> Held {
    let mut held = Held::default();
    held.decoder = Some(Arc::new(Plain));
    held
}

/// A superblock, at any offset where one may be.
pub fn superblock(data: &[u8]) {
    let mut held = Held::default();
    held.file_size = u64::try_from(data.len()).ok();
    held.insert(0, Bytes::copy_from_slice(data));
    match Search::default().advance(&held) {
        Ok(opening) => assert!(opening.superblock.version <= 3),
        Err(Stop::Need(range)) => panic!("wants {range:?} though all is held"),
        Err(Stop::Error(_)) => {}
    }
}

/// A metadata cache image; the first number is its length.
pub fn cache_image(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [length, ..] = input.numbers;
        let address = input.address;
        let entries = input.drive(CacheImage::new(CacheImageMessage { address, length }));
        let mut last = 0;
        for (offset, bytes) in entries.unwrap_or_default() {
            assert!(offset >= last, "entries overlap");
            last = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            assert!(last <= u64::try_from(input.file.len()).unwrap_or(0));
        }
    }
}

/// A local heap; the numbers are offsets of strings.
pub fn local_heap(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let mut heap = LocalHeap::new(input.address);
        let mut held = Held::default();
        held.file_size = u64::try_from(input.file.len()).ok();
        held.insert(0, input.file.clone());
        if heap.advance(&held, &mut Wants::new()).is_err() {
            return;
        }
        if let Ok(segment) = heap.into_segment() {
            for number in input.numbers {
                let _ = segment.string(number);
            }
        }
    }
}

/// A group of the old style: tree, leaf nodes, and local heap, whose address is the first number.
pub fn symbol_table(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [heap, ..] = input.numbers;
        let links = input.drive(SymbolTable::new(input.address, Address(heap)));
        for pair in links.unwrap_or_default().read.windows(2) {
            if let [first, second] = pair {
                assert!(first.name < second.name);
            }
        }
    }
}

/// A group with dense links; the first number is the address of their index.
pub fn dense_links(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [index, ..] = input.numbers;
        input.drive(DenseLinks::new(input.address, Address(index)));
    }
}

/// An object with dense attributes; the first number is the address of their index.
pub fn dense_attributes(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [index, ..] = input.numbers;
        input.drive(DenseAttributes::new(input.address, Address(index)));
    }
}

/// A shared message table; the numbers are how many indexes it has, and heap IDs of messages of
/// the first types that may be shared.
pub fn shared_messages(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        let [indexes, ids @ ..] = input.numbers;
        let indexes = u8::try_from(indexes & 0xFF).unwrap_or(0);
        let mut walk = SharedMessages::new(input.address, indexes);
        for (kind, id) in [1, 3, 5, 11, 12, 4].into_iter().zip(ids) {
            walk.request(kind, id.to_le_bytes());
        }
        input.drive(walk);
    }
}

/// An attribute message, with its datatype and dataspace.
pub fn attribute(data: &[u8]) {
    let mut cursor = message(data);
    let Ok(attribute) = AttributeMessage::parse(&mut cursor) else {
        return;
    };
    let part = |part: &Embedded| match part {
        Embedded::Here(body) => Some(message(body)),
        Embedded::Shared(_) => None,
    };
    let datatype = part(&attribute.datatype).and_then(|mut body| Datatype::parse(&mut body).ok());
    let dataspace =
        part(&attribute.dataspace).and_then(|mut body| Dataspace::parse(&mut body).ok());
    if let (Some(datatype), Some(dataspace)) = (datatype, dataspace) {
        let _ = attribute.resolve(cursor.place(), datatype, dataspace);
    }
}

/// A link message.
pub fn link(data: &[u8]) {
    if let Ok(link) = Link::parse(&mut message(data)) {
        let name = link.map_or_else(|(name, _)| name, |link| link.name);
        assert!(!name.is_empty());
    }
}

/// A fill value message, old or new.
pub fn fill_value(data: &[u8]) {
    let _ = FillValue::parse_new(&mut message(data));
    let _ = FillValue::parse_old(&mut message(data));
}

/// The messages that say no more than where something is.
pub fn info_messages(data: &[u8]) {
    let _ = LinkInfo::parse(&mut message(data));
    let _ = AttributeInfo::parse(&mut message(data));
    let _ = SymbolTableMessage::parse(&mut message(data));
    let _ = Continuation::parse(&mut message(data));
    let _ = FileSpaceInfo::parse(&mut message(data));
    let _ = SharedMessageTable::parse(&mut message(data));
    let _ = CacheImageMessage::parse(&mut message(data));
    let _ = Shared::parse(&mut message(data));
    let _ = ExternalFileList::parse(&mut message(data));
}

//! What a scan gives.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::address::Address;
use crate::attribute::Attribute;
use crate::chunk_index::Chunks;
use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Error, Place, Result};
use crate::fill_value::FillValue;
use crate::filter::Filter;
use crate::heap::HeapId;
use crate::layout::{ExternalFile, Layout, VirtualMapping};
use crate::link::Link;
use crate::superblock::Superblock;

/// The metadata of a file, as far as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The superblock.
    pub superblock: Superblock,
    /// The root group.
    pub root: Address,
    /// All objects read, by the address of their headers.
    pub objects: BTreeMap<Address, Object>,
    /// Objects of the global heap that attributes refer to.
    pub heap: BTreeMap<HeapId, Bytes>,
}

impl File {
    /// The bytes of an object of the global heap, if the scan read it.
    pub fn heap_object(&self, id: HeapId) -> Option<&Bytes> {
        self.heap.get(&id)
    }

    /// The mappings of a virtual dataset, which [`Layout::Virtual`] says where to find and
    /// [`crate::Scan::request_heap_objects`] reads.
    ///
    /// # Errors
    /// When they were not read, are of an unknown version, or contradict the specification.
    pub fn virtual_mappings(&self, id: HeapId) -> Result<Vec<VirtualMapping>> {
        let place = Place::new("virtual dataset mappings", id.collection.0);
        let Some(bytes) = self.heap_object(id) else {
            return Err(place.malformed(format!("object {} was not read", id.index)));
        };
        let mut cursor = Cursor::new(bytes.clone(), self.superblock.sizes, place);
        VirtualMapping::parse_all(&mut cursor)
    }

    /// The object whose header is at `address`.
    pub fn object(&self, address: Address) -> Option<&Object> {
        self.objects.get(&address)
    }
}

/// A group, a dataset or a committed datatype.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its attributes, sorted by name.
    pub attributes: Vec<Attribute>,
    /// Attributes that this version can't read, each with the reason.
    pub refused_attributes: Vec<(String, Error)>,
    /// What it is.
    pub kind: ObjectKind,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectKind {
    /// A group.
    Group(Group),
    /// A dataset.
    Dataset(Box<Dataset>),
    /// A committed ("named") datatype.
    CommittedDatatype(Datatype),
    /// A dataset that this version can't read, with the reason.
    Refused(Error),
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its links, sorted by name (bytewise).
    pub links: Vec<Link>,
    /// Whether the group tracks the order in which links were made.
    pub creation_order_tracked: bool,
    /// Whether its links were read (a narrow scan does not read those of all groups).
    pub listed: bool,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its extent.
    pub dataspace: Dataspace,
    /// The type of its elements.
    pub datatype: Datatype,
    /// What elements hold that were never written.
    pub fill_value: FillValue,
    /// The filters, in the order in which a writer applies them.
    pub filters: Vec<Filter>,
    /// Where the data lies.
    pub layout: Layout,
    /// Files that hold the data of a contiguous layout, if it is not in this file.
    pub external_files: Vec<ExternalFile>,
    /// Where each chunk lies, for a chunked layout whose index was asked for.
    pub chunks: Option<Chunks>,
}

//! What a scan gives.

use std::collections::{BTreeMap, BTreeSet};

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
use crate::heap::{HeapId, HeapObjects};
use crate::layout::{ExternalFile, Layout, VirtualMapping};
use crate::link::{Link, LinkTarget};
use crate::path::{LinkEnd, Nowhere, place_of};
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
    pub heap: HeapObjects,
    /// Where what was asked for leads out of the file.
    pub external_links: BTreeSet<ExternalLink>,
}

/// Where a path led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed<'p> {
    /// What it leads to.
    pub end: LinkEnd,
    /// The groups that it leads through, each in the one before it, the root first.
    pub through: Vec<Address>,
    /// What of the path comes after an external link.
    pub rest: &'p str,
}

/// An external link on the way to what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalLink {
    /// The names that lead to it from the root, as far as they say what is asked for beyond it
    /// (see [`Narrow::below`](crate::Narrow::below)).
    pub at: Vec<String>,
    /// The file, as the link names it.
    pub file: String,
    /// The path in it.
    pub path: String,
}

impl File {
    /// The bytes of an object of the global heap, if the scan read it; where it can't be read,
    /// [`HeapObjects::error`] says why.
    pub fn heap_object(&self, id: HeapId) -> Option<&Bytes> {
        self.heap.get(id)
    }

    /// The mappings of a virtual dataset, which [`Layout::Virtual`] says where to find and
    /// [`crate::Scan::request_heap_objects`] reads.
    ///
    /// # Errors
    /// When they were not read, are of an unknown version, or contradict the specification.
    pub fn virtual_mappings(&self, id: HeapId) -> Result<Vec<VirtualMapping>> {
        let place = Place::new("virtual dataset mappings", id.collection.0);
        let Some(bytes) = self.heap_object(id) else {
            let unread = || place.malformed(format!("object {} was not read", id.index));
            return Err(self.heap.error(id).unwrap_or_else(unread));
        };
        let mut cursor = Cursor::new(bytes.clone(), self.superblock.sizes, place);
        VirtualMapping::parse_all(&mut cursor)
    }

    /// The object whose header is at `address`.
    pub fn object(&self, address: Address) -> Option<&Object> {
        self.objects.get(&address)
    }

    /// Where a link leads, by the group that it is in and its place among the group's links;
    /// `None` for a soft link that was not asked for.
    pub fn link_end(&self, group: &Group, index: usize) -> Option<LinkEnd> {
        Some(match &group.links.get(index)?.target {
            LinkTarget::Hard(address) => LinkEnd::Object(*address),
            LinkTarget::Soft(_) => return group.soft_links.get(&index).cloned(),
            LinkTarget::External { file, path } => LinkEnd::External {
                file: file.clone(),
                path: path.clone(),
            },
            LinkTarget::UserDefined(class) => LinkEnd::Nowhere(Nowhere::UserDefined(*class)),
        })
    }

    /// Follows a path from the root.
    pub fn follow<'p>(&self, path: &'p str) -> Followed<'p> {
        let mut through = Vec::new();
        let mut at = self.root;
        let mut rest = path.trim_start_matches('/');
        while !rest.is_empty() {
            let (name, after) = rest.split_once('/').unwrap_or((rest, ""));
            rest = after.trim_start_matches('/');
            if name == "." {
                continue;
            }
            through.push(at);
            match self.member(at, name) {
                LinkEnd::Object(address) => at = address,
                end => return Followed { end, through, rest },
            }
        }
        let end = LinkEnd::Object(at);
        Followed { end, through, rest }
    }

    /// Where the link of this name in the group at an address leads.
    fn member(&self, group: Address, name: &str) -> LinkEnd {
        let end = self.object(group).and_then(|object| {
            let ObjectKind::Group(group) = &object.kind else {
                return None;
            };
            let index = place_of(&group.links, name)?;
            self.link_end(group, index)
        });
        end.unwrap_or(LinkEnd::Nowhere(Nowhere::Missing))
    }
}

/// A group, a dataset or a committed datatype.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its attributes, sorted by name.
    pub attributes: Vec<Attribute>,
    /// Attributes that can't be read, each with the reason.
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
    /// A dataset or a datatype that can't be read, with the reason.
    Refused(Error),
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its links, sorted by name (bytewise).
    pub links: Vec<Link>,
    /// Links that this version can't read, each with the reason, by their names; of names that
    /// are not UTF-8 the bytes are escaped (`\\xe9`).
    pub refused_links: Vec<(String, Error)>,
    /// Whether the group tracks the order in which links were made.
    pub creation_order_tracked: bool,
    /// Whether its links were read (a narrow scan does not read those of all groups).
    pub listed: bool,
    /// Where its soft links lead that were asked for, by their places in `links`.
    pub soft_links: BTreeMap<usize, LinkEnd>,
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
    /// Whether chunks hold it wherever they were never written, also beyond the edge of the dataset.
    pub chunks_are_filled: bool,
    /// The filters, in the order in which a writer applies them.
    pub filters: Vec<Filter>,
    /// Where the data lies.
    pub layout: Layout,
    /// Files that hold the data of a contiguous layout, if it is not in this file.
    pub external_files: Vec<ExternalFile>,
    /// Where each chunk lies, for a chunked layout whose index was asked for.
    pub chunks: Option<Chunks>,
}

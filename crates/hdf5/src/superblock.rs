//! The superblock (II.A), versions 0 to 3.
//!
//! | field | v0, v1 | v2, v3 |
//! |---|---|---|
//! | signature | 8 bytes | 8 bytes |
//! | versions | superblock, free space, root entry, reserved, shared header | superblock |
//! | size of offsets, size of lengths | 1 + 1 | 1 + 1 |
//! | B-tree constants | 2 + 2 (v1: + 2 + 2 reserved), after a reserved byte | - |
//! | flags | 4 | 1 |
//! | addresses | base, free space, end of file, driver | base, extension, end of file, root |
//! | root | symbol table entry | - |
//! | checksum | - | 4 |

use bytes::Bytes;

use crate::address::{Address, Sizes};
use crate::cursor::Cursor;
use crate::error::{Error, Place, Result};
use crate::held::{Held, Step, Stop};

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
const STRUCTURE: &str = "superblock";
/// More than any superblock takes: version 1 with 32-byte addresses and lengths is 212 bytes.
const MAX_SIZE: u64 = 256;

/// The superblock and what its extension adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Version of the superblock: 0 to 3.
    pub version: u8,
    /// Where the superblock starts, in bytes from the start of the file: the size of the user
    /// block. Every address counts from here, as in libhdf5, whatever base address is stored.
    pub offset: u64,
    /// Widths of addresses and lengths.
    pub sizes: Sizes,
    /// End of the file as the writer left it, in bytes from the start of the file.
    pub end_of_file: u64,
    /// Address of the root group's object header.
    pub root: Address,
    /// Strategy and page size in bytes, when the file says so (message 0x0017).
    pub page_size: Option<u64>,
}

/// The superblock and the addresses that only matter while opening.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) superblock: Superblock,
    pub(crate) extension: Option<Address>,
    pub(crate) driver: Option<Address>,
    /// Nodes of old-style groups.
    pub(crate) group_nodes: GroupNodes,
}

/// Sizes in bytes of the nodes of old-style groups, to ask for them at once. The defaults are those
/// of the usual "K" and 8-byte addresses and lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupNodes {
    /// A B-tree node.
    pub(crate) tree: u64,
    /// A symbol table node.
    pub(crate) leaf: u64,
}

impl Default for GroupNodes {
    fn default() -> Self {
        Self {
            tree: 544,
            leaf: 328,
        }
    }
}

impl GroupNodes {
    /// More is not asked for on the word of a superblock.
    const MOST: u64 = 64 << 10;

    fn new(leaf_k: u16, internal_k: u16, sizes: Sizes) -> Self {
        let (offsets, lengths) = (u64::from(sizes.offsets), u64::from(sizes.lengths));
        let pair = offsets.saturating_add(lengths);
        let [leaf, internal] = [leaf_k, internal_k].map(|k| u64::from(k).saturating_mul(2));
        let tree = internal.saturating_mul(pair).saturating_add(8);
        let leaf = leaf.saturating_mul(pair.saturating_add(24));
        Self {
            tree: tree
                .saturating_add(offsets.saturating_mul(2))
                .saturating_add(lengths)
                .min(Self::MOST),
            leaf: leaf.saturating_add(8).min(Self::MOST),
        }
    }
}

/// Looks for the superblock at 0, 512, 1024, 2048, ...
#[derive(Debug, Default)]
pub(crate) struct Search {
    offset: u64,
    head: Bytes,
}

impl Search {
    /// Goes on from where it was; finds the superblock or needs more bytes.
    pub(crate) fn advance(&mut self, held: &Held) -> Step<Opening> {
        loop {
            let end = held.file_size.unwrap_or(u64::MAX);
            if self.offset.saturating_add(8) > end {
                return Err(not_hdf5(&self.head, held.file_size).into());
            }
            let range = self.offset..self.offset.saturating_add(MAX_SIZE).min(end);
            let bytes = held.get(range.clone()).ok_or(Stop::Need(range))?;
            if bytes.starts_with(SIGNATURE) {
                let place = Place::new(STRUCTURE, self.offset);
                return Ok(read(
                    Cursor::new(bytes, Sizes::default(), place),
                    self.offset,
                )?);
            }
            if self.offset == 0 {
                self.head = bytes;
                self.offset = 512;
            } else {
                self.offset = self.offset.saturating_mul(2);
            }
        }
    }
}

/// Says what stands where the signature should, for the files people most often mistake.
fn not_hdf5(head: &[u8], file_size: Option<u64>) -> Error {
    let text = String::from_utf8_lossy(head)
        .trim_start()
        .to_ascii_lowercase();
    let what = if head.is_empty() && file_size.unwrap_or(0) == 0 {
        "it is empty".into()
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") {
        "it is an HTML page (a login page?)".into()
    } else if text.starts_with("<?xml") {
        "it is an XML document (an error message of the server?)".into()
    } else if head.starts_with(b"OHDH") {
        "it is the onion history of an HDF5 file, which keeps later revisions of it; the file beside \
         it (without .onion) opens as its first revision"
            .into()
    } else if head.starts_with(b"stripe_size=") {
        "it is the configuration of a subfiling set, whose parts (.subfile_1_of_N, ...) h5fuse joins \
         into one HDF5 file"
            .into()
    } else if head.starts_with(b"CDF") {
        "it is a netCDF classic file (netCDF-3)".into()
    } else if head.starts_with(b"\x0e\x03\x13\x01") {
        "it is an HDF4 file".into()
    } else {
        let first = head
            .get(..8.min(head.len()))
            .unwrap_or_default()
            .escape_ascii();
        format!("no signature \"\\x89HDF\" at offset 0, 512, 1024, ...; it starts with \"{first}\"")
    };
    Error::NotHdf5 { what }
}

fn read(mut cursor: Cursor, offset: u64) -> Result<Opening> {
    cursor.skip(SIGNATURE.len())?;
    match cursor.u8()? {
        version @ (0 | 1) => read_old(cursor, version, offset),
        version @ (2 | 3) => read_new(cursor, version, offset),
        version => Err(cursor.place().unsupported(format!("version {version}"))),
    }
}

fn sizes(cursor: &mut Cursor) -> Result<Sizes> {
    let (offsets, lengths) = (cursor.u8()?, cursor.u8()?);
    for (name, size) in [("offsets", offsets), ("lengths", lengths)] {
        match size {
            2 | 4 | 8 | 16 | 32 => {}
            _ => {
                return Err(cursor.malformed(format!(
                    "size of {name} is {size} bytes; 2, 4, 8, 16 or 32 expected"
                )));
            }
        }
    }
    Ok(Sizes { offsets, lengths })
}

fn read_old(mut cursor: Cursor, version: u8, offset: u64) -> Result<Opening> {
    // Versions of free space, root entry and shared header; all 0, as libhdf5 demands.
    let versions = [cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?];
    let [free_space, root, _, shared_header] = versions;
    if (free_space, root, shared_header) != (0, 0, 0) {
        return Err(cursor.malformed(format!(
            "versions {free_space}, {root} and {shared_header} of free space, root and shared \
             header, all 0 expected"
        )));
    }
    let sizes = sizes(&mut cursor)?;
    cursor.skip(1)?;
    let (leaf_k, internal_k) = (cursor.u16()?, cursor.u16()?);
    if leaf_k == 0 || internal_k == 0 {
        return Err(cursor.malformed("a group B-tree constant is 0"));
    }
    cursor.skip(4)?;
    if version == 1 {
        cursor.skip(4)?;
    }
    cursor.set_sizes(sizes);
    let base = cursor.address()?;
    cursor.address()?;
    let end_of_file = cursor.address()?;
    let driver = cursor.address()?.defined();
    // Of the root's symbol table entry: the offset of its name, then its object header.
    cursor.length()?;
    let root = cursor.address()?;
    let superblock = finish(&cursor, version, offset, sizes, base, end_of_file, root)?;
    Ok(Opening {
        superblock,
        extension: None,
        driver,
        group_nodes: GroupNodes::new(leaf_k, internal_k, sizes),
    })
}

fn read_new(mut cursor: Cursor, version: u8, offset: u64) -> Result<Opening> {
    let sizes = sizes(&mut cursor)?;
    let flags = cursor.u8()?;
    cursor.set_sizes(sizes);
    let base = cursor.address()?;
    let extension = cursor.address()?.defined();
    let end_of_file = cursor.address()?;
    let root = cursor.address()?;
    cursor.skip(4)?;
    cursor.truncate_here();
    cursor.verify_checksum()?;
    refuse_open(&cursor, version, flags)?;
    let superblock = finish(&cursor, version, offset, sizes, base, end_of_file, root)?;
    Ok(Opening {
        superblock,
        extension,
        driver: None,
        group_nodes: GroupNodes::default(),
    })
}

/// Refuses a file that a writer has open, or left so when it died, as libhdf5 does: what of its
/// metadata was written is left to chance. A writer in SWMR mode keeps the file whole.
fn refuse_open(cursor: &Cursor, version: u8, flags: u8) -> Result<()> {
    const WRITING: u8 = 0x01;
    const SWMR: u8 = 0x04;
    // Version 2 has the flags, but no writer that sets them.
    if version < 3 || flags & (WRITING | SWMR) != WRITING {
        return Ok(());
    }
    Err(cursor.place().unsupported(
        "a file that is open for writing or was not closed (`h5clear -s` clears its flags)",
    ))
}

fn finish(
    cursor: &Cursor,
    version: u8,
    offset: u64,
    sizes: Sizes,
    base: Address,
    end_of_file: Address,
    root: Address,
) -> Result<Superblock> {
    let Some(end) = end_of_file.defined() else {
        return Err(cursor.malformed("end of file address is undefined"));
    };
    // As libhdf5: when a user block was put before the file or taken away, the stored base and
    // end are those of the file as it was.
    let base = base.defined().map_or(offset, |base| base.0);
    let end_of_file = match offset.checked_sub(base) {
        Some(moved) => end.0.saturating_add(moved),
        None => end.0.saturating_sub(base.saturating_sub(offset)),
    };
    if root == Address::UNDEFINED {
        return Err(cursor.malformed("address of the root group is undefined"));
    }
    Ok(Superblock {
        version,
        offset,
        sizes,
        end_of_file,
        root,
        page_size: None,
    })
}

/// Fails when the file is shorter than its superblock says.
pub(crate) fn check_end(superblock: &Superblock, file_size: Option<u64>) -> Result<()> {
    match file_size {
        Some(file_size) if file_size < superblock.end_of_file => Err(Error::Truncated {
            structure: STRUCTURE,
            at: superblock.offset,
            end: superblock.end_of_file,
            file_size,
        }),
        _ => Ok(()),
    }
}

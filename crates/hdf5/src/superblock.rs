//! The superblock (II.A), versions 0 to 3.

use crate::address::{Address, Sizes};

/// The superblock and what its extension adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Version of the superblock: 0 to 3.
    pub version: u8,
    /// Where the superblock starts, in bytes from the start of the file: the size of the user block.
    pub offset: u64,
    /// What is added to every address to get a position in the file, in bytes.
    pub base_address: u64,
    /// Widths of addresses and lengths.
    pub sizes: Sizes,
    /// End of the file as the writer left it, in bytes from the base address.
    pub end_of_file: u64,
    /// Address of the root group's object header.
    pub root: Address,
    /// Size in bytes of a page, when the file is page-aggregated (message 0x0017).
    pub page_size: Option<u64>,
}

//! The link message (IV.A.2.g).

use crate::address::Address;

/// A name in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub target: LinkTarget,
    /// Creation order, where the group tracks it.
    pub creation_order: Option<i64>,
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// An object of this file, by the address of its header.
    Hard(Address),
    /// A path in this file.
    Soft(String),
    /// A path in another file.
    External {
        /// The file.
        file: String,
        /// The path in it.
        path: String,
    },
    /// A class of link that a program defined.
    UserDefined(u8),
}

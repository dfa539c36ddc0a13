//! The attribute message (IV.A.2.m), versions 1 to 3.

use bytes::Bytes;

use crate::dataspace::Dataspace;
use crate::datatype::Datatype;

/// An attribute, with any sharing resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub datatype: Datatype,
    /// Its extent.
    pub dataspace: Dataspace,
    /// The elements in C order, as stored; variable-length ones refer to the global heap
    /// (see [`crate::File::heap_object`]).
    pub data: Bytes,
}

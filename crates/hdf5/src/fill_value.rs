//! The fill value messages, old (IV.A.2.e) and new (IV.A.2.f).

use bytes::Bytes;

/// What elements hold that were never written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FillValue {
    /// Nothing was said: zeros.
    #[default]
    Default,
    /// The writer chose to leave them undefined; libhdf5 reads zeros.
    Undefined,
    /// One element, in the dataset's datatype.
    Value(Bytes),
}

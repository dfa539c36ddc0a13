//! Why a chunk could not be decoded or encoded.

/// The result of decoding or encoding.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a chunk could not be decoded or encoded. Filters are counted from 0 in the order a writer applies them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The compressed bytes are no zlib stream.
    #[error("filter {index} (deflate): {stored} stored bytes are no zlib stream: {reason}")]
    Deflate {
        /// The filter.
        index: usize,
        /// Bytes it was given.
        stored: usize,
        /// What is wrong with them.
        reason: String,
    },
    /// The compressed bytes end within their stream.
    #[error(
        "filter {index} (deflate): the zlib stream does not end within its {stored} stored bytes, \
         which give {decoded} bytes"
    )]
    Truncated {
        /// The filter.
        index: usize,
        /// Bytes it was given.
        stored: usize,
        /// Bytes they gave.
        decoded: usize,
    },
    /// A filter gives more bytes than the chunk can have held there.
    #[error("filter {index}: gives more than {limit} bytes, the most this chunk can hold there")]
    TooLong {
        /// The filter.
        index: usize,
        /// The most it may give.
        limit: usize,
    },
    /// The bytes are not what this filter gives, or its parameters contradict them.
    #[error("filter {index} ({id}, {name}): {stored} stored bytes: {reason}")]
    Decode {
        /// The filter.
        index: usize,
        /// Its number in the HDF5 registry.
        id: u16,
        /// Its name.
        name: &'static str,
        /// Bytes it was given.
        stored: usize,
        /// What is wrong with them.
        reason: String,
    },
    /// The filter, or a feature of it that the chunk uses, is not supported.
    #[error("filter {index} ({id}, {name}) is not supported: {reason}")]
    Unsupported {
        /// The filter.
        index: usize,
        /// Its number in the HDF5 registry.
        id: u16,
        /// Its name.
        name: &'static str,
        /// What is not supported.
        reason: String,
    },
    /// There is no room for a checksum.
    #[error("filter {index} (fletcher32): {stored} bytes, expected at least the 4 of the checksum")]
    NoChecksum {
        /// The filter.
        index: usize,
        /// Bytes it was given.
        stored: usize,
    },
    /// The checksum is another.
    #[error(
        "filter {index} (fletcher32): checksum {stored:#010x} does not match {computed:#010x} \
         over {length} bytes"
    )]
    Checksum {
        /// The filter.
        index: usize,
        /// The checksum in the chunk.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
        /// How many bytes it covers.
        length: usize,
    },
    /// The decoded chunk has another length.
    #[error("the chunk decodes to {found} bytes, expected {expected}")]
    Length {
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A filter can't be applied to bytes as many as these.
    #[error("filter {index}: can't encode {length} bytes: {reason}")]
    Encode {
        /// The filter.
        index: usize,
        /// Bytes it was given.
        length: usize,
        /// Why not.
        reason: String,
    },
}

//! An array as `zarrs` writes it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chunkref_manifest::DataType;
use serde_json::Value;
use zarrs::array::{Array, ArrayBytes, ArrayError, ArrayMetadata, CodecOptions};
use zarrs_storage::{
    OffsetBytesIterator, StorageError, StoreKey, StorePrefix, WritableStorageTraits,
};

use super::ExportError;
use super::chunk::Task;
use super::folder::Folder;
use super::planned::Planned;

/// An array that is being written into the folder.
#[derive(Debug)]
pub(super) struct Output<'p> {
    pub(super) planned: &'p Planned<'p>,
    array: Arc<Array<Folder>>,
}

impl<'p> Output<'p> {
    /// Its document is written at the end, and not by this.
    pub(super) fn new(planned: &'p Planned<'p>, folder: &Arc<Folder>) -> Result<Self, ExportError> {
        let refused = |reason: String| ExportError::Asked {
            what: planned.path.clone(),
            reason,
        };
        let document = opaque(&planned.document, &planned.array.data_type);
        let metadata =
            serde_json::from_value(document).map_err(|error| refused(error.to_string()))?;
        let metadata = ArrayMetadata::V3(metadata);
        let array = Array::new_with_metadata(Arc::clone(folder), &planned.path, metadata);
        Ok(Self {
            planned,
            array: Arc::new(array.map_err(|error| refused(error.to_string()))?),
        })
    }

    /// Its chunks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let places = self.planned.places();
        places.map(|place| Task {
            output: self,
            place,
        })
    }

    /// Whether a chunk is there, whole.
    pub(super) fn has(&self, place: &[u64]) -> bool {
        let folder = self.array.storage();
        folder.has(self.array.chunk_key(place).as_str())
    }

    /// What encodes and writes a chunk, apart from the plan.
    pub(super) fn writer(&self, place: &[u64]) -> Writer {
        Writer {
            array: Arc::clone(&self.array),
            place: place.to_vec(),
        }
    }
}

/// Writes one chunk.
pub(super) struct Writer {
    array: Arc<Array<Folder>>,
    place: Vec<u64>,
}

impl Writer {
    /// Writes a chunk of elements of one size, in the byte order that the document says.
    pub(super) fn write(&self, elements: Vec<u8>) -> Result<(), ExportError> {
        self.store(ArrayBytes::new_flen(elements))
    }

    /// Writes a chunk of elements of variable length that are encoded as such, and not compressed.
    pub(super) fn write_encoded(&self, encoded: &Bytes) -> Result<(), ExportError> {
        let array = &self.array;
        let shape = array.chunk_shape(&self.place);
        let shape = shape.map_err(|error| self.failed(error))?;
        let decoded = array.codecs().array_to_bytes_codec().decode(
            encoded.as_ref().into(),
            &shape,
            array.data_type(),
            array.fill_value(),
            &options(),
        );
        let decoded = decoded.map_err(|error| self.failed(ArrayError::CodecError(error)))?;
        self.store(decoded)
    }

    fn store(&self, elements: ArrayBytes<'_>) -> Result<(), ExportError> {
        let stored = self
            .array
            .store_chunk_opt(&self.place, elements, &options());
        stored.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: ArrayError) -> ExportError {
        let key = self.array.chunk_key(&self.place);
        let source = match error {
            ArrayError::StorageError(StorageError::IOError(error)) => {
                std::io::Error::new(error.kind(), error)
            }
            error => std::io::Error::other(error),
        };
        ExportError::Write {
            path: self.array.storage().path_of(key.as_str()),
            source,
        }
    }
}

/// Chunks are written side by side, each by one thread; one that is nothing but fill as well, so that
/// the next run knows that it was read.
fn options() -> CodecOptions {
    CodecOptions::default()
        .with_concurrent_target(1)
        .with_store_empty_chunks(true)
}

/// A document in which elements are bytes without a meaning: they are in the byte order of the document
/// already, and `zarrs` has no name for some types that zarr-python has.
fn opaque(document: &Value, data_type: &DataType) -> Value {
    let mut document = document.clone();
    let (name, fill) = match data_type.size() {
        Some(size) => {
            let bits = u64::from(size).saturating_mul(8);
            // As text: a list of numbers would take many times an element, which a file may say is large.
            let fill = STANDARD.encode(vec![0; usize::try_from(size).unwrap_or(0)]);
            (format!("r{bits}"), fill)
        }
        None if *data_type == DataType::VariableString => return document,
        None => ("bytes".to_owned(), String::new()),
    };
    if let Some(members) = document.as_object_mut() {
        members.insert("data_type".to_owned(), name.into());
        members.insert("fill_value".to_owned(), fill.into());
    }
    document
}

impl WritableStorageTraits for Folder {
    fn set(&self, key: &StoreKey, value: Bytes) -> Result<(), StorageError> {
        match self.put(key.as_str(), &value) {
            Ok(()) => Ok(()),
            Err(ExportError::Write { source, .. }) => Err(source.into()),
            Err(error) => Err(StorageError::Other(error.to_string())),
        }
    }

    fn set_partial_many(&self, _: &StoreKey, _: OffsetBytesIterator) -> Result<(), StorageError> {
        Err(StorageError::Unsupported(
            "files are written whole".to_owned(),
        ))
    }

    fn erase(&self, _: &StoreKey) -> Result<(), StorageError> {
        Err(StorageError::Unsupported("nothing is removed".to_owned()))
    }

    fn erase_prefix(&self, _: &StorePrefix) -> Result<(), StorageError> {
        Err(StorageError::Unsupported("nothing is removed".to_owned()))
    }

    fn supports_set_partial(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_element_takes_as_much_as_it_is_long() {
        let document =
            json!({"data_type": "null_terminated_bytes", "fill_value": "", "shape": [2]});
        let opaque = opaque(&document, &DataType::FixedString { length: 5 });
        let expected = json!({"data_type": "r40", "fill_value": "AAAAAAA=", "shape": [2]});
        assert_eq!(opaque, expected);
    }
}

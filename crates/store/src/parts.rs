//! Parts of values, and their sizes.

use bytes::Bytes;
use zarrs_storage::byte_range::{ByteRange, InvalidByteRangeError};

use crate::chunk::{Chunk, Stored};
use crate::error::{Error, Result};
use crate::lookup::Value;
use crate::resolve::whole;
use crate::source::Request;
use crate::store::Store;

impl Store {
    /// Parts of the value of a key; `None` if the key is not there.
    pub(crate) async fn parts(&self, key: &str, parts: &[ByteRange]) -> Result<Option<Vec<Bytes>>> {
        let known = self.look_up_one(key).await?;
        let chunk = match self.value(&known, key)? {
            None => return Ok(None),
            Some(Value::Document(bytes)) => return slices(key, &bytes, parts).map(Some),
            Some(Value::Chunk(chunk)) => self.settled(key, chunk).await?,
        };
        let size = chunk.size().unwrap_or_default();
        let (
            &Stored::There {
                location, offset, ..
            },
            None,
        ) = (&chunk.stored, &chunk.decode)
        else {
            let whole = self.resolve(&[key], vec![Some(chunk)]).await?.pop();
            let whole = whole.flatten();
            return whole.map(|bytes| slices(key, &bytes, parts)).transpose();
        };
        let mut requests = Vec::with_capacity(parts.len());
        for part in parts {
            let range = within(key, *part, size)?;
            // Within the chunk, whose end was checked.
            let range = offset.saturating_add(range.start)..offset.saturating_add(range.end);
            requests.push(Request {
                key,
                location,
                range,
            });
        }
        self.read_ranges(&requests).await.map(Some)
    }

    async fn settled<'c>(&self, key: &str, chunk: Chunk<'c>) -> Result<Chunk<'c>> {
        let mut values = [Some(chunk)];
        self.settle(&[key], &mut values).await?;
        let [chunk] = values;
        chunk.ok_or_else(|| whole(key))
    }

    /// The length in bytes of the value of a key; `None` if it is not there. Nothing is read, but that
    /// whole objects are asked for theirs.
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>> {
        let known = self.look_up_one(key).await?;
        match self.value(&known, key)? {
            None => Ok(None),
            Some(Value::Document(bytes)) => {
                Ok(Some(u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
            }
            Some(Value::Chunk(chunk)) => Ok(self.settled(key, chunk).await?.size()),
        }
    }
}

fn slices(key: &str, bytes: &Bytes, parts: &[ByteRange]) -> Result<Vec<Bytes>> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    parts
        .iter()
        .map(|part| {
            let range = within(key, *part, size)?;
            let bounds = usize::try_from(range.start)
                .ok()
                .zip(usize::try_from(range.end).ok());
            let slice = bounds.and_then(|(start, end)| bytes.get(start..end));
            slice
                .map(|slice| bytes.slice_ref(slice))
                .ok_or_else(|| outside(key, *part, size))
        })
        .collect()
}

/// The bytes that a part is, which must lie within a value of this size.
fn within(key: &str, part: ByteRange, size: u64) -> Result<std::ops::Range<u64>> {
    let range = match part {
        ByteRange::FromStart(start, None) => Some(start..size),
        ByteRange::FromStart(start, Some(length)) => {
            start.checked_add(length).map(|end| start..end)
        }
        ByteRange::Suffix(length) => size.checked_sub(length).map(|start| start..size),
    };
    range
        .filter(|range| range.start <= range.end && range.end <= size)
        .ok_or_else(|| outside(key, part, size))
}

fn outside(key: &str, part: ByteRange, size: u64) -> Error {
    // The text of a part whose end can't be counted overflows in `zarrs_storage`.
    let part = match part {
        ByteRange::FromStart(start, Some(length)) if start.checked_add(length).is_none() => {
            ByteRange::FromStart(start, None)
        }
        part => part,
    };
    Error::Range {
        key: key.to_owned(),
        source: InvalidByteRangeError::new(part, size),
    }
}

//! One chunk read, compressed and written.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_store::{ReadOptions, Selection, Slice, Store};

use super::folder::Folder;
use super::planned::Planned;
use super::{ExportCodec, ExportError};

/// A chunk to write.
#[derive(Debug)]
pub(super) struct Task<'p> {
    pub(super) array: &'p Planned<'p>,
    /// Its place in the grid of what is written.
    pub(super) place: Vec<u64>,
}

impl Task<'_> {
    /// Bytes of the chunk, before it is compressed.
    pub(super) fn bytes(&self) -> u64 {
        self.array.chunk_bytes()
    }

    /// Writes the chunk, unless it is there. Whether it was written.
    pub(super) async fn run(
        self,
        store: &Store,
        folder: &Arc<Folder>,
        read: ReadOptions,
        codec: ExportCodec,
    ) -> Result<bool, ExportError> {
        let key = self.array.chunk_key(&self.place);
        if folder.has(&key) {
            return Ok(false);
        }
        let plain = match self.array.inline() {
            Some(bytes) => bytes,
            None => self.read(store, read).await?,
        };
        let (folder, fill) = (Arc::clone(folder), self.array.padding(&self.place));
        let written = tokio::task::spawn_blocking(move || {
            let whole = match fill {
                Some(padding) => padding.pad(&plain),
                None => plain.to_vec(),
            };
            let encoded = encode(whole, codec).map_err(|source| ExportError::Write {
                path: key.clone().into(),
                source,
            })?;
            folder.put(&key, &encoded)
        });
        match written.await {
            Ok(written) => written.map(|()| true),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn read(&self, store: &Store, read: ReadOptions) -> Result<Bytes, ExportError> {
        let slices: Vec<Slice> = self.array.slices(&self.place);
        let selection = Selection::slices(slices);
        let elements = store.read(&self.array.path, &selection, read).await;
        elements
            .map(|elements| elements.bytes)
            .map_err(|source| ExportError::Read { source })
    }
}

/// Chunks at the end of an axis are as long as the others: what is beyond the end is the fill value.
#[derive(Debug)]
pub(super) struct Padding {
    /// Lengths of the axes of what there is.
    pub(super) shape: Vec<usize>,
    /// Lengths of the axes of a chunk.
    pub(super) chunk_shape: Vec<usize>,
    /// An element of the fill value.
    pub(super) fill: Vec<u8>,
}

impl Padding {
    fn pad(&self, plain: &[u8]) -> Vec<u8> {
        let element = self.fill.len();
        let count = self.chunk_shape.iter().product::<usize>();
        let mut whole = self.fill.repeat(count);
        let (Some(row), Some(whole_row)) = (self.shape.last(), self.chunk_shape.last()) else {
            return plain.to_vec();
        };
        let (bytes, stride) = (
            row.saturating_mul(element),
            whole_row.saturating_mul(element),
        );
        let outer = self.shape.len().saturating_sub(1);
        for (number, row) in plain.chunks_exact(bytes.max(1)).enumerate() {
            // The number of the row in the chunk.
            let (mut rest, mut at, mut step) = (number, 0_usize, 1_usize);
            let axes = self.shape.iter().zip(&self.chunk_shape).take(outer).rev();
            for (length, whole) in axes {
                let place = rest.checked_rem(*length).unwrap_or(0);
                at = at.saturating_add(place.saturating_mul(step));
                rest = rest.checked_div(*length).unwrap_or(0);
                step = step.saturating_mul(*whole);
            }
            let first = at.saturating_mul(stride);
            if let Some(to) = whole.get_mut(first..first.saturating_add(bytes)) {
                to.copy_from_slice(row);
            }
        }
        whole
    }
}

fn encode(plain: Vec<u8>, codec: ExportCodec) -> std::io::Result<Vec<u8>> {
    match codec {
        ExportCodec::None => Ok(plain),
        ExportCodec::Zstd { level } => zstd::bulk::compress(&plain, level),
        ExportCodec::Gzip { level } => {
            let level = flate2::Compression::new(u32::from(level));
            // Without a time of its own: equal chunks are equal files.
            let mut out = flate2::GzBuilder::new().write(Vec::new(), level);
            out.write_all(&plain)?;
            out.finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Padding;

    #[test]
    fn what_is_beyond_the_end_is_fill() {
        let padding = Padding {
            shape: vec![2, 1, 2],
            chunk_shape: vec![2, 2, 3],
            fill: vec![9, 8],
        };
        let plain: Vec<u8> = (0..8).collect();
        let expected = [
            &[0, 1, 2, 3, 9, 8][..],
            &[9, 8, 9, 8, 9, 8],
            &[4, 5, 6, 7, 9, 8],
            &[9, 8, 9, 8, 9, 8],
        ];
        assert_eq!(padding.pad(&plain), expected.concat());
    }
}

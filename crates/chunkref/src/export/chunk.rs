//! One chunk read and written.

use bytes::Bytes;
use chunkref_store::{ReadOptions, Selection, Store};

use super::ExportError;
use super::output::Output;

/// A chunk to write.
#[derive(Debug)]
pub(super) struct Task<'p> {
    pub(super) output: &'p Output<'p>,
    /// Its place in the grid of what is written.
    pub(super) place: Vec<u64>,
}

impl Task<'_> {
    /// Bytes of the chunk, before it is compressed.
    pub(super) fn bytes(&self) -> u64 {
        self.output.planned.chunk_bytes()
    }

    /// Writes the chunk, unless it is there. Whether it was written.
    pub(super) async fn run(self, store: &Store, read: ReadOptions) -> Result<bool, ExportError> {
        let (output, planned) = (self.output, self.output.planned);
        if output.has(&self.place) {
            return Ok(false);
        }
        let writer = output.writer(&self.place);
        let written = if let Some(encoded) = planned.inline() {
            tokio::task::spawn_blocking(move || writer.write_encoded(&encoded))
        } else {
            let (plain, padding) = (self.read(store, read).await?, planned.padding(&self.place));
            tokio::task::spawn_blocking(move || {
                writer.write(match padding {
                    Some(padding) => padding.pad(&plain),
                    None => plain.into(),
                })
            })
        };
        match written.await {
            Ok(written) => written.map(|()| true),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn read(&self, store: &Store, read: ReadOptions) -> Result<Bytes, ExportError> {
        let planned = self.output.planned;
        let selection = Selection::slices(planned.slices(&self.place));
        let elements = store.read(&planned.path, &selection, read).await;
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

//! Arrays whose elements the store converts, or the scan where they are few.

use chunkref_hdf5::Layout as Hdf5Layout;
use chunkref_manifest::{Array, Codec, Conversion, Layout};

use crate::absent::written_out;
use crate::contiguous::split;
use crate::dataset::{Mapped, Mapper, Named};
use crate::fill_value::Fill;
use crate::late::Then;
use crate::layout::{Encoding, Failure};
use crate::raw::Extent;

impl Mapper<'_> {
    /// An array whose elements the store converts.
    pub(crate) fn converted(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        axes: &[u64],
        fill: &Fill,
        conversion: Conversion,
    ) -> Result<Mapped, Failure> {
        let dataset = named.dataset;
        let absent = fill.with_pattern_converted(Some(&conversion))?;
        let small = extent.bytes <= self.options.inlined();
        let layout = match &dataset.layout {
            Hdf5Layout::Contiguous { address, size } => {
                let run = self.granule.run(named.path, *address, *size, extent)?;
                let Some(run) = run.filter(|_| extent.bytes > 0) else {
                    return self.absent(named, array, extent, &absent);
                };
                let stored_size = u64::from(conversion.stored_size);
                let whole = || array.shape.clone();
                let chunk_shape = split(&array.shape, stored_size, self.options.split_size);
                let chunk_shape = chunk_shape.unwrap_or_else(whole);
                self.granule
                    .chunks_of_run(&run, &array.shape, chunk_shape)?
            }
            Hdf5Layout::Chunked { .. } => {
                let data = self.granule.chunked(named.path, dataset, extent)?;
                if data.chunks.indices.is_empty() {
                    return self.absent(named, array, extent, &absent);
                }
                let Encoding { codecs, masks, .. } = data.encoding(extent)?;
                let mut chunk_shape = data.chunk_shape.to_vec();
                chunk_shape.extend_from_slice(axes);
                let location = self.granule.location;
                let mut chunks = data.table(location, axes.len(), masks.as_deref())?;
                if let Fill::Pattern(pattern) = fill {
                    let (bytes, limit) = (data.chunk_bytes, self.options.fill_limit);
                    chunks = written_out(&chunks, pattern, bytes, None, limit)?;
                }
                Layout::Chunked {
                    chunk_shape,
                    codecs,
                    chunks,
                    fill_chunk: None,
                }
            }
            _ => {
                let then = Then::Plain(Some(conversion));
                return self.padded(named, array, extent.clone(), fill, then);
            }
        };
        let mut array = Array { layout, ..array };
        let stored = match &array.layout {
            Layout::Chunked { chunks, .. } => chunks.stored_bytes(),
            _ => 0,
        };
        if small && stored <= self.options.inlined() {
            let then = Then::Plain(Some(conversion));
            return self.padded(named, array, extent.clone(), fill, then);
        }
        let reason = conversion.reason.clone();
        if let Layout::Chunked { codecs, .. } = &mut array.layout {
            codecs.insert(0, Codec::Convert(conversion));
        }
        Ok(Mapped::Beyond(Box::new(array), reason))
    }
}

//! Arrays whose data lies in other files.

use bytes::Bytes;
use chunkref_hdf5::Padding;
use chunkref_manifest::{Array, Layout, Segment};

use crate::contiguous::{nominal, split};
use crate::dataset::{Mapped, Mapper, Named, element_size};
use crate::element::Variable;
use crate::elsewhere::Data;
use crate::external::table;
use crate::fill_value::{Fill, fill, fill_chunk};
use crate::late::{Late, Then};
use crate::layout::Failure;
use crate::raw::Extent;
use crate::report::Outcome;
use crate::virtual_dataset::{Aligned, Virtual, aligned, joined};

/// Chunks that the store puts together have at most so many bytes.
const MAX_CHUNK: u64 = 64 << 20;

impl Mapper<'_> {
    /// An array whose data lies in other files; fixed strings are padded as given, if that must
    /// be rewritten.
    pub(crate) fn elsewhere(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        fill: &Fill,
        padding: Option<(u32, Padding)>,
        warnings: &mut Vec<String>,
    ) -> Result<Mapped, Failure> {
        let layout = match self.elsewhere.get(named.address)? {
            _ if extent.bytes == 0 => return self.absent(named, array, extent, fill),
            Data::External(segments, said) => {
                warnings.extend(said.iter().cloned());
                self.external(&array, extent, segments)
            }
            Data::Virtual(found) => {
                warnings.extend(found.warnings.iter().cloned());
                if found.mappings.is_empty() && padding.is_none() {
                    return self.absent(named, array, extent, fill);
                }
                match fill {
                    Fill::Pattern(pattern) => {
                        let layout = self.filled(&array, extent, pattern)?;
                        let below = Array {
                            layout,
                            ..array.clone()
                        };
                        let found = found.over(below);
                        self.virtual_layout(named, &array, extent, fill, &found)
                    }
                    _ => self.virtual_layout(named, &array, extent, fill, found),
                }
            }
        };
        let mut array = Array { layout, ..array };
        if padding.is_some() {
            let limit = self.options.string_limit;
            if extent.bytes > limit {
                return Err(format!(
                    "strings of this kind are read and inlined, and these {} bytes are over the limit of {limit}",
                    extent.bytes
                )
                .into());
            }
        }
        if padding.is_some() || extent.bytes <= self.options.inline_threshold {
            let then = Then::Store { padding };
            return Ok(Mapped::Late(Box::new(Late::new(named.path, array, then))));
        }
        if let Some(reason) = array.beyond_zarr() {
            // Nobody asks for it in place of an absent chunk.
            if let Layout::Chunked { fill_chunk, .. } = &mut array.layout {
                *fill_chunk = None;
            }
            return Ok(Mapped::Beyond(Box::new(array), reason));
        }
        Ok(Mapped::Ready(Box::new(array), Outcome::Referenced))
    }

    /// Elements of variable length: strings, which the scans of the sources have read.
    pub(crate) fn variable_elsewhere(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        variable: &Variable,
        warnings: &mut Vec<String>,
    ) -> Result<Mapped, Failure> {
        if *variable != Variable::Strings {
            return Err(
                "sequences, references and what holds them are not read from other files".into(),
            );
        }
        if array.shape.len() != extent.shape.len() {
            return Err("arrays of variable-length strings are not read from other files".into());
        }
        let Data::Virtual(found) = self.elsewhere.get(named.address)? else {
            return Err(
                "variable-length strings in external data files, which have no heap".into(),
            );
        };
        warnings.extend(found.warnings.iter().cloned());
        let limit = self.options.string_limit;
        if extent.bytes > limit {
            return Err(format!(
                "{} variable-length strings, whose references alone are over the limit of {limit} \
                 bytes (--string-limit)",
                extent.elements
            )
            .into());
        }
        if fill(named.dataset)? != Fill::Zero {
            return Err("a virtual dataset of strings with a fill value".into());
        }
        let data = joined(&array.shape, found, self.options.string_limit)?;
        let layout = Layout::Inline { data };
        Ok(Mapped::Ready(
            Box::new(Array { layout, ..array }),
            Outcome::Inlined,
        ))
    }

    fn external(&self, array: &Array, extent: &Extent, segments: &[Segment]) -> Layout {
        let size = element_size(array, extent);
        let most = self.options.split_size.min(MAX_CHUNK);
        if let [
            Segment {
                place: Some((location, offset)),
                length,
            },
        ] = segments
            && let Some(chunk_shape) = split(&array.shape, size, self.options.split_size)
        {
            return Layout::Contiguous {
                location: *location,
                offset: *offset,
                length: *length,
                chunk_shape,
            };
        }
        if let Some((chunk_shape, chunks)) = table(segments, &array.shape, size, most) {
            return Layout::Chunked {
                chunk_shape,
                codecs: Vec::new(),
                chunks,
                fill_chunk: None,
            };
        }
        Layout::External {
            segments: segments.to_vec(),
            chunk_shape: nominal(&array.shape, size, most),
        }
    }

    fn virtual_layout(
        &self,
        named: Named<'_>,
        array: &Array,
        extent: &Extent,
        fill: &Fill,
        found: &Virtual,
    ) -> Layout {
        let most = self.options.split_size.min(MAX_CHUNK);
        let chunks = aligned(array, &found.sources, &found.mappings, most);
        if let Some(layout) = chunks.and_then(|chunks| self.chunks(named, array, fill, chunks)) {
            return layout;
        }
        let size = element_size(array, extent);
        Layout::Virtual {
            chunk_shape: nominal(&array.shape, size, most),
            sources: found.sources.clone(),
            mappings: found.mappings.clone(),
        }
    }

    /// Chunks of sources; `None` where those that are absent can't be said.
    fn chunks(
        &self,
        named: Named<'_>,
        array: &Array,
        fill: &Fill,
        aligned: Aligned,
    ) -> Option<Layout> {
        let Aligned {
            chunk_shape,
            codecs,
            chunks,
        } = aligned;
        let size = u64::from(array.data_type.size()?);
        let chunk_bytes = chunk_shape
            .iter()
            .try_fold(size, |bytes, &axis| bytes.checked_mul(axis))?;
        let count = chunks.cells().saturating_sub(chunks.stored());
        let absent = self.absence(count, chunk_bytes);
        let (decoder, object, dataset) = (self.decoder, named.object, named.dataset);
        let plain = fill_chunk(decoder, object, dataset, array, fill, absent, &[]).ok()?;
        let fill_chunk = match plain {
            Some(plain) => {
                let encoded = chunkref_store::pipeline(&codecs)?.encode(&plain).ok()?;
                let length = u64::try_from(encoded.len()).ok()?;
                let fits = length.checked_mul(count)? <= self.options.fill_limit;
                fits.then(|| Some(Bytes::from(encoded)))?
            }
            None => None,
        };
        Some(Layout::Chunked {
            chunk_shape,
            codecs,
            chunks,
            fill_chunk,
        })
    }
}

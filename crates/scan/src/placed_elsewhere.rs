//! Arrays whose data lies in other files.

use bytes::Bytes;
use chunkref_manifest::{Array, Attributes, Codec, Conversion, DataType, Layout, Segment, zarr};

use crate::contiguous::{nominal, split};
use crate::data_type::{refers, split_axes};
use crate::dataset::{Mapped, Mapper, Named, element_size};
use crate::element::Variable;
use crate::elsewhere::Data;
use crate::external::table;
use crate::fill_value::{Fill, fill, fill_chunk};
use crate::late::{After, Late, Then};
use crate::layout::{Failure, Granule};
use crate::raw::Extent;
use crate::report::Outcome;
use crate::virtual_dataset::{Aligned, Virtual, aligned, joined};

/// Chunks that the store puts together have at most so many bytes.
const MAX_CHUNK: u64 = 64 << 20;

impl Mapper<'_> {
    /// An array whose data lies in other files; `after` is what must be done with its elements.
    pub(crate) fn elsewhere(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        fill: &Fill,
        after: After,
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
                if found.mappings.is_empty() && after == After::Keep {
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
        if after != After::Keep || extent.bytes <= self.options.inlined() {
            return self.read_by_the_store(named, array, extent, after);
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

    /// An array that the store reads now, to be inlined.
    fn read_by_the_store(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        after: After,
    ) -> Result<Mapped, Failure> {
        let limit = self.options.string_limit;
        if after != After::Keep && extent.bytes > limit {
            return Err(format!(
                "elements of this kind are read and inlined, and these {} bytes are over the limit \
                 of {limit} (--string-limit)",
                extent.bytes
            )
            .into());
        }
        let late = Late::new(named.path, array, Then::Store(after));
        Ok(Mapped::Late(Box::new(late)))
    }

    /// An array in external data files whose elements are converted: by the store where they lie in
    /// chunks, else now.
    pub(crate) fn converted_elsewhere(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        fill: &Fill,
        conversion: Conversion,
        warnings: &mut Vec<String>,
    ) -> Result<Mapped, Failure> {
        let Data::External(segments, said) = self.elsewhere.get(named.address)? else {
            return Err("a virtual dataset whose elements are converted".into());
        };
        if extent.bytes == 0 {
            let fill = fill.with_pattern_converted(Some(&conversion))?;
            return self.absent(named, array, extent, &fill);
        }
        warnings.extend(said.iter().cloned());
        let unconverted = Array {
            data_type: DataType::Raw {
                length: conversion.stored_size,
            },
            ..array.clone()
        };
        let layout = self.external(&unconverted, extent, segments);
        let small = extent.bytes <= self.options.inlined();
        let layout = match layout {
            Layout::Contiguous {
                location,
                offset,
                length,
                chunk_shape,
            } if !small => {
                let there = Granule {
                    location,
                    size: None,
                    base_address: 0,
                    is_paged: false,
                };
                let run = offset..offset.saturating_add(length);
                there.chunks_of_run(&run, &array.shape, chunk_shape)?
            }
            layout => layout,
        };
        let mut array = Array { layout, ..array };
        match &mut array.layout {
            Layout::Chunked { codecs, .. } if !small => {
                let reason = conversion.reason.clone();
                codecs.insert(0, Codec::Convert(conversion));
                Ok(Mapped::Beyond(Box::new(array), reason))
            }
            _ if self.is_source => Err(format!(
                "a source whose elements are converted ({}), and whose external data files do not \
                 end where chunks can",
                conversion.reason
            )
            .into()),
            _ => self.read_by_the_store(named, array, extent, After::Convert(conversion)),
        }
    }

    /// Elements of variable length, which the scans of the sources have read.
    pub(crate) fn variable_elsewhere(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        variable: &Variable,
        warnings: &mut Vec<String>,
    ) -> Result<Mapped, Failure> {
        let (_, element) = split_axes(&named.dataset.datatype);
        if refers(element) {
            // libhdf5 gives the addresses of the sources, which mean nothing in this file.
            return Err("references through a virtual dataset, or in external data files".into());
        }
        let Data::Virtual(found) = self.elsewhere.get(named.address)? else {
            return Err(
                "elements of variable length in external data files, which have no heap".into(),
            );
        };
        warnings.extend(found.warnings.iter().cloned());
        let limit = self.options.string_limit;
        if extent.bytes > limit {
            return Err(format!(
                "{} elements of variable length, whose references alone are over the limit of \
                 {limit} bytes (--string-limit)",
                extent.elements
            )
            .into());
        }
        if fill(named.dataset)? != Fill::Zero {
            return Err(
                "a virtual dataset of elements of variable length with a fill value".into(),
            );
        }
        let nothing = match variable {
            Variable::Json if extent.bytes > 0 => {
                // Within the limit: where there are no elements, none are needed.
                let size = u64::from(element.size()).min(extent.bytes);
                let zeros = vec![0; usize::try_from(size).unwrap_or(0)];
                let value = self.decoder.element(element, &zeros)?;
                zarr::value_json(&value).to_string()
            }
            _ => String::new(),
        };
        let data = joined(&array, found, nothing.as_bytes(), limit)?;
        let attributes = match variable {
            Variable::Sequences { attributes, .. } => attributes.clone(),
            _ => Attributes::new(),
        };
        let array = Array {
            layout: Layout::Inline { data },
            attributes,
            ..array
        };
        Ok(Mapped::Ready(Box::new(array), Outcome::Inlined))
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

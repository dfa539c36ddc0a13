//! A dataset as an array.

use chunkref_hdf5::{Address, Dataset, Dataspace, Datatype, Layout as Hdf5Layout, Object, Padding};
use chunkref_manifest::{Array, Attributes, Layout};

use crate::absent::written_out;
use crate::codec;
use crate::contiguous::split;
use crate::data_type::split_axes;
use crate::dimension::{Dimensions, Scope};
use crate::element::{Fixed, Plan, plan};
use crate::elsewhere::{Elsewhere, is_elsewhere, is_virtual};
use crate::fill_value::{Fill, fill, fill_chunk, needs_fill_chunk};
use crate::late::{After, Late, Then};
use crate::layout::{Encoding, Failure, Granule, extent};
use crate::options::ScanOptions;
use crate::raw::{Extent, Raw};
use crate::report::Outcome;
use crate::value::Decoder;

/// What became of a dataset.
#[derive(Debug)]
pub(crate) enum Mapped {
    /// An array that is complete.
    Ready(Box<Array>, Outcome),
    /// An array that is complete, which no Zarr codec decodes, and why.
    Beyond(Box<Array>, String),
    /// An array whose data is still to be read and put into the manifest.
    Late(Box<Late>),
}

/// What datasets are mapped with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapper<'a> {
    pub(crate) granule: Granule,
    pub(crate) options: &'a ScanOptions,
    pub(crate) decoder: &'a Decoder<'a>,
    pub(crate) dimensions: &'a Dimensions<'a>,
    /// Where the data of datasets lies that is not in the file.
    pub(crate) elsewhere: &'a Elsewhere,
    /// Whether the arrays are sources of virtual datasets: the store reads them as they are, and
    /// no document describes them.
    pub(crate) is_source: bool,
}

/// A dataset under one of its names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) path: &'a str,
    pub(crate) scope: Scope<'a>,
    pub(crate) address: Address,
    pub(crate) object: &'a Object,
    pub(crate) dataset: &'a Dataset,
}

impl Mapper<'_> {
    /// The array for a dataset, without attributes.
    pub(crate) fn map(
        &self,
        named: Named<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Mapped, Failure> {
        let grown = self.grown(named, warnings);
        let named = Named {
            dataset: grown.as_ref().unwrap_or(named.dataset),
            ..named
        };
        let dataset = named.dataset;
        if dataset.dataspace == Dataspace::Null {
            return Err("a null dataspace: it has no value".into());
        }
        let (axes, element) = split_axes(&dataset.datatype);
        let plan = plan(element)?;
        let extent = extent(dataset)?;
        let axes: Vec<u64> = axes.into_iter().map(u64::from).collect();
        let mut shape = extent.shape.clone();
        shape.extend_from_slice(&axes);
        let dimensions = self.dimensions;
        let array = Array {
            dimension_names: dimensions.names(named.scope, named.address, dataset, &axes, warnings),
            shape,
            data_type: plan.data_type(),
            fill_value: None,
            attributes: Attributes::new(),
            layout: Layout::Inline {
                data: bytes::Bytes::new(),
            },
        };
        let Fixed {
            conversion,
            remarks,
            ..
        } = match plan {
            Plan::Read(variable) if is_elsewhere(dataset) => {
                return self.variable_elsewhere(named, array, &extent, &variable, warnings);
            }
            Plan::Read(variable) => return self.variable(named, array, extent, variable),
            Plan::Fixed(fixed) => fixed,
        };
        warnings.extend(remarks);
        if extent.element_size == 0 {
            return Err("elements of 0 bytes".into());
        }
        let fill = fill(dataset)?;
        let array = Array {
            fill_value: fill.converted(conversion.as_ref())?,
            ..array
        };
        if let Some(padding) = self.padding(element, &extent, dataset, warnings) {
            let length = element.size();
            if is_elsewhere(dataset) {
                let after = After::Pad { length, padding };
                return self.elsewhere(named, array, &extent, &fill, after, warnings);
            }
            return self.padded(named, array, extent, &fill, Then::Pad { length, padding });
        }
        let Some(conversion) = conversion.as_ref().filter(|_| !is_virtual(dataset)) else {
            let fill = fill.with_pattern_converted(conversion.as_ref())?;
            return self.placed(named, array, &extent, &axes, &fill, warnings);
        };
        let conversion = conversion.clone();
        if is_elsewhere(dataset) {
            return self.converted_elsewhere(named, array, &extent, &fill, conversion, warnings);
        }
        self.converted(named, array, &extent, &axes, &fill, conversion)
    }

    /// The padding of fixed strings that must be rewritten for NumPy to read the same strings.
    fn padding(
        &self,
        element: &Datatype,
        extent: &Extent,
        dataset: &Dataset,
        warnings: &mut Vec<String>,
    ) -> Option<Padding> {
        let Datatype::String { size, padding, .. } = element else {
            return None;
        };
        match padding {
            _ if self.is_source => None,
            Padding::NullPadded => None,
            Padding::SpacePadded => Some(Padding::SpacePadded),
            // What follows the NUL within a string is no part of it, but is there in the chunks.
            Padding::NullTerminated if *size == 1 => None,
            Padding::NullTerminated if extent.bytes <= self.options.inlined() => {
                Some(Padding::NullTerminated)
            }
            Padding::NullTerminated => {
                if !dataset.filters.is_empty() || extent.bytes > 0 {
                    warnings.push(
                        "NUL-terminated strings are referenced as they are: bytes after the NUL, if \
                         the writer left any, will show"
                            .to_owned(),
                    );
                }
                None
            }
        }
    }

    /// An array whose bytes Zarr can read where they lie.
    fn placed(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        axes: &[u64],
        fill: &Fill,
        warnings: &mut Vec<String>,
    ) -> Result<Mapped, Failure> {
        if is_elsewhere(named.dataset) {
            return self.elsewhere(named, array, extent, fill, After::Keep, warnings);
        }
        match &named.dataset.layout {
            Hdf5Layout::Compact { data } => {
                let length = usize::try_from(extent.bytes).unwrap_or(usize::MAX);
                if data.len() < length {
                    return Err(
                        format!("compact data of {} bytes, expected {length}", data.len()).into(),
                    );
                }
                let data = data.slice(..length);
                Ok(Mapped::Ready(
                    Box::new(Array {
                        layout: Layout::Inline { data },
                        ..array
                    }),
                    Outcome::Inlined,
                ))
            }
            Hdf5Layout::Contiguous { address, size } => {
                let run = self.granule.run(named.path, *address, *size, extent)?;
                match run.filter(|_| extent.bytes > 0) {
                    Some(run) => Ok(self.contiguous(named, array, extent, run.start, warnings)),
                    None => self.absent(named, array, extent, fill),
                }
            }
            Hdf5Layout::Chunked { .. } => self.chunked(named, array, extent, axes, fill),
            Hdf5Layout::Virtual { .. } => Err("its sources were not looked for".into()),
        }
    }

    fn contiguous(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        offset: u64,
        warnings: &mut Vec<String>,
    ) -> Mapped {
        let (element_size, most) = (element_size(&array, extent), self.options.split_size);
        let chunk_shape = split(&array.shape, element_size, most).unwrap_or_else(|| {
            warnings.push(format!(
                "{} contiguous bytes of shape {:?} stay one chunk: no chunk length divides an axis",
                extent.bytes, array.shape
            ));
            array.shape.clone()
        });
        let array = Array {
            layout: Layout::Contiguous {
                location: self.granule.location,
                offset,
                length: extent.bytes,
                chunk_shape,
            },
            ..array
        };
        self.inlined_if_small(named, array, extent.bytes)
    }

    fn inlined_if_small(&self, named: Named<'_>, array: Array, stored: u64) -> Mapped {
        if stored > self.options.inlined_data(self.granule.is_paged) {
            return Mapped::Ready(Box::new(array), Outcome::Referenced);
        }
        Mapped::Late(Box::new(Late::new(named.path, array, Then::Inline)))
    }

    fn chunked(
        &self,
        named: Named<'_>,
        array: Array,
        extent: &Extent,
        axes: &[u64],
        fill: &Fill,
    ) -> Result<Mapped, Failure> {
        let dataset = named.dataset;
        let data = self.granule.chunked(named.path, dataset, extent)?;
        if data.chunks.indices.is_empty() {
            return self.absent(named, array, extent, fill);
        }
        let Encoding {
            pipeline,
            mut codecs,
            masks,
        } = data.encoding(extent)?;
        let absent = self.absence(data.absent(), data.chunk_bytes);
        if !codec::encodes(&pipeline)
            && needs_fill_chunk(
                self.decoder,
                named.object,
                dataset,
                &array.data_type,
                fill,
                absent,
            )
        {
            codecs = codec::for_the_store(&pipeline);
        }
        let mut chunk_shape = data.chunk_shape.to_vec();
        chunk_shape.extend_from_slice(axes);
        let chunks = data.table(self.granule.location, axes.len(), masks.as_deref())?;
        let stored = chunks.stored_bytes();
        let mut array = Array {
            layout: Layout::Chunked {
                chunk_shape,
                codecs,
                chunks,
                fill_chunk: None,
            },
            ..array
        };
        let beyond_zarr = array.beyond_zarr();
        if let (Fill::Pattern(pattern), Layout::Chunked { chunks, .. }) = (fill, &mut array.layout)
        {
            let as_stored = beyond_zarr.is_none() && codec::encodes(&pipeline);
            let pipeline = as_stored.then_some(&*pipeline);
            let limit = self.options.fill_limit;
            *chunks = written_out(chunks, pattern, data.chunk_bytes, pipeline, limit)?;
        }
        if let Some(reason) = beyond_zarr {
            return if stored.max(extent.bytes) <= self.options.inlined() {
                self.padded(named, array, extent.clone(), fill, Then::Plain(None))
            } else {
                Ok(Mapped::Beyond(Box::new(array), reason))
            };
        }
        let decoder = self.decoder;
        let object = named.object;
        let encoded = fill_chunk(decoder, object, dataset, &array, fill, absent, &pipeline)?;
        if let Layout::Chunked { fill_chunk, .. } = &mut array.layout {
            *fill_chunk = encoded;
        }
        Ok(self.inlined_if_small(named, array, stored))
    }

    /// Strings of fixed length that are padded otherwise than NumPy's: the scan reads them.
    pub(crate) fn padded(
        &self,
        named: Named<'_>,
        array: Array,
        extent: Extent,
        fill: &Fill,
        then: Then,
    ) -> Result<Mapped, Failure> {
        let element = fill.repeated().cloned().unwrap_or_default();
        // All elements are written out, so that none is left to the fill value.
        let array = Array {
            fill_value: None,
            ..array
        };
        self.read_late(named, array, extent, &element, then)
    }

    pub(crate) fn read_late(
        &self,
        named: Named<'_>,
        array: Array,
        extent: Extent,
        fill: &[u8],
        then: Then,
    ) -> Result<Mapped, Failure> {
        let raw = self.raw(named, &extent)?;
        let moved = raw.ranges().iter().fold(0_u64, |sum, range| {
            sum.saturating_add(range.end.saturating_sub(range.start))
        });
        let limit = self.options.string_limit;
        let bytes = extent.bytes.max(moved);
        if bytes > limit {
            return Err(format!(
                "elements of this kind are read and inlined, and these {bytes} bytes are over the \
                 limit of {limit} (--string-limit)"
            )
            .into());
        }
        let late = Late::new(named.path, array, then).with_raw(raw, extent, fill.to_vec());
        Ok(Mapped::Late(Box::new(late)))
    }

    fn raw(&self, named: Named<'_>, extent: &Extent) -> Result<Raw, Failure> {
        if extent.bytes == 0 {
            return Ok(Raw::Nothing);
        }
        match &named.dataset.layout {
            Hdf5Layout::Compact { data } => Ok(Raw::Held(data.clone())),
            Hdf5Layout::Contiguous { address, size } => {
                let run = self.granule.run(named.path, *address, *size, extent)?;
                Ok(run.map_or(Raw::Nothing, Raw::Run))
            }
            Hdf5Layout::Chunked { .. } => {
                let data = self.granule.chunked(named.path, named.dataset, extent)?;
                if data.chunk_bytes > self.options.string_limit {
                    return Err(format!(
                        "chunks of {} bytes that are read and inlined, over the limit of {} (--string-limit)",
                        data.chunk_bytes, self.options.string_limit
                    )
                    .into());
                }
                Ok(data.raw(extent)?)
            }
            Hdf5Layout::Virtual { .. } => Err("its sources were not looked for".into()),
        }
    }
}

/// Size in bytes of an element of the array, where that of the dataset may be an array of them.
pub(crate) fn element_size(array: &Array, extent: &Extent) -> u64 {
    array
        .data_type
        .size()
        .map_or(extent.element_size, u64::from)
}

//! Fill values, and the encoded chunk that stands for absent ones.

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_hdf5::{Dataset, Datatype, FillValue, Object};
use chunkref_manifest::{Array, Conversion, DataType};

use crate::attribute::find;
use crate::data_type::{Refusal, split_axes};
use crate::value::{Decoder, same};

/// A chunk of fill values is not made larger than this, in bytes, before it is encoded.
const MAX_CHUNK: u64 = 64 << 20;

/// The fill value of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Zeros.
    Zero,
    /// One element.
    Value(Bytes),
    /// All elements of an array datatype, which differ: no document says them, so that absent
    /// chunks are written out, see [`crate::absent`].
    Pattern(Bytes),
}

impl Fill {
    /// What is stored over and over where nothing was written: `None` for zeros.
    pub(crate) fn repeated(&self) -> Option<&Bytes> {
        match self {
            Self::Value(bytes) | Self::Pattern(bytes) => Some(bytes),
            Self::Zero => None,
        }
    }

    /// The element for the manifest: `None` for zeros, and where there is no single one.
    pub(crate) fn element(&self) -> Option<Bytes> {
        match self {
            Self::Value(element) => Some(element.clone()),
            Self::Zero | Self::Pattern(_) => None,
        }
    }

    /// The element for the manifest, converted.
    ///
    /// # Errors
    /// The reason, where it can't be converted.
    pub(crate) fn converted(
        &self,
        conversion: Option<&Conversion>,
    ) -> Result<Option<Bytes>, Refusal> {
        self.element()
            .map(|stored| apply(conversion, stored))
            .transpose()
    }

    /// For chunks that are written out converted. A single element stays as it is stored: it is
    /// compared with attributes, and written as the manifest has it.
    ///
    /// # Errors
    /// The reason, where it can't be converted.
    pub(crate) fn with_pattern_converted(
        &self,
        conversion: Option<&Conversion>,
    ) -> Result<Self, Refusal> {
        Ok(match self {
            Self::Pattern(stored) => Self::Pattern(apply(conversion, stored.clone())?),
            other => other.clone(),
        })
    }
}

fn apply(conversion: Option<&Conversion>, stored: Bytes) -> Result<Bytes, Refusal> {
    match conversion.map(|one| one.apply(&stored)) {
        None => Ok(stored),
        Some(Ok(converted)) => Ok(converted.into()),
        Some(Err(reason)) => Err(format!("its fill value: {reason}")),
    }
}

/// The fill value of a dataset, as one element of the innermost type.
///
/// # Errors
/// The reason, where it is not one element of the dataset's type.
pub(crate) fn fill(dataset: &Dataset) -> Result<Fill, Refusal> {
    let FillValue::Value(bytes) = &dataset.fill_value else {
        return Ok(Fill::Zero);
    };
    if bytes.is_empty() || bytes.iter().all(|&byte| byte == 0) {
        return Ok(Fill::Zero);
    }
    let (_, element) = split_axes(&dataset.datatype);
    let whole = usize::try_from(dataset.datatype.size()).unwrap_or(usize::MAX);
    let size = usize::try_from(element.size()).unwrap_or(usize::MAX);
    if bytes.len() != whole || size == 0 {
        return Err(format!(
            "a fill value of {} bytes for elements of {whole}",
            bytes.len()
        ));
    }
    let mut elements = bytes.chunks_exact(size);
    let first = elements.next().unwrap_or_default();
    Ok(if elements.all(|element| element == first) {
        Fill::Value(bytes.slice(..size))
    } else {
        Fill::Pattern(bytes.clone())
    })
}

/// Whether the attribute `_FillValue` says the same, so that the documents can.
fn is_attribute(decoder: &Decoder<'_>, object: &Object, datatype: &Datatype, fill: &[u8]) -> bool {
    let Some(attribute) = find(object, "_FillValue") else {
        return false;
    };
    let count = attribute.dataspace.elements();
    let own = decoder.element(datatype, fill);
    let said = decoder.elements(&attribute.datatype, &attribute.data, 1);
    match (count, own, said.as_deref()) {
        (Some(1), Ok(own), Ok([said])) => same(&own, said),
        _ => false,
    }
}

/// Absent chunks of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absent {
    /// How many.
    pub(crate) count: u64,
    /// Bytes of each before it is encoded.
    pub(crate) chunk_bytes: u64,
    /// Most bytes that their replacements may take together.
    pub(crate) limit: u64,
}

/// Whether there are absent chunks whose value the documents can't say.
pub(crate) fn needs_fill_chunk(
    decoder: &Decoder<'_>,
    object: &Object,
    dataset: &Dataset,
    data_type: &DataType,
    fill: &Fill,
    absent: Absent,
) -> bool {
    let (_, stored) = split_axes(&dataset.datatype);
    match fill {
        _ if absent.count == 0 => false,
        Fill::Zero => data_type.casts_zero(),
        Fill::Pattern(_) => true,
        // Documents say no fill value of these types, see `zarr::v2`.
        Fill::Value(_)
            if matches!(stored, Datatype::Compound(_))
                || matches!(data_type, DataType::Raw { .. } | DataType::Record { .. }) =>
        {
            true
        }
        Fill::Value(element) => !is_attribute(decoder, object, stored, element),
    }
}

/// The encoded chunk to write in place of absent ones, where the documents can't say the value.
///
/// # Errors
/// The reason, where that would take too many bytes.
pub(crate) fn fill_chunk(
    decoder: &Decoder<'_>,
    object: &Object,
    dataset: &Dataset,
    array: &Array,
    fill: &Fill,
    absent: Absent,
    pipeline: &[Filter],
) -> Result<Option<Bytes>, Refusal> {
    if !needs_fill_chunk(decoder, object, dataset, &array.data_type, fill, absent) {
        return Ok(None);
    }
    // As it is in the array: converted, where that is done.
    let element: &[u8] = match (fill, &array.fill_value) {
        (Fill::Zero, _) => &[0],
        (Fill::Pattern(pattern), _) => pattern,
        (Fill::Value(_), Some(element)) => element,
        (Fill::Value(_), None) => return Ok(None),
    };
    encoded_chunk(element, absent, pipeline).map(Some)
}

/// A chunk of `element` over and over, encoded, to be written in place of every absent one.
///
/// # Errors
/// The reason, where all of them would take too many bytes.
pub(crate) fn encoded_chunk(
    element: &[u8],
    absent: Absent,
    pipeline: &[Filter],
) -> Result<Bytes, Refusal> {
    let too_large = |bytes: u64| {
        format!(
            "{} absent chunks hold a fill value that documents can't say; writing them out \
             takes {bytes} bytes, over the limit of {}",
            absent.count, absent.limit
        )
    };
    if absent.chunk_bytes > MAX_CHUNK {
        return Err(too_large(absent.chunk_bytes.saturating_mul(absent.count)));
    }
    let length = usize::try_from(absent.chunk_bytes).map_err(|_| too_large(absent.chunk_bytes))?;
    let plain: Vec<u8> = element.iter().copied().cycle().take(length).collect();
    let encoded = Pipeline::new(pipeline)
        .encode(&plain)
        .map_err(|error| format!("encoding a chunk of fill values: {error}"))?;
    let total = u64::try_from(encoded.len())
        .unwrap_or(u64::MAX)
        .saturating_mul(absent.count);
    if total > absent.limit {
        return Err(too_large(total));
    }
    Ok(encoded.into())
}

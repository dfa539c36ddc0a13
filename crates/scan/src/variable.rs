//! Elements whose values lie in the global heap, or that refer to objects: read by the scan, and
//! written into the manifest.

use std::collections::{BTreeSet, HashSet};

use bytes::{BufMut, Bytes, BytesMut};
use chunkref_hdf5::{Datatype, File, FillValue, HeapId, heap_ids, is_variable};
use chunkref_manifest::{Array, Attributes, Conversion, DataType, Value, zarr};

use crate::data_type::{Refusal, split_axes};
use crate::dataset::{Mapped, Mapper, Named};
use crate::element::Variable;
use crate::late::Then;
use crate::layout::Failure;
use crate::raw::Extent;
use crate::strings::{held, references};
use crate::value::{Decoder, HeapReference, before_nul};

impl Mapper<'_> {
    /// Elements that lie elsewhere or refer to objects: the scan reads them.
    pub(crate) fn variable(
        &self,
        named: Named<'_>,
        array: Array,
        extent: Extent,
        variable: Variable,
    ) -> Result<Mapped, Failure> {
        // The fill value is a reference like any other.
        let fill = match &named.dataset.fill_value {
            FillValue::Value(bytes) if u64::try_from(bytes.len()) == Ok(extent.element_size) => {
                bytes.clone()
            }
            FillValue::Value(bytes) if !bytes.is_empty() => {
                let (length, size) = (bytes.len(), extent.element_size);
                return Err(
                    format!("a fill value of {length} bytes for elements of {size}").into(),
                );
            }
            _ => bytes::Bytes::new(),
        };
        let (_, element) = split_axes(&named.dataset.datatype);
        let then = Then::Read {
            datatype: element.clone(),
            variable,
        };
        self.read_late(named, array, extent, &fill, then)
    }
}

/// Elements as the manifest has them.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) data_type: DataType,
    /// In the framing of `VLenUTF8` and `VLenBytes` of `NumCodecs`.
    pub(crate) data: Bytes,
    /// What tells readers of their type.
    pub(crate) attributes: Attributes,
    /// What may surprise.
    pub(crate) remark: Option<String>,
}

/// Fails where strings or sequences promise more than `limit` bytes.
///
/// # Errors
/// The reason.
pub(crate) fn check(
    datatype: &Datatype,
    variable: &Variable,
    raw: &[u8],
    limit: u64,
) -> Result<(), Refusal> {
    let width = usize::try_from(datatype.size()).unwrap_or(usize::MAX);
    let size = match variable {
        Variable::Strings => 1,
        Variable::Sequences { stored_size, .. } => u64::from(*stored_size),
        Variable::Paths | Variable::Json => return Ok(()),
    };
    references(raw, width, size, limit).map(drop)
}

/// Objects of the global heap that elements refer to, at all levels that were read so far. Each
/// object is looked at once for each of its types, however often it is referred to.
pub(crate) fn missing(datatype: &Datatype, raw: &[u8], file: &File) -> BTreeSet<HeapId> {
    let mut missing = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut next = vec![(datatype, raw)];
    while let Some((datatype, raw)) = next.pop() {
        let sizes = file.superblock.sizes;
        heap_ids(
            datatype,
            raw,
            sizes,
            &mut |id, element| match (file.heap_object(id), element) {
                (None, _) => {
                    if !file.heap.is_settled(id) {
                        missing.insert(id);
                    }
                }
                (Some(bytes), Some(element)) if is_variable(element) => {
                    if seen.insert((id, std::ptr::from_ref(element))) {
                        next.push((element, bytes));
                    }
                }
                (Some(_), _) => {}
            },
        );
    }
    missing
}

/// The elements, all of whose heap objects were read.
///
/// # Errors
/// The reason, where one can't be said, or all together take more than `limit` bytes.
pub(crate) fn encode(
    datatype: &Datatype,
    variable: &Variable,
    raw: &[u8],
    decoder: &Decoder<'_>,
    file: &File,
    limit: u64,
) -> Result<Encoded, Refusal> {
    let width = usize::try_from(datatype.size()).unwrap_or(usize::MAX);
    match variable {
        Variable::Strings => strings(&references(raw, width, 1, limit)?, file),
        Variable::Sequences {
            stored_size,
            conversion,
            attributes,
        } => {
            let references = references(raw, width, u64::from(*stored_size), limit)?;
            let data = sequences(&references, *stored_size, conversion.as_ref(), file, limit)?;
            Ok(Encoded {
                data_type: DataType::VariableBytes,
                data,
                attributes: attributes.clone(),
                remark: None,
            })
        }
        Variable::Paths => texts(datatype, raw, decoder, limit, |value| match value {
            Value::Text(path) => path,
            _ => String::new(),
        }),
        Variable::Json => texts(datatype, raw, decoder, limit, |value| {
            zarr::value_json(&value).to_string()
        }),
    }
}

/// Elements one after another: their count, then the length and the bytes of each.
struct Frames {
    encoded: BytesMut,
    left: u64,
    limit: u64,
}

impl Frames {
    fn new(count: usize, limit: u64) -> Result<Self, Refusal> {
        let count = u32::try_from(count).map_err(|_| "more than 2^32 - 1 elements".to_owned())?;
        let mut encoded = BytesMut::new();
        encoded.put_u32_le(count);
        Ok(Self {
            encoded,
            left: limit,
            limit,
        })
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| "an element of over 2^32 - 1 bytes".to_owned())?;
        self.left = self.left.checked_sub(length.into()).ok_or_else(|| {
            format!(
                "elements that take more than the limit of {} bytes (--string-limit)",
                self.limit
            )
        })?;
        self.encoded.put_u32_le(length);
        self.encoded.put_slice(bytes);
        Ok(())
    }
}

/// Strings; what is not UTF-8 can only be given as bytes.
fn strings(references: &[HeapReference], file: &File) -> Result<Encoded, Refusal> {
    // Their sum was found to be within the limit.
    let mut frames = Frames::new(references.len(), u64::MAX)?;
    let mut foreign = None;
    for (number, reference) in references.iter().enumerate() {
        let bytes =
            string(*reference, file).map_err(|reason| format!("string {number}: {reason}"))?;
        if foreign.is_none() && std::str::from_utf8(bytes).is_err() {
            foreign = Some(number);
        }
        frames.push(bytes)?;
    }
    Ok(Encoded {
        data_type: match foreign {
            None => DataType::VariableString,
            Some(_) => DataType::VariableBytes,
        },
        data: frames.encoded.freeze(),
        attributes: Attributes::new(),
        remark: foreign.map(|number| {
            format!("string {number} is not UTF-8: the strings are given as their bytes")
        }),
    })
}

/// One string; as in C, a NUL ends it.
fn string(reference: HeapReference, file: &File) -> Result<&[u8], Refusal> {
    let length = usize::try_from(reference.length).unwrap_or(usize::MAX);
    held(reference, length, file).map(before_nul)
}

fn sequences(
    references: &[HeapReference],
    stored_size: u32,
    conversion: Option<&Conversion>,
    file: &File,
    limit: u64,
) -> Result<Bytes, Refusal> {
    let mut frames = Frames::new(references.len(), limit)?;
    for (number, reference) in references.iter().enumerate() {
        let at = |reason| format!("sequence {number}: {reason}");
        let length = u64::from(reference.length).saturating_mul(stored_size.into());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = held(*reference, length, file).map_err(at)?;
        match conversion {
            None => frames.push(bytes)?,
            Some(conversion) => frames.push(&conversion.apply(bytes).map_err(at)?)?,
        }
    }
    Ok(frames.encoded.freeze())
}

fn texts(
    datatype: &Datatype,
    raw: &[u8],
    decoder: &Decoder<'_>,
    limit: u64,
    text: impl Fn(Value) -> String,
) -> Result<Encoded, Refusal> {
    let width = usize::try_from(datatype.size()).unwrap_or(usize::MAX);
    let mut frames = Frames::new(raw.len().checked_div(width).unwrap_or(0), limit)?;
    for (number, element) in raw.chunks_exact(width.max(1)).enumerate() {
        let value = decoder.element(datatype, element);
        let value = value.map_err(|reason| format!("element {number}: {reason}"))?;
        frames.push(text(value).as_bytes())?;
    }
    Ok(Encoded {
        data_type: DataType::VariableString,
        data: frames.encoded.freeze(),
        attributes: Attributes::new(),
        remark: None,
    })
}

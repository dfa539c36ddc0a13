//! Data that is read after the metadata and put into the manifest: small chunks and strings.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_hdf5::{Datatype, File, HeapId, Padding, Scan};
use chunkref_io::{Client, Object};
use chunkref_manifest::{
    Array, ChunkRef, ChunkTableBuilder, Conversion, DataType, Group, Layout, Locations, Manifest,
};
use chunkref_store::Store;

use crate::data_type::{MAX_DEPTH, Refusal};
use crate::drive::{drive, read_all};
use crate::element::Variable;
use crate::error::Result;
use crate::links::Links;
use crate::raw::{Extent, Raw};
use crate::strings::padded_with_nuls;
use crate::value::Decoder;
use crate::variable::{check, encode, missing};

/// Bytes that are held at one time for all strings of a file: so many times what one array may.
const MAX_HELD: u64 = 4;
/// Most bytes of an array that is put together from other files.
const MAX_JOINED: u64 = 256 << 20;
/// Bytes that the values of one array may take while they are written: so many times their text.
const MAX_VALUES: u64 = 4;

/// What is done with the data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Then {
    /// Chunks are kept as they are stored.
    Inline,
    /// Chunks that no Zarr codec decodes are decoded and put together.
    Plain(Option<Conversion>),
    /// Fixed strings are filled up with NULs.
    Pad {
        /// Bytes of a string.
        length: u32,
        /// How the file fills them up.
        padding: Padding,
    },
    /// The store reads it, as it lies in other files.
    Store(After),
    /// Values are looked up in the global heap and among the links.
    Read {
        /// The type of an element.
        datatype: Datatype,
        /// What it becomes.
        variable: Variable,
    },
}

/// What is done with elements that the store has read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum After {
    /// Nothing.
    Keep,
    /// Fixed strings are filled up with NULs.
    Pad {
        /// Bytes of a string.
        length: u32,
        /// How the file fills them up.
        padding: Padding,
    },
    /// Elements are converted, which the store reads as their bytes.
    Convert(Conversion),
}

impl After {
    fn apply(&self, read: Bytes) -> Result<Bytes, Refusal> {
        match self {
            Self::Keep => Ok(read),
            Self::Pad { length, padding } => {
                let length = usize::try_from(*length).unwrap_or(usize::MAX);
                Ok(padded_with_nuls(read.to_vec(), length, *padding))
            }
            Self::Convert(conversion) => conversion.apply(&read).map(Bytes::from),
        }
    }
}

/// An array whose data is to be read.
#[derive(Debug)]
pub(crate) struct Late {
    /// Its path in the file.
    pub(crate) path: String,
    /// The groups of the manifest that it is in, and its name there.
    pub(crate) place: (Vec<String>, String),
    /// The source that its data is in.
    pub(crate) source: usize,
    pub(crate) array: Array,
    then: Then,
    raw: Raw,
    extent: Option<Extent>,
    fill: Vec<u8>,
    plain: Vec<u8>,
    /// What may surprise.
    pub(crate) remark: Option<String>,
    refused: Option<Refusal>,
}

impl Late {
    pub(crate) fn new(path: &str, array: Array, then: Then) -> Self {
        Self {
            path: path.to_owned(),
            place: (Vec::new(), String::new()),
            source: 0,
            array,
            then,
            raw: Raw::Nothing,
            extent: None,
            fill: Vec::new(),
            plain: Vec::new(),
            remark: None,
            refused: None,
        }
    }

    pub(crate) fn with_raw(mut self, raw: Raw, extent: Extent, fill: Vec<u8>) -> Self {
        self.raw = raw;
        self.extent = Some(extent);
        self.fill = fill;
        self
    }

    fn ranges(&self) -> Vec<Range<u64>> {
        match (&self.then, &self.array.layout) {
            (Then::Inline, Layout::Chunked { chunks, .. }) => chunks
                .iter()
                .filter_map(|(_, chunk)| match chunk {
                    ChunkRef::Range { offset, length, .. } => {
                        Some(offset..offset.saturating_add(length))
                    }
                    ChunkRef::Inline(_) | ChunkRef::Whole { .. } => None,
                })
                .collect(),
            (Then::Inline, Layout::Contiguous { offset, length, .. }) => {
                std::iter::once(*offset..offset.saturating_add(*length)).collect()
            }
            _ => self.raw.ranges().to_vec(),
        }
    }

    /// Takes what was read; strings of variable length still need the heap.
    fn take(&mut self, read: Vec<Bytes>, limit: u64) -> Result<(), Refusal> {
        match &self.then {
            Then::Inline => self.inline(read),
            Then::Plain(conversion) => {
                let stored = self.assemble(&read)?;
                let data = match conversion {
                    None => stored,
                    Some(conversion) => conversion.apply(&stored)?,
                };
                let data = data.into();
                self.array.layout = Layout::Inline { data };
                Ok(())
            }
            Then::Pad { length, padding } => {
                let plain = self.assemble(&read)?;
                let length = usize::try_from(*length).unwrap_or(usize::MAX);
                self.array.layout = Layout::Inline {
                    data: padded_with_nuls(plain, length, *padding),
                };
                Ok(())
            }
            // Read before.
            Then::Store(_) => Ok(()),
            Then::Read { datatype, variable } => {
                let plain = self.assemble(&read)?;
                check(datatype, variable, &plain, limit)?;
                self.plain = plain;
                Ok(())
            }
        }
    }

    /// Objects of the heap that are still to be read.
    fn missing(&self, file: &File) -> BTreeSet<HeapId> {
        match (&self.then, &self.refused) {
            (Then::Read { datatype, .. }, None) => missing(datatype, &self.plain, file),
            _ => BTreeSet::new(),
        }
    }

    /// Takes the values, once all objects of the heap were read.
    fn encode(&mut self, file: &File, links: &Links<'_>, limit: u64) -> Result<(), Refusal> {
        let Then::Read { datatype, variable } = &self.then else {
            return Ok(());
        };
        let most = limit.saturating_mul(MAX_VALUES);
        let decoder = Decoder::with_limit(file, links, most);
        let encoded = encode(datatype, variable, &self.plain, &decoder, file, limit)?;
        self.plain = Vec::new();
        self.array.data_type = encoded.data_type;
        self.array.layout = Layout::Inline { data: encoded.data };
        for (name, attribute) in encoded.attributes {
            self.array.attributes.insert(name, attribute);
        }
        self.remark = encoded.remark;
        Ok(())
    }

    fn assemble(&self, read: &[Bytes]) -> Result<Vec<u8>, Refusal> {
        let extent = self.extent.as_ref().ok_or("its extent is not known")?;
        self.raw.assemble(extent, read, &self.fill)
    }

    fn inline(&mut self, read: Vec<Bytes>) -> Result<(), Refusal> {
        match &mut self.array.layout {
            Layout::Chunked { chunks, .. } => {
                let mut table = ChunkTableBuilder::new(chunks.grid().to_vec());
                let mut read = read.into_iter();
                for (index, chunk) in chunks.iter() {
                    let data = match chunk {
                        ChunkRef::Inline(data) => data.clone(),
                        // A copy: the bytes may be a slice of a much larger read.
                        _ => match read.next() {
                            Some(bytes) => Bytes::copy_from_slice(&bytes),
                            None => return Err("a chunk was not read".to_owned()),
                        },
                    };
                    let pushed = table.push_inline(index, data);
                    pushed.map_err(|error| error.to_string())?;
                }
                *chunks = table.finish();
            }
            layout => {
                let data = read.first().ok_or("its data was not read")?;
                *layout = Layout::Inline {
                    data: Bytes::copy_from_slice(data),
                };
            }
        }
        Ok(())
    }
}

/// Reads what lies in other files.
///
/// # Errors
/// When reading fails.
pub(crate) async fn read_elsewhere(
    client: &Client,
    locations: &Locations,
    late: &mut [Late],
) -> Result<()> {
    let mut manifest = Manifest::new(Group::default(), locations.clone());
    for (number, one) in late.iter().enumerate() {
        if let Then::Store(after) = &one.then {
            let mut array = one.array.clone();
            if let After::Convert(conversion) = after {
                let length = conversion.stored_size;
                array.data_type = DataType::Raw { length };
                array.fill_value = None;
            }
            manifest.root.arrays.insert(number.to_string(), array);
        }
    }
    if manifest.root.arrays.is_empty() {
        return Ok(());
    }
    let store = Store::new(Arc::new(manifest), client.clone());
    for (number, one) in late.iter_mut().enumerate() {
        let Then::Store(after) = &one.then else {
            continue;
        };
        match store.read_array(&number.to_string(), MAX_JOINED).await {
            Ok(read) => match after.apply(read.bytes) {
                Ok(data) => one.array.layout = Layout::Inline { data },
                Err(reason) => one.refused = Some(reason),
            },
            Err(chunkref_store::Error::Read { source, .. }) => return Err(source.into()),
            Err(error) => one.refused = Some(error.to_string()),
        }
    }
    Ok(())
}

/// Reads what is late: one wave for raw data, further ones for the heap. Gives each array, or why
/// it is refused.
pub(crate) async fn finish(
    scan: &mut Scan,
    object: &Object,
    mut late: Vec<Late>,
    wider: Option<&Scan>,
    string_limit: u64,
) -> Result<Vec<(Late, Result<(), Refusal>)>> {
    let ranges: Vec<Vec<_>> = late
        .iter()
        .map(|one| {
            if one.refused.is_some() {
                Vec::new()
            } else {
                one.ranges()
            }
        })
        .collect();
    let mut read = read_all(object, &ranges.concat()).await?.into_iter();
    for (one, ranges) in late.iter_mut().zip(&ranges) {
        let bytes = read.by_ref().take(ranges.len()).collect();
        if one.refused.is_none() {
            one.refused = one.take(bytes, string_limit).err();
        }
    }
    // Heap objects may refer to others, as deep as types are nested.
    for _ in 0..=MAX_DEPTH {
        let file = scan.file()?;
        let wanted: BTreeSet<_> = late.iter().flat_map(|one| one.missing(file)).collect();
        if wanted.is_empty() {
            break;
        }
        scan.request_heap_objects(&wanted.into_iter().collect::<Vec<_>>());
        drive(scan, object).await?;
    }
    let file = scan.file()?;
    let links = Links::new(wider.map_or(Ok(file), Scan::file)?);
    let finished = late.into_iter().map(|mut one| {
        if one.refused.is_none() {
            one.refused = one.encode(file, &links, string_limit).err();
        }
        let outcome = one.refused.take().map_or(Ok(()), Err);
        (one, outcome)
    });
    Ok(finished.collect())
}

/// Refuses values past what may be held for the whole scan at one time.
pub(crate) fn hold_within_bounds(late: &mut [Late], string_limit: u64) {
    let most = string_limit.saturating_mul(MAX_HELD);
    let mut left = most;
    for one in late {
        let bytes = one.extent.as_ref().map_or(0, |extent| extent.bytes);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => {
                one.refused = Some(format!(
                    "what is read and inlined of this file takes more than {most} bytes: scan fewer \
                     variables at once, or raise --string-limit"
                ));
            }
        }
    }
}

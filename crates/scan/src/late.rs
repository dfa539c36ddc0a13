//! Data that is read after the metadata and put into the manifest: small chunks and strings.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_hdf5::{HeapId, Padding, Scan};
use chunkref_io::{Client, Object};
use chunkref_manifest::{Array, ChunkRef, ChunkTableBuilder, Layout, Locations, Manifest};
use chunkref_store::Store;

use crate::data_type::Refusal;
use crate::drive::{drive, read_all};
use crate::error::Result;
use crate::raw::{Extent, Raw};
use crate::strings::{objects, padded_with_nuls, references, vlen_utf8};
use crate::value::HeapReference;

/// Bytes that are held at one time for all strings of a file.
const MAX_HELD: u64 = 256 << 20;

/// What is done with the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Chunks are kept as they are stored.
    Inline,
    /// Chunks that no Zarr codec decodes are decoded and put together.
    Plain,
    /// Fixed strings are filled up with NULs.
    Pad {
        /// Bytes of a string.
        length: u32,
        /// How the file fills them up.
        padding: Padding,
    },
    /// The store reads it, as it lies in other files; fixed strings are filled up with NULs.
    Store {
        /// Bytes of a string, and how the file fills them up.
        padding: Option<(u32, Padding)>,
    },
    /// Variable-length strings are looked up in the global heap.
    Strings {
        /// Bytes of a reference.
        width: usize,
    },
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
    references: Vec<HeapReference>,
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
            references: Vec::new(),
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
        match self.then {
            Then::Inline => self.inline(read),
            Then::Plain => {
                let data = self.assemble(&read)?.into();
                self.array.layout = Layout::Inline { data };
                Ok(())
            }
            Then::Pad { length, padding } => {
                let plain = self.assemble(&read)?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                self.array.layout = Layout::Inline {
                    data: padded_with_nuls(plain, length, padding),
                };
                Ok(())
            }
            // Read before.
            Then::Store { .. } => Ok(()),
            Then::Strings { width } => {
                let plain = self.assemble(&read)?;
                self.references = references(&plain, width, limit)?;
                Ok(())
            }
        }
    }

    fn assemble(&self, read: &[Bytes]) -> Result<Vec<u8>, Refusal> {
        let extent = self.extent.as_ref().ok_or("its extent is not known")?;
        self.raw.assemble(extent, read, &self.fill)
    }

    fn inline(&mut self, read: Vec<Bytes>) -> Result<(), Refusal> {
        match &mut self.array.layout {
            Layout::Chunked { chunks, .. } => {
                let mut table = ChunkTableBuilder::new(chunks.grid().to_vec());
                for ((index, _), bytes) in chunks.iter().zip(read) {
                    // A copy: the bytes may be a slice of a much larger read.
                    table
                        .push_inline(index, Bytes::copy_from_slice(&bytes))
                        .map_err(|error| error.to_string())?;
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
    let mut manifest = Manifest {
        locations: locations.clone(),
        ..Manifest::default()
    };
    for (number, one) in late.iter().enumerate() {
        if let Then::Store { .. } = one.then {
            let arrays = &mut manifest.root.arrays;
            arrays.insert(number.to_string(), one.array.clone());
        }
    }
    if manifest.root.arrays.is_empty() {
        return Ok(());
    }
    let store = Store::new(Arc::new(manifest), client.clone());
    for (number, one) in late.iter_mut().enumerate() {
        let Then::Store { padding } = one.then else {
            continue;
        };
        match store.read_array(&number.to_string(), MAX_HELD).await {
            Ok(read) => {
                let data = match padding {
                    Some((length, padding)) => {
                        let length = usize::try_from(length).unwrap_or(usize::MAX);
                        padded_with_nuls(read.bytes.to_vec(), length, padding)
                    }
                    None => read.bytes,
                };
                one.array.layout = Layout::Inline { data };
            }
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
    let mut wanted: Vec<HeapId> = late
        .iter()
        .flat_map(|one| objects(&one.references))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    if !wanted.is_empty() {
        scan.request_heap_objects(&wanted);
        drive(scan, object).await?;
    }
    let file = scan.file()?;
    let finished = late.into_iter().map(|mut one| {
        if let (Then::Strings { .. }, None) = (one.then, &one.refused) {
            match vlen_utf8(&one.references, file) {
                Ok(data) => one.array.layout = Layout::Inline { data },
                Err(reason) => one.refused = Some(reason),
            }
        }
        let outcome = one.refused.take().map_or(Ok(()), Err);
        (one, outcome)
    });
    Ok(finished.collect())
}

/// Refuses strings past what may be held for the whole scan at one time.
pub(crate) fn hold_within_bounds(late: &mut [Late]) {
    let mut left = MAX_HELD;
    for one in late {
        let bytes = one.extent.as_ref().map_or(0, |extent| extent.bytes);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => {
                one.refused = Some(format!(
                    "the strings of this file take more than {MAX_HELD} bytes; scan fewer variables at once"
                ));
            }
        }
    }
}

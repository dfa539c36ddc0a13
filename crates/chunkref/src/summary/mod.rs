//! What a reader of a dataset should know before reading it: sizes, sources, and what will be dear.

mod access;
mod sizes;
mod warnings;

use chunkref_manifest::{Array, ChunkRef, Location, LocationId, Manifest};

use crate::reach::each_range;

pub use access::{Access, Cost};
pub use sizes::{SizeBin, Sizes};

/// What is known of a dataset from its manifest alone.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Its arrays, in the order of the tree.
    pub arrays: Vec<ArraySummary>,
    /// The objects that hold its chunks, by their numbers.
    pub sources: Vec<SourceSummary>,
    /// How large stored chunks are.
    pub sizes: Sizes,
    /// What a reader should know, worst first.
    pub warnings: Vec<Warning>,
}

/// An array, as its reader pays for it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ArraySummary {
    /// Its path from the root.
    pub path: String,
    /// References into objects.
    pub references: u64,
    /// Cells of its chunk grid, stored or not; `None` where there are more than a number counts.
    pub chunks: Option<u64>,
    /// Bytes that references take in objects; of whole objects they are not known.
    pub stored: u64,
    /// Bytes of chunks that are in the manifest itself.
    pub inline: u64,
    /// Bytes of all elements; `None` for elements of variable length.
    pub plain: Option<u64>,
    /// Bytes of the chunks that are there, decoded: what of them reaches over the ends of axes counts,
    /// absent chunks do not.
    pub decoded: Option<u64>,
    /// What reading parts of it costs; `None` where it is small or has no two axes.
    pub access: Option<Access>,
    /// Why no Zarr reader can decode it, though chunkref's store can.
    pub beyond_zarr: Option<String>,
}

/// An object that holds chunks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SourceSummary {
    /// Where it is, and what pins it.
    pub location: Location,
    /// References into it.
    pub references: u64,
    /// Bytes that they take.
    pub stored: u64,
    /// The end of the last byte that is referred to.
    pub end: u64,
    /// References that reach past its pinned size.
    pub past_end: u64,
}

/// What a reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The kind, for machines: `past-end`, `tiny-chunks`, `huge-chunks`, `access`, `inline`,
    /// `beyond-zarr`.
    pub kind: &'static str,
    /// The array's path or the source's URL.
    pub subject: String,
    /// What, in words.
    pub text: String,
}

impl Summary {
    /// Looks at all references of a manifest once.
    ///
    /// ```
    /// use chunkref::Manifest;
    /// use chunkref::summary::Summary;
    ///
    /// let summary = Summary::new(&Manifest::default());
    /// assert!(summary.warnings.is_empty());
    /// ```
    pub fn new(manifest: &Manifest) -> Self {
        let mut summary = Self {
            sources: manifest
                .locations
                .iter()
                .map(|(_, one)| source(one))
                .collect(),
            ..Self::default()
        };
        for (path, array) in manifest.arrays() {
            let array = summary.array(path, array);
            summary.arrays.push(array);
        }
        summary.warnings = warnings::all(&summary, manifest);
        summary
    }

    /// Bytes that all references take.
    pub fn stored(&self) -> u64 {
        let stored = self.arrays.iter().map(|array| array.stored);
        stored.fold(0, u64::saturating_add)
    }

    /// Bytes of all chunks that are referred to, decoded.
    pub fn decoded(&self) -> u64 {
        let stored = self.arrays.iter().filter(|array| array.references > 0);
        stored
            .filter_map(|array| array.decoded)
            .fold(0, u64::saturating_add)
    }

    /// All references into objects.
    pub fn references(&self) -> u64 {
        let references = self.arrays.iter().map(|array| array.references);
        references.fold(0, u64::saturating_add)
    }

    fn array(&mut self, path: String, array: &Array) -> ArraySummary {
        let mut found = ArraySummary {
            path,
            chunks: array
                .chunk_grid()
                .ok()
                .and_then(|grid| chunkref_manifest::cell_count(&grid)),
            plain: plain(array),
            decoded: decoded(array),
            access: Access::new(array),
            beyond_zarr: array.beyond_zarr(),
            ..ArraySummary::default()
        };
        each_range(array, &mut |location, offset, length| {
            found.references = found.references.saturating_add(1);
            found.stored = found.stored.saturating_add(length);
            self.sizes.add(length);
            if let Some(source) = self.source(location) {
                source.add(offset, length);
            }
        });
        if !array.is_put_together() {
            for (_, chunk) in array.chunks() {
                match chunk {
                    ChunkRef::Inline(data) => {
                        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                        found.inline = found.inline.saturating_add(length);
                    }
                    ChunkRef::Whole { location } => {
                        found.references = found.references.saturating_add(1);
                        if let Some(source) = self.source(location) {
                            source.references = source.references.saturating_add(1);
                        }
                    }
                    ChunkRef::Range { .. } => {}
                }
            }
        }
        found
    }

    fn source(&mut self, id: LocationId) -> Option<&mut SourceSummary> {
        let number = usize::try_from(id.0).ok()?;
        self.sources.get_mut(number)
    }
}

impl SourceSummary {
    fn add(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length);
        self.references = self.references.saturating_add(1);
        self.stored = self.stored.saturating_add(length);
        self.end = self.end.max(end);
        if self.location.pin.size.is_some_and(|size| end > size) {
            self.past_end = self.past_end.saturating_add(1);
        }
    }
}

fn source(location: &Location) -> SourceSummary {
    SourceSummary {
        location: location.clone(),
        ..SourceSummary::default()
    }
}

/// Bytes of the chunks that are there, decoded.
fn decoded(array: &Array) -> Option<u64> {
    let plain = plain(array)?;
    let size = u64::from(array.data_type.size()?);
    let lengths = array.chunk_shape();
    let chunk = lengths
        .iter()
        .try_fold(size, |bytes, length| bytes.checked_mul(*length));
    if array.is_put_together() {
        return Some(plain);
    }
    let decoded = chunk.and_then(|chunk| chunk.checked_mul(array.stored_chunks()));
    Some(decoded.unwrap_or(plain))
}

/// Bytes of all elements of an array.
fn plain(array: &Array) -> Option<u64> {
    let size = u64::from(array.data_type.size()?);
    let mut axes = array.shape.iter();
    axes.try_fold(size, |bytes, axis| bytes.checked_mul(*axis))
}

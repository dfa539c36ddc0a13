//! The chunks of a manifest, table by table, with the part of an array that each of them is.

use std::ops::Range;

use chunkref_manifest::{
    Array, ChunkRef, Concat, DataType, Group, Layout, Manifest, SpanSource, cell_count,
    chunk_coordinates, chunk_index, zarr,
};

use super::finding::Place;

/// Chunks of an array that is put together, of which there may be any number, are looked at evenly
/// spread: so many of them.
const PUT_TOGETHER: u64 = 1000;

/// Chunks that are stored alike: those of an array, or of a profile of a joined one.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    /// The path of the array in its manifest.
    pub(super) path: String,
    /// What it is called in findings: its path, or what it is a source of.
    pub(super) title: String,
    pub(super) array: &'a Array,
    kind: Kind<'a>,
    grid: Vec<u64>,
}

#[derive(Debug)]
enum Kind<'a> {
    /// The chunks that the array has.
    Stored,
    /// Those of a profile.
    Profile {
        number: usize,
        concat: &'a Concat,
        /// First chunk, its element in the array, and how many elements, ascending.
        spans: Vec<(u64, u64, u64)>,
    },
    /// Those in which the array is served.
    PutTogether { cells: u64 },
}

impl<'a> Listed<'a> {
    /// All chunks of an array. One that contradicts itself has none: reading it says why.
    pub(super) fn of(path: &str, array: &'a Array) -> Vec<Self> {
        let listed = |kind, grid| Self {
            path: path.to_owned(),
            title: path.to_owned(),
            array,
            kind,
            grid,
        };
        match &array.layout {
            Layout::Concat(concat) => (0..concat.profiles().len())
                .filter_map(|number| {
                    let profile = concat.profiles().get(number)?;
                    let spans = spans(concat, number);
                    let kind = Kind::Profile {
                        number,
                        concat,
                        spans,
                    };
                    Some(listed(kind, profile.chunks.grid().to_vec()))
                })
                .collect(),
            layout => {
                let Ok(grid) = array.chunk_grid() else {
                    return Vec::new();
                };
                let kind = match layout {
                    Layout::Chunked { chunks, .. } if chunks.grid() != grid => return Vec::new(),
                    Layout::External { .. } | Layout::Virtual { .. } => Kind::PutTogether {
                        cells: cell_count(&grid).unwrap_or(u64::MAX),
                    },
                    _ => Kind::Stored,
                };
                vec![listed(kind, grid)]
            }
        }
    }

    /// All chunks of a manifest, whose arrays are called so; else as their paths.
    pub(super) fn all(manifest: &'a Manifest, titles: &[String]) -> Vec<Self> {
        let mut all = Vec::new();
        for (number, (path, array)) in manifest.arrays().enumerate() {
            let mut listed = Self::of(&path, array);
            if let Some(title) = titles.get(number) {
                for one in &mut listed {
                    one.title.clone_from(title);
                }
            }
            all.append(&mut listed);
        }
        all
    }

    /// How many chunks there are to look at.
    pub(super) fn count(&self) -> u64 {
        match &self.kind {
            Kind::Stored => self.array.stored_chunks(),
            Kind::Profile { number, concat, .. } => {
                let profile = concat.profiles().get(*number);
                profile.map_or(0, |profile| profile.chunks.stored())
            }
            Kind::PutTogether { cells } => (*cells).min(PUT_TOGETHER),
        }
    }

    /// How many chunks are absent.
    pub(super) fn absent(&self) -> u64 {
        match &self.kind {
            Kind::PutTogether { .. } => 0,
            _ => cell_count(&self.grid)
                .unwrap_or(u64::MAX)
                .saturating_sub(self.count()),
        }
    }

    /// The numbers of the chunks to look at, ascending, and where each lies.
    pub(super) fn chunks(
        &self,
    ) -> Box<dyn Iterator<Item = (u64, Option<ChunkRef<'a>>)> + Send + 'a> {
        match &self.kind {
            Kind::Stored => Box::new(
                self.array
                    .chunks()
                    .map(|(index, chunk)| (index, Some(chunk))),
            ),
            Kind::Profile { number, concat, .. } => match concat.profiles().get(*number) {
                Some(profile) => Box::new(
                    profile
                        .chunks
                        .iter()
                        .map(|(index, chunk)| (index, Some(chunk))),
                ),
                None => Box::new(std::iter::empty()),
            },
            Kind::PutTogether { cells } => {
                Box::new(spread(*cells, (*cells).min(PUT_TOGETHER), 0).map(|index| (index, None)))
            }
        }
    }

    /// The place of a chunk in the grid.
    pub(super) fn place(&self, chunk: u64) -> Vec<u64> {
        chunk_coordinates(chunk, &self.grid).unwrap_or_default()
    }

    /// The number of the chunk at a place in the grid.
    pub(super) fn number(&self, place: &[u64]) -> Option<u64> {
        chunk_index(place, &self.grid)
    }

    /// The name of a chunk within its array: `c/0/1`; of a profile `p2/c/0/1`.
    pub(super) fn key(&self, chunk: u64) -> String {
        let key = zarr::v3::chunk_key(&self.place(chunk));
        match &self.kind {
            Kind::Profile { number, .. } => format!("p{number}/{key}"),
            _ => key,
        }
    }

    /// The elements of the array that a chunk holds; `None` where it holds none of them.
    pub(super) fn area(&self, chunk: u64) -> Option<Vec<Range<u64>>> {
        let place = chunk_coordinates(chunk, &self.grid)?;
        let chunk_shape = self.chunk_shape();
        let mut area = Vec::with_capacity(place.len());
        for (axis, ((at, length), whole)) in place
            .iter()
            .zip(chunk_shape)
            .zip(&self.array.shape)
            .enumerate()
        {
            let (start, end) = match &self.kind {
                Kind::Profile { concat, spans, .. } if concat.axis() == axis => {
                    let after = spans.partition_point(|(first, ..)| first <= at);
                    let (first, start, count) = spans.get(after.checked_sub(1)?)?;
                    let before = at.checked_sub(*first)?.checked_mul(length)?;
                    let left = count.checked_sub(before)?;
                    let start = start.checked_add(before)?;
                    (start, start.checked_add(left.min(length))?)
                }
                _ => {
                    let start = at.checked_mul(length)?;
                    (start, start.checked_add(length)?)
                }
            };
            area.push(start..end.min(*whole));
        }
        (!area.iter().any(|range| range.start >= range.end)).then_some(area)
    }

    /// The lengths of a chunk's axes.
    pub(super) fn chunk_shape(&self) -> Vec<u64> {
        match self.encoding() {
            Some(encoding) => encoding.chunk_shape.clone(),
            None => self.array.chunk_shape().into_owned(),
        }
    }

    /// How the chunks of a profile are stored.
    pub(super) fn encoding(&self) -> Option<&'a chunkref_manifest::Encoding> {
        match &self.kind {
            Kind::Profile { number, concat, .. } => Some(&concat.profiles().get(*number)?.encoding),
            _ => None,
        }
    }

    /// The type of a stored element.
    pub(super) fn data_type(&self) -> &'a DataType {
        let packing = self
            .encoding()
            .and_then(|encoding| encoding.packing.as_ref());
        packing.map_or(&self.array.data_type, |packing| &packing.data_type)
    }

    /// What a writer of its chunks applied.
    pub(super) fn codecs(&self) -> &'a [chunkref_manifest::Codec] {
        match self.encoding() {
            Some(encoding) => &encoding.codecs,
            None => self.array.codecs(),
        }
    }

    /// Which filters the writer of a chunk skipped: bit `i` the filter `i`.
    pub(super) fn filter_mask(&self, chunk: u64) -> u32 {
        match (&self.kind, &self.array.layout) {
            (Kind::Profile { number, concat, .. }, _) => {
                let profile = concat.profiles().get(*number);
                profile.map_or(0, |profile| profile.chunks.filter_mask(chunk))
            }
            (_, Layout::Chunked { chunks, .. }) => chunks.filter_mask(chunk),
            _ => 0,
        }
    }

    /// Whether its chunks lie as plain bytes.
    pub(super) fn is_plain(&self) -> bool {
        match &self.kind {
            Kind::PutTogether { .. } => false,
            _ => self.codecs().is_empty(),
        }
    }

    /// Whether its chunks are made by the store of what other tables hold.
    pub(super) fn is_put_together(&self) -> bool {
        matches!(self.kind, Kind::PutTogether { .. })
    }
}

/// The sources of all virtual datasets, as arrays of a manifest of their own, and what they are
/// called; `None` where there are none. What they hold is read through the datasets only in parts.
pub(super) fn sources(manifest: &Manifest) -> Option<(Manifest, Vec<String>)> {
    let mut found = Vec::new();
    let mut left: Vec<_> = manifest.arrays().collect();
    while let Some((title, array)) = left.pop() {
        if let Layout::Virtual { sources, .. } = &array.layout {
            for (number, source) in sources.iter().enumerate() {
                let title = format!("{title} (source {number})");
                found.push((title.clone(), source.clone()));
                left.push((title, source));
            }
        }
    }
    if found.is_empty() {
        return None;
    }
    let mut root = Group::default();
    let mut titles = Vec::with_capacity(found.len());
    for (number, (title, array)) in found.into_iter().enumerate() {
        root.arrays.insert(format!("{number:010}"), array);
        titles.push(title);
    }
    let manifest = Manifest::new(root, manifest.locations.clone());
    Some((manifest, titles))
}

/// The place of a chunk that is a range of an object.
pub(super) fn place_of(chunk: Option<ChunkRef<'_>>) -> Option<Place> {
    match chunk? {
        ChunkRef::Range {
            location,
            offset,
            length,
        } => Some(Place {
            location,
            offset,
            length,
        }),
        _ => None,
    }
}

/// The spans of a profile: first chunk, first element, how many elements; ascending.
fn spans(concat: &Concat, number: usize) -> Vec<(u64, u64, u64)> {
    let spans = concat.spans().iter();
    let mut found: Vec<_> = spans
        .filter_map(|span| match span.source {
            SpanSource::Chunks {
                profile,
                first_chunk,
            } if profile == number => Some((first_chunk, span.start, span.length)),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found
}

/// So many of the numbers below `count`, evenly spread, ascending; `turn` of 16 moves them on within
/// their distance, so that samples of several tables are not all of the same place.
pub(super) fn spread(
    count: u64,
    share: u64,
    turn: u64,
) -> impl Iterator<Item = u64> + Send + use<> {
    let share = share.min(count);
    let wide = |number: u64| u128::from(number);
    (0..share).map(move |number| {
        // (number + turn/16) * count / share, which is below count.
        let sixteenths = wide(number) * 16 + wide(turn % 16);
        let at = sixteenths * wide(count) / (wide(share.max(1)) * 16);
        u64::try_from(at).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn samples_are_spread_and_differ_by_turn() {
        let all = |count, share, turn| spread(count, share, turn).collect::<Vec<_>>();
        assert_eq!(all(10, 10, 0), (0..10).collect::<Vec<_>>());
        assert_eq!(all(10, 20, 15), (0..10).collect::<Vec<_>>());
        assert_eq!(all(100, 4, 0), [0, 25, 50, 75]);
        assert_eq!(all(100, 4, 8), [12, 37, 62, 87]);
        assert_eq!(all(0, 4, 8), [0; 0]);
        assert_eq!(all(u64::MAX, 2, 15).len(), 2);
        for (count, share, turn) in [(7, 3, 15), (1, 1, 15), (1 << 40, 1000, 7)] {
            let picked = all(count, share, turn);
            assert!(picked.is_sorted_by(|a, b| a < b));
            assert!(picked.iter().all(|at| *at < count));
        }
    }
}

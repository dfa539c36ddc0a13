//! References of some chunks of an array, gathered from several files.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use chunkref_manifest::kerchunk::RecordRows;
use chunkref_manifest::{
    Array, ChunkRef, ChunkTableBuilder, Error, Group, Layout, Location, LocationId, Locations,
    Manifest,
};

/// An array, and the references of some of its chunks.
pub(super) struct Gathered<'a> {
    array: &'a Array,
    /// The chunks wanted: runs of numbers, ascending and apart.
    wanted: &'a [Range<u64>],
    table: ChunkTableBuilder,
    locations: Locations,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(array: &'a Array, wanted: &'a [Range<u64>]) -> Self {
        let grid = match &array.layout {
            Layout::Chunked { chunks, .. } => chunks.grid().to_vec(),
            _ => Vec::new(),
        };
        Self {
            array,
            wanted,
            table: ChunkTableBuilder::new(grid),
            locations: Locations::default(),
        }
    }

    /// Takes what is wanted of a file whose first chunk has this number. Files come in order.
    pub(super) fn take(
        &mut self,
        first: u64,
        record: &RecordRows,
        locations: &[Arc<Location>],
    ) -> Result<(), Error> {
        let mut known = HashMap::new();
        for (row, chunk) in record.iter() {
            let index = first.saturating_add(row);
            if !self.is_wanted(index) {
                continue;
            }
            let chunk = match chunk {
                ChunkRef::Inline(_) => chunk,
                ChunkRef::Range {
                    location,
                    offset,
                    length,
                } => ChunkRef::Range {
                    location: self.number(location, locations, &mut known),
                    offset,
                    length,
                },
                ChunkRef::Whole { location } => ChunkRef::Whole {
                    location: self.number(location, locations, &mut known),
                },
            };
            self.table.push_chunk(index, chunk)?;
        }
        Ok(())
    }

    fn is_wanted(&self, index: u64) -> bool {
        let after = self.wanted.partition_point(|run| run.end <= index);
        self.wanted
            .get(after)
            .is_some_and(|run| run.contains(&index))
    }

    /// The number here of the location that has this one in its file.
    fn number(
        &mut self,
        id: LocationId,
        locations: &[Arc<Location>],
        known: &mut HashMap<LocationId, LocationId>,
    ) -> LocationId {
        *known.entry(id).or_insert_with(|| {
            let location = usize::try_from(id.0).ok().and_then(|id| locations.get(id));
            // One that is not there is found when the chunk is read.
            let new = location.and_then(|one| self.locations.intern((**one).clone()));
            new.unwrap_or(LocationId(u32::MAX))
        })
    }

    /// The array alone at its path.
    pub(super) fn finish(self, path: &str) -> Manifest {
        let mut array = self.array.clone();
        if let Layout::Chunked { chunks, .. } = &mut array.layout {
            *chunks = self.table.finish();
        }
        let mut root = Group::default();
        let path = path.trim_matches('/');
        let (groups, name) = path.rsplit_once('/').unwrap_or(("", path));
        let names = groups.split('/').filter(|name| !name.is_empty());
        let group = names.fold(&mut root, |group, name| {
            group.groups.entry(name.to_owned()).or_default()
        });
        group.arrays.insert(name.to_owned(), array);
        Manifest::new(root, self.locations)
    }
}

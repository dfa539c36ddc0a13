//! How many further names of objects a scan follows.

use chunkref_hdf5::{File, ObjectKind};

/// Further names that any granule may have, and for each of its objects.
const NAMES: u64 = 20_000;
const NAMES_PER_OBJECT: u64 = 8;
/// Chunks that arrays under further names may have, and for each chunk of the granule.
const CHUNKS: u64 = 1 << 20;
const CHUNKS_PER_CHUNK: u64 = 8;

/// What is left for further names. Those under which objects are at home are not counted.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    names: u64,
    chunks: u64,
    /// The names that there were in the beginning.
    all: u64,
    is_full: bool,
}

impl Room {
    /// The room for granules that hold what is in these files.
    pub(crate) fn for_files<'a>(files: impl Iterator<Item = &'a File>) -> Self {
        let (mut objects, mut chunks) = (0_u64, 0_u64);
        for object in files.flat_map(|file| file.objects.values()) {
            objects = objects.saturating_add(1);
            if let ObjectKind::Dataset(dataset) = &object.kind {
                let stored = dataset.chunks.as_ref().map_or(0, |one| one.indices.len());
                chunks = chunks.saturating_add(u64::try_from(stored).unwrap_or(u64::MAX));
            }
        }
        let names = objects
            .saturating_mul(NAMES_PER_OBJECT)
            .saturating_add(NAMES);
        Self {
            names,
            chunks: chunks
                .saturating_mul(CHUNKS_PER_CHUNK)
                .saturating_add(CHUNKS),
            all: names,
            is_full: false,
        }
    }

    /// Takes up names and chunks, if there is room.
    pub(crate) fn take(&mut self, names: u64, chunks: u64) -> bool {
        let left = self.names.checked_sub(names);
        let left = left.zip(self.chunks.checked_sub(chunks));
        if let Some((names, chunks)) = left {
            (self.names, self.chunks) = (names, chunks);
        } else {
            self.is_full = true;
        }
        left.is_some()
    }

    /// Whether there was no room for something.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Why a name is not followed when there is no room.
    pub(crate) fn reason(&self) -> String {
        format!(
            "left out: the objects of this file have over {} further names, or arrays under them many chunks; narrow the scan to what is wanted",
            self.all
        )
    }
}

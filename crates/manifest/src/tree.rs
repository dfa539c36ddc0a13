//! Ways through the tree, and through the chunks of an array whatever its layout.

use std::borrow::Cow;
use std::collections::btree_map;

use bytes::Bytes;

use crate::array::{Array, Codec, Group, Layout, Manifest};
use crate::chunk_grid::{cell_count, chunk_grid};
use crate::chunk_table::ChunkRef;
use crate::chunks::{Chunks, Runs};
use crate::data_type::DataType;
use crate::error::{Error, Result};

/// Whether a group or an array of this name can be written as keys of a Zarr store.
///
/// Keys are joined with `/` and become file names and parts of URLs; names that begin with `.z`
/// are Zarr's own, and fsspec takes them for documents.
///
/// # Errors
/// When it can't, with the reason.
pub fn check_name(name: &str) -> Result<()> {
    let reason = match name {
        "" => "empty",
        "." | ".." => "means a folder in a path",
        "zarr.json" => "the name of a Zarr document",
        _ if name.starts_with(".z") => "names that begin with .z are Zarr's own",
        _ if name.contains('/') => "holds a slash, which separates names",
        _ if name.contains('\\') => "holds a backslash, which separates names on some systems",
        _ if name.contains('\0') => "holds a NUL, which no file name can",
        _ => return Ok(()),
    };
    Err(Error::Name {
        name: name.to_owned(),
        reason,
    })
}

impl Manifest {
    /// The array at a path such as `/a/b`; the leading slash may be left out.
    pub fn array(&self, path: &str) -> Option<&Array> {
        let path = path.strip_prefix('/').unwrap_or(path);
        match path.rsplit_once('/') {
            Some((group, name)) => self.group(group)?.arrays.get(name),
            None => self.root.arrays.get(path),
        }
    }

    /// The group at a path such as `/a/b`; `/` and the empty path are the root.
    pub fn group(&self, path: &str) -> Option<&Group> {
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.is_empty() {
            return Some(&self.root);
        }
        path.split('/')
            .try_fold(&self.root, |group, name| group.groups.get(name))
    }

    /// All groups with their paths from the root (`/`, `/a`, `/a/b`), each before those within it.
    pub fn groups(&self) -> impl Iterator<Item = (String, &Group)> {
        Groups {
            root: Some(&self.root),
            path: String::new(),
            levels: Vec::new(),
        }
    }

    /// All arrays with their paths from the root (`/a/b`), group by group.
    pub fn arrays(&self) -> impl Iterator<Item = (String, &Array)> {
        self.groups().flat_map(|(path, group)| {
            let prefix = if path == "/" { String::new() } else { path };
            group
                .arrays
                .iter()
                .map(move |(name, array)| (format!("{prefix}/{name}"), array))
        })
    }
}

/// A walk that holds its own stack: a hostile file's groups may be nested deeper than a thread's.
struct Groups<'a> {
    root: Option<&'a Group>,
    /// Of the group last given; empty for the root.
    path: String,
    /// For each open group: its subgroups, and how long its path is.
    levels: Vec<(btree_map::Iter<'a, String, Group>, usize)>,
}

impl<'a> Iterator for Groups<'a> {
    type Item = (String, &'a Group);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(root) = self.root.take() {
            self.levels.push((root.groups.iter(), 0));
            return Some(("/".to_owned(), root));
        }
        loop {
            let (groups, length) = self.levels.last_mut()?;
            self.path.truncate(*length);
            if let Some((name, group)) = groups.next() {
                self.path.push('/');
                self.path.push_str(name);
                self.levels.push((group.groups.iter(), self.path.len()));
                return Some((self.path.clone(), group));
            }
            self.levels.pop();
        }
    }
}

impl Array {
    /// Lengths of a chunk's axes in elements, none zero; empty for a scalar.
    pub fn chunk_shape(&self) -> Cow<'_, [u64]> {
        match &self.layout {
            Layout::Chunked { chunk_shape, .. }
            | Layout::Contiguous { chunk_shape, .. }
            | Layout::Absent { chunk_shape, .. }
            | Layout::External { chunk_shape, .. }
            | Layout::Virtual { chunk_shape, .. } => Cow::Borrowed(chunk_shape),
            Layout::Concat(concat) => Cow::Borrowed(concat.chunk_shape()),
            Layout::Inline { .. } => {
                Cow::Owned(self.shape.iter().map(|length| (*length).max(1)).collect())
            }
        }
    }

    /// Chunks along each axis.
    ///
    /// # Errors
    /// When the chunk shape has not one length above zero for each axis.
    pub fn chunk_grid(&self) -> Result<Vec<u64>> {
        let chunk_shape = self.chunk_shape();
        chunk_grid(&self.shape, &chunk_shape).ok_or(Error::Axes {
            what: "chunk lengths above zero",
            found: chunk_shape.iter().filter(|length| **length > 0).count(),
            axes: self.shape.len(),
        })
    }

    /// Fails unless there are one dimension name and one chunk length above zero for each axis.
    pub(crate) fn check_axes(&self) -> Result<()> {
        self.chunk_grid()?;
        if self.dimension_names.len() == self.shape.len() {
            return Ok(());
        }
        Err(Error::Axes {
            what: "dimension names",
            found: self.dimension_names.len(),
            axes: self.shape.len(),
        })
    }

    /// What a writer of its chunks applies, in this order.
    pub fn codecs(&self) -> &[Codec] {
        match (&self.layout, &self.data_type) {
            (Layout::Chunked { codecs, .. }, _) => codecs,
            (_, DataType::VariableString) => &[Codec::VlenUtf8],
            (_, DataType::VariableBytes) => &[Codec::VlenBytes],
            _ => &[],
        }
    }

    /// Why no Zarr reader can decode its chunks, though chunkref's store can; `None` where one can.
    /// Reference sets leave such an array out.
    pub fn beyond_zarr(&self) -> Option<String> {
        match &self.layout {
            Layout::Chunked { chunks, .. } if chunks.has_filter_masks() => {
                return Some("its chunks differ in their filter masks".to_owned());
            }
            Layout::External { segments, .. } => {
                let all_there = segments.iter().all(|segment| segment.place.is_some());
                return Some(if all_there {
                    "its external data files do not end where chunks can".to_owned()
                } else {
                    "its external data files end before it does".to_owned()
                });
            }
            Layout::Virtual { sources, .. } => {
                let alike = |source: &Self| source.data_type == self.data_type;
                return Some(if sources.iter().all(alike) {
                    "its mappings do not follow the chunks of its sources".to_owned()
                } else {
                    "its sources have other types".to_owned()
                });
            }
            Layout::Concat(concat) => {
                return Some(match concat.profiles().len() {
                    1 => "its granules do not end where chunks do".to_owned(),
                    count => format!("its granules are stored in {count} different ways"),
                });
            }
            _ => {}
        }
        self.codecs().iter().find_map(|codec| match codec {
            Codec::Hdf5 { id, .. } => Some(match filter_name(*id) {
                Some(name) => format!("HDF5 filter {id} ({name}) is no Zarr codec"),
                None => format!("HDF5 filter {id} is no Zarr codec"),
            }),
            Codec::Convert(conversion) => Some(conversion.reason.clone()),
            _ => None,
        })
    }

    /// Whether its chunks lie nowhere as such: chunkref's store makes them, all of the grid, and
    /// [`Self::chunks`] gives none.
    pub fn is_put_together(&self) -> bool {
        matches!(
            self.layout,
            Layout::External { .. } | Layout::Virtual { .. } | Layout::Concat(_)
        )
    }

    /// Where the chunk with this number (its place in the grid in C order) lies; `None` if it is
    /// absent, [put together](Self::is_put_together), or outside the grid.
    pub fn chunk(&self, index: u64) -> Option<ChunkRef<'_>> {
        match &self.layout {
            Layout::Chunked { chunks, .. } => chunks.get(index),
            Layout::Contiguous { .. } => {
                let runs = Runs::of(self)?;
                (index < runs.count).then(|| runs.get(index)).flatten()
            }
            Layout::Inline { data } => (index < self.cells()?).then_some(ChunkRef::Inline(data)),
            Layout::Absent { .. }
            | Layout::External { .. }
            | Layout::Virtual { .. }
            | Layout::Concat(_) => None,
        }
    }

    /// The chunks that are not absent, with their numbers, ascending.
    pub fn chunks(&self) -> Chunks<'_> {
        Chunks::new(self)
    }

    /// The number of chunks that are not absent.
    pub fn stored_chunks(&self) -> u64 {
        match &self.layout {
            Layout::Chunked { chunks, .. } => chunks.stored(),
            Layout::Contiguous { .. } => Runs::of(self).map_or(0, |runs| runs.count),
            Layout::Inline { .. } => u64::from(self.chunk(0).is_some()),
            Layout::Absent { .. } => 0,
            Layout::External { .. } | Layout::Virtual { .. } | Layout::Concat(_) => {
                self.cells().unwrap_or(u64::MAX)
            }
        }
    }

    /// Whether no chunk is absent.
    pub fn is_complete(&self) -> bool {
        self.cells() == Some(self.stored_chunks())
    }

    /// An encoded chunk full of the fill value, where the layout has one.
    pub fn fill_chunk(&self) -> Option<&Bytes> {
        match &self.layout {
            Layout::Chunked { fill_chunk, .. } | Layout::Absent { fill_chunk, .. } => {
                fill_chunk.as_ref()
            }
            Layout::Contiguous { .. }
            | Layout::Inline { .. }
            | Layout::External { .. }
            | Layout::Virtual { .. }
            | Layout::Concat(_) => None,
        }
    }

    pub(crate) fn cells(&self) -> Option<u64> {
        cell_count(&self.chunk_grid().ok()?)
    }
}

/// The usual name of a filter in the HDF5 registry that has no Zarr codec, at least none that
/// undoes all it does.
pub(crate) fn filter_name(id: u16) -> Option<&'static str> {
    Some(match id {
        2 => "shuffle",
        4 => "szip",
        5 => "nbit",
        6 => "scaleoffset",
        305 => "lzo",
        307 => "bzip2",
        32000 => "lzf",
        32001 => "blosc",
        32004 => "lz4",
        32008 => "bitshuffle",
        32015 => "zstd",
        32026 => "blosc2",
        _ => return None,
    })
}

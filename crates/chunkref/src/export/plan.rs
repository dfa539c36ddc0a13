//! What is exported: arrays, their chunks, and documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};

use bytes::Bytes;
use chunkref_manifest::{
    Array, DataType, Layout, Manifest, cell_count, check_name, chunk_coordinates, chunk_grid, zarr,
};
use chunkref_store::{Selection, Slice};
use serde_json::{Map, Value, json};

use super::chunk::{Padding, Task};
use super::{ExportCodec, ExportError, ExportOptions};

/// An array to export.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    /// Its path from the root.
    pub(super) path: String,
    array: &'a Array,
    /// What of it.
    slices: Vec<Slice>,
    /// Lengths of the axes of what is written.
    shape: Vec<u64>,
    chunk_shape: Vec<u64>,
    grid: Vec<u64>,
    document: Value,
}

/// All that is exported.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    manifest: &'a Manifest,
    pub(super) arrays: Vec<Planned<'a>>,
    pub(super) refused: Vec<(String, String)>,
    /// Paths of the groups that are written.
    groups: BTreeSet<String>,
}

/// Chunks to write.
pub(super) struct Tasks<'p> {
    /// How many.
    pub(super) count: u64,
    /// How many chunks are absent.
    pub(super) absent: u64,
    pub(super) all: Box<dyn Iterator<Item = Task<'p>> + Send + 'p>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        manifest: &'a Manifest,
        options: &ExportOptions,
    ) -> Result<Self, ExportError> {
        let group = format!(
            "/{}",
            options.group.as_deref().unwrap_or("").trim_matches('/')
        );
        let asked = |what: &str, reason: &str| ExportError::Asked {
            what: what.to_owned(),
            reason: reason.to_owned(),
        };
        if manifest.group(&group).is_none() {
            return Err(asked(&group, "no such group"));
        }
        let under = format!("{}/", group.trim_end_matches('/'));
        let mut wanted = BTreeSet::new();
        for name in &options.arrays {
            let path = format!("{under}{}", name.trim_matches('/'));
            let array = manifest.array(&path);
            let array = array.ok_or_else(|| asked(&path, "no such array"))?;
            wanted.extend(coordinates(manifest, &path, array));
            wanted.insert(path);
        }
        for path in options.selections.keys() {
            manifest
                .array(path)
                .ok_or_else(|| asked(path, "no such array"))?;
        }
        let is_wanted = |path: &str| {
            if wanted.is_empty() {
                path.starts_with(&under)
            } else {
                wanted.contains(path)
            }
        };
        let mut plan = Self {
            manifest,
            arrays: Vec::new(),
            refused: Vec::new(),
            groups: BTreeSet::new(),
        };
        for (path, array) in manifest.arrays().filter(|(path, _)| is_wanted(path)) {
            match Planned::new(&path, array, options) {
                Ok(array) => {
                    plan.groups.extend(ancestors(&path));
                    plan.arrays.push(array);
                }
                Err(reason) => plan.refused.push((path, reason)),
            }
        }
        if wanted.is_empty() {
            let all = manifest.groups().map(|(path, _)| path);
            let below = all.filter(|path| path.starts_with(&under) || *path == group);
            plan.groups.extend(below.filter(|path| names_fit(path)));
        }
        plan.groups.extend(ancestors(&format!("{under}x")));
        if plan.arrays.is_empty() && !plan.refused.is_empty() && !options.arrays.is_empty() {
            let (path, reason) = plan.refused.swap_remove(0);
            return Err(asked(&path, &reason));
        }
        Ok(plan)
    }

    /// What tells this export from others: what is read, and how it is written.
    pub(super) fn fingerprint(&self, manifest: &Manifest, options: &ExportOptions) -> String {
        let mut hashed = Hashed(DefaultHasher::new());
        // Hashing does not fail.
        let _ = write!(hashed, "{:?}{:?}", options.codec, self.groups);
        for (_, location) in manifest.locations.iter() {
            let _ = write!(hashed, "{location:?}");
        }
        for planned in &self.arrays {
            let Planned {
                path,
                array,
                slices,
                chunk_shape,
                ..
            } = planned;
            let _ = write!(hashed, "{path}{slices:?}{chunk_shape:?}{array:?}");
        }
        format!(
            "chunkref {} {:016x}\n",
            env!("CARGO_PKG_VERSION"),
            hashed.0.finish()
        )
    }

    /// All chunks, array by array.
    pub(super) fn tasks(&'a self) -> Tasks<'a> {
        let counts = self.arrays.iter().map(Planned::count);
        let (mut count, mut absent) = (0_u64, 0_u64);
        for (stored, cells) in counts {
            count = count.saturating_add(stored);
            absent = absent.saturating_add(cells.saturating_sub(stored));
        }
        Tasks {
            count,
            absent,
            all: Box::new(self.arrays.iter().flat_map(Planned::tasks)),
        }
    }

    /// The documents, by key; that of the root holds all others.
    pub(super) fn documents(&self, options: &ExportOptions) -> BTreeMap<String, Value> {
        let mut documents = BTreeMap::new();
        for path in &self.groups {
            if let Some(group) = self.manifest.group(path) {
                documents.insert(key(path), zarr::v3::group_document(group));
            }
        }
        for array in &self.arrays {
            let mut document = array.document.clone();
            if let (Some(codecs), Some(codec)) = (
                document.get_mut("codecs").and_then(Value::as_array_mut),
                codec_json(options.codec),
            ) {
                codecs.push(codec);
            }
            documents.insert(key(&array.path), document);
        }
        let metadata: Map<String, Value> = documents
            .iter()
            .filter_map(|(key, document)| {
                Some((key.strip_suffix("/zarr.json")?.to_owned(), document.clone()))
            })
            .collect();
        if let Some(root) = documents
            .get_mut("zarr.json")
            .and_then(Value::as_object_mut)
        {
            root.insert(
                "consolidated_metadata".to_owned(),
                json!({"kind": "inline", "must_understand": false, "metadata": metadata}),
            );
        }
        documents
    }
}

impl<'a> Planned<'a> {
    fn new(path: &str, array: &'a Array, options: &ExportOptions) -> Result<Self, String> {
        for name in path.trim_start_matches('/').split('/') {
            check_name(name).map_err(|error| error.to_string())?;
        }
        let whole = || {
            array
                .shape
                .iter()
                .map(|length| Slice::new(0, *length))
                .collect()
        };
        let slices: Vec<Slice> = match options.selections.get(path) {
            None | Some(Selection::All) => whole(),
            Some(Selection::Slices(slices)) => slices.clone(),
            Some(_) => return Err("single points are no array of the same axes".to_owned()),
        };
        let within = slices.iter().zip(&array.shape);
        if slices.len() != array.shape.len()
            || within.clone().any(|(slice, length)| slice.stop > *length)
        {
            return Err(format!(
                "a selection that does not fit its shape {:?}",
                array.shape
            ));
        }
        let shape: Vec<u64> = slices.iter().map(Slice::count).collect();
        let chunk_shape: Vec<u64> = array
            .chunk_shape()
            .iter()
            .zip(&array.dimension_names)
            .zip(&shape)
            .map(|((length, name), axis)| {
                if array.data_type.size().is_none() {
                    return *length;
                }
                let asked = options.chunks.get(name).copied();
                // Of a part none is longer than that, as the source's may be.
                let most = if shape == array.shape {
                    u64::MAX
                } else {
                    *axis
                };
                let most = asked.map_or(most, |_| *axis);
                asked.unwrap_or(*length).min(most).max(1)
            })
            .collect();
        if array.data_type.size().is_none() {
            strings(array, &shape)?;
        }
        let grid = chunk_grid(&shape, &chunk_shape).ok_or("not one chunk length for each axis")?;
        let size = chunk_shape.iter().try_fold(
            u64::from(array.data_type.size().unwrap_or(1)),
            |size, length| size.checked_mul(*length),
        );
        if size.is_none_or(|size| size > options.limit) {
            return Err(format!(
                "chunks {chunk_shape:?} of more than {} bytes",
                options.limit
            ));
        }
        let described = Array {
            shape: shape.clone(),
            data_type: array.data_type.clone(),
            dimension_names: array.dimension_names.clone(),
            fill_value: array.fill_value.clone(),
            attributes: array.attributes.clone(),
            layout: Layout::Absent {
                chunk_shape: chunk_shape.clone(),
                fill_chunk: None,
            },
        };
        let document = zarr::v3::array_document(&described).map_err(|error| error.to_string())?;
        Ok(Self {
            path: path.to_owned(),
            array,
            slices,
            shape,
            chunk_shape,
            grid,
            document,
        })
    }

    /// Chunks to write, and chunks of the grid.
    fn count(&self) -> (u64, u64) {
        let cells = cell_count(&self.grid).unwrap_or(u64::MAX);
        if self.follows_source() {
            (self.array.stored_chunks(), cells)
        } else {
            (cells, cells)
        }
    }

    /// Whether its chunks are those of the source, so that those that are absent there are absent here.
    fn follows_source(&self) -> bool {
        !self.array.is_put_together()
            && self.shape == self.array.shape
            && self.chunk_shape == *self.array.chunk_shape()
    }

    fn tasks(&self) -> Box<dyn Iterator<Item = Task<'_>> + Send + '_> {
        let task = |index| {
            Some(Task {
                array: self,
                place: chunk_coordinates(index, &self.grid)?,
            })
        };
        if self.follows_source() {
            Box::new(
                self.array
                    .chunks()
                    .filter_map(move |(index, _)| task(index)),
            )
        } else {
            Box::new((0..self.count().1).filter_map(task))
        }
    }

    pub(super) fn chunk_key(&self, place: &[u64]) -> String {
        let path = self.path.trim_start_matches('/');
        format!("{path}/{}", zarr::v3::chunk_key(place))
    }

    pub(super) fn chunk_bytes(&self) -> u64 {
        if let Some(inline) = self.inline() {
            return u64::try_from(inline.len()).unwrap_or(u64::MAX);
        }
        let element = u64::from(self.array.data_type.size().unwrap_or(1));
        self.chunk_shape
            .iter()
            .fold(element, |size, length| size.saturating_mul(*length))
    }

    /// Elements of variable length, as they are written.
    pub(super) fn inline(&self) -> Option<Bytes> {
        match (&self.array.layout, self.array.data_type.size()) {
            (Layout::Inline { data }, None) => Some(data.clone()),
            _ => None,
        }
    }

    /// What of the source a chunk holds.
    pub(super) fn slices(&self, place: &[u64]) -> Vec<Slice> {
        let axes = self.slices.iter().zip(place).zip(self.lengths(place));
        axes.zip(&self.chunk_shape)
            .map(|(((slice, at), count), length)| {
                let before = at.saturating_mul(*length).saturating_mul(slice.step());
                let start = slice.start.saturating_add(before);
                let stop = count.saturating_sub(1).saturating_mul(slice.step());
                let stop = start.saturating_add(stop).saturating_add(1);
                Slice::new(start, stop).with_step(slice.step())
            })
            .collect()
    }

    /// How many elements a chunk has along each axis that are not beyond the end.
    fn lengths(&self, place: &[u64]) -> Vec<u64> {
        let axes = place.iter().zip(&self.chunk_shape).zip(&self.shape);
        axes.map(|((at, length), axis)| {
            axis.saturating_sub(at.saturating_mul(*length)).min(*length)
        })
        .collect()
    }

    /// What a chunk lacks that reaches over the end.
    pub(super) fn padding(&self, place: &[u64]) -> Option<Padding> {
        let lengths = self.lengths(place);
        let element = usize::try_from(self.array.data_type.size()?).ok()?;
        let narrow = |lengths: &[u64]| {
            let lengths = lengths.iter();
            lengths
                .map(|length| usize::try_from(*length).unwrap_or(usize::MAX))
                .collect()
        };
        (lengths != self.chunk_shape).then(|| Padding {
            shape: narrow(&lengths),
            chunk_shape: narrow(&self.chunk_shape),
            fill: match &self.array.fill_value {
                Some(fill) => fill.to_vec(),
                None => vec![0; element],
            },
        })
    }
}

/// Whether elements of variable length can be exported.
fn strings(array: &Array, shape: &[u64]) -> Result<(), String> {
    if !matches!(
        array.data_type,
        DataType::VariableString | DataType::VariableBytes
    ) {
        return Err(format!("elements of {:?}", array.data_type));
    }
    match array.layout {
        Layout::Inline { .. } if *shape == *array.shape => Ok(()),
        Layout::Inline { .. } => Err("a part of an array of variable-length elements".to_owned()),
        Layout::Absent { .. } => Ok(()),
        _ => Err("elements of variable length in chunks".to_owned()),
    }
}

/// The arrays that hold the coordinates of an array: one axis, named as a dimension, in its group or
/// one above.
fn coordinates(manifest: &Manifest, path: &str, array: &Array) -> Vec<String> {
    let mut found = Vec::new();
    for name in &array.dimension_names {
        let mut group = path;
        while let Some((above, _)) = group.rsplit_once('/') {
            let coordinate = format!("{above}/{name}");
            let along = manifest.array(&coordinate);
            if along.is_some_and(|along| along.dimension_names == [name.as_str()]) {
                found.push(coordinate);
                break;
            }
            group = above;
        }
    }
    found
}

/// The groups that a path lies in, from the root on.
fn ancestors(path: &str) -> Vec<String> {
    let slashes = path.match_indices('/');
    slashes
        .filter_map(|(at, _)| match path.get(..at)? {
            "" => Some("/".to_owned()),
            group => Some(group.to_owned()),
        })
        .collect()
}

/// Whether all names of a path can be names of folders.
fn names_fit(path: &str) -> bool {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.map(check_name).all(|checked| checked.is_ok())
}

fn key(path: &str) -> String {
    match path.trim_start_matches('/') {
        "" => "zarr.json".to_owned(),
        path => format!("{path}/zarr.json"),
    }
}

fn codec_json(codec: ExportCodec) -> Option<Value> {
    match codec {
        ExportCodec::None => None,
        ExportCodec::Zstd { level } => Some(json!({
            "name": "zstd", "configuration": {"level": level, "checksum": false},
        })),
        ExportCodec::Gzip { level } => Some(json!({
            "name": "gzip", "configuration": {"level": level},
        })),
    }
}

/// What is written into it is hashed.
struct Hashed(DefaultHasher);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

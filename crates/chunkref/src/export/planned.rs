//! One array to export: which part of it, in which chunks.

use bytes::Bytes;
use chunkref_manifest::{
    Array, DataType, Layout, cell_count, check_name, chunk_coordinates, chunk_grid, zarr,
};
use chunkref_store::{Selection, Slice};
use serde_json::Value;

use super::ExportOptions;
use super::chunk::Padding;

/// An array to export.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    /// Its path from the root.
    pub(super) path: String,
    pub(super) array: &'a Array,
    /// What of it.
    pub(super) slices: Vec<Slice>,
    /// Lengths of the axes of what is written.
    shape: Vec<u64>,
    pub(super) chunk_shape: Vec<u64>,
    grid: Vec<u64>,
    pub(super) document: Value,
}

impl<'a> Planned<'a> {
    pub(super) fn new(
        path: &str,
        array: &'a Array,
        options: &ExportOptions,
    ) -> Result<Self, String> {
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
        let mut document =
            zarr::v3::array_document(&described).map_err(|error| error.to_string())?;
        if let (Some(codecs), Some(codec)) = (
            document.get_mut("codecs").and_then(Value::as_array_mut),
            options.codec.document(),
        ) {
            codecs.push(codec);
        }
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
    pub(super) fn count(&self) -> (u64, u64) {
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

    /// The places in the grid of the chunks to write.
    pub(super) fn places(&self) -> Box<dyn Iterator<Item = Vec<u64>> + Send + '_> {
        let place = |index| chunk_coordinates(index, &self.grid);
        if self.follows_source() {
            let chunks = self.array.chunks();
            Box::new(chunks.filter_map(move |(index, _)| place(index)))
        } else {
            Box::new((0..self.count().1).filter_map(place))
        }
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
        return Err(format!("elements of the type {}", array.data_type));
    }
    match array.layout {
        Layout::Inline { .. } if *shape == *array.shape => Ok(()),
        Layout::Inline { .. } => Err("a part of an array of variable-length elements".to_owned()),
        Layout::Absent { .. } => Ok(()),
        _ => Err("elements of variable length in chunks".to_owned()),
    }
}

//! Variables that are shorter than their unlimited dimension.
//!
//! netCDF lets each variable of an unlimited dimension be written as far as it likes, and its readers
//! show all of them as long as the dimension, with fill values at the end. What libhdf5 would show if
//! such a dataset were extended is just that: new chunks are absent, and a chunk over the edge holds
//! fill values there, since libhdf5 fills chunks when it makes them and when a dataset shrinks.

use chunkref_hdf5::{Chunks, Dataset, Dataspace, FillValue, Layout};
use chunkref_manifest::{chunk_coordinates, chunk_grid, chunk_index};

use crate::dataset::{Mapper, Named};

impl Mapper<'_> {
    /// A variable as long as its unlimited dimensions, if it is shorter.
    pub(crate) fn grown(&self, named: Named<'_>, warnings: &mut Vec<String>) -> Option<Dataset> {
        if self.is_source {
            return None;
        }
        let lengths = self.dimensions.longer(named.address, named.dataset)?;
        let grown = grown(named.dataset, &lengths)?;
        warnings.push(format!(
            "of shape {:?}, and shown as {lengths:?}, as long as its unlimited dimensions: the rest is \
             its fill value",
            named.dataset.dataspace.shape()
        ));
        Some(grown)
    }
}

/// A dataset as if it were extended to these lengths, none of which is less than its own; `None`
/// where it can't be, or what its last chunks hold beyond its edge is not certain.
fn grown(dataset: &Dataset, lengths: &[u64]) -> Option<Dataset> {
    let Dataspace::Simple { shape, max_shape } = &dataset.dataspace else {
        return None;
    };
    let (
        Layout::Chunked {
            chunk_shape,
            unfiltered_edges: false,
            ..
        },
        FillValue::Value(_),
        Some(chunks),
    ) = (&dataset.layout, &dataset.fill_value, &dataset.chunks)
    else {
        return None;
    };
    let mut axes = shape.iter().zip(lengths).zip(chunk_shape);
    let is_clean = axes.all(|((own, length), chunk)| {
        own == length || dataset.chunks_are_filled || own.checked_rem(*chunk) == Some(0)
    });
    if !is_clean || lengths.len() != shape.len() {
        return None;
    }
    let grid = chunk_grid(lengths, chunk_shape)?;
    let indices = chunks
        .indices
        .iter()
        .map(|&index| chunk_index(&chunk_coordinates(index, &chunks.grid)?, &grid))
        .collect::<Option<Vec<_>>>()?;
    let dataspace = Dataspace::Simple {
        shape: lengths.to_vec(),
        max_shape: max_shape.clone(),
    };
    dataspace.elements()?;
    Some(Dataset {
        dataspace,
        chunks: Some(Chunks {
            grid,
            indices,
            offsets: chunks.offsets.clone(),
            lengths: chunks.lengths.clone(),
            filter_masks: chunks.filter_masks.clone(),
        }),
        datatype: dataset.datatype.clone(),
        fill_value: dataset.fill_value.clone(),
        filters: dataset.filters.clone(),
        layout: dataset.layout.clone(),
        external_files: Vec::new(),
        ..*dataset
    })
}

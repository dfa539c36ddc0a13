//! Undoes the I/O filters of metadata (a fractal heap may have some) for the parser, which knows
//! no filter.

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_hdf5::{self as hdf5, Decode};

/// All the filters that data may have.
#[derive(Debug)]
pub(crate) struct MetadataFilters;

fn filter(filter: &hdf5::Filter) -> Filter {
    Filter::from_hdf5(filter.id.0, &filter.parameters)
}

impl Decode for MetadataFilters {
    fn knows(&self, known: &hdf5::Filter) -> bool {
        filter(known).is_supported()
    }

    fn decode(
        &self,
        filters: &[hdf5::Filter],
        mask: u32,
        stored: Bytes,
        decoded_size: usize,
    ) -> Result<Bytes, String> {
        let filters: Vec<_> = filters.iter().map(filter).collect();
        Pipeline::new(filters)
            .decode(stored, mask, decoded_size)
            .map_err(|error| error.to_string())
    }
}

//! The filters of heaps, for tests: the parser knows none itself.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};
use chunkref_hdf5::{Decode, Filter as Stated, ScanOptions};

/// All filters that data may have.
#[derive(Debug)]
struct Filters;

fn filter(stated: &Stated) -> Filter {
    Filter::from_hdf5(stated.id.0, &stated.parameters)
}

impl Decode for Filters {
    fn knows(&self, stated: &Stated) -> bool {
        filter(stated).is_supported()
    }

    fn decode(
        &self,
        filters: &[Stated],
        mask: u32,
        stored: Bytes,
        decoded_size: usize,
    ) -> Result<Bytes, String> {
        Pipeline::new(filters.iter().map(filter).collect::<Vec<_>>())
            .decode(stored, mask, decoded_size)
            .map_err(|error| error.to_string())
    }
}

/// A scan of the whole of a file of so many bytes.
pub(crate) fn options(size: usize) -> ScanOptions {
    let mut options = ScanOptions::default();
    options.file_size = Some(size as u64);
    options.decoder = Some(Arc::new(Filters));
    options
}

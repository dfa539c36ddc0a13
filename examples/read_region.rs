//! Scans a granule and reads a part of a variable straight from it, as Zarr.
//!
//! ```sh
//! cargo run --example read_region -- fixtures/granules/mur_like_20200601.nc analysed_sst
//! ```

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::sync::Arc;

use chunkref::{Client, ClientOptions, ScanOptions, Store, scan};
use zarrs::array::{Array, ArraySubset};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: read_region URL VARIABLE".into());
    };

    // Only metadata are read here.
    let client = Client::new(ClientOptions::default());
    let scanned = scan(&client, &url, &ScanOptions::default()).await?;
    for dataset in scanned.report.refused() {
        eprintln!("refused: {} ({:?})", dataset.path, dataset.reason);
    }

    // The store answers Zarr keys with ranged reads of the granule. It reads exact ranges, so
    // nothing is to be read ahead.
    let client = Client::new(ClientOptions::default().with_head_read(0));
    let store = Arc::new(Store::new(Arc::new(scanned.manifest), client.clone()));
    let array = Array::async_open(store, &format!("/{name}")).await?;
    println!("{name}: shape {:?}, {}", array.shape(), array.data_type());

    // The first ten elements of each axis.
    let corner = ArraySubset::new_with_ranges(
        &array
            .shape()
            .iter()
            .map(|&length| 0..length.min(10))
            .collect::<Vec<_>>(),
    );
    let bytes: zarrs::array::ArrayBytes = array.async_retrieve_array_subset(&corner).await?;
    let stats = client.log().snapshot();
    println!(
        "a corner of {} elements: {} bytes decoded, {} bytes in {} requests from the granule",
        corner.num_elements(),
        bytes.size(),
        stats.bytes,
        stats.requests
    );
    Ok(())
}

//! Opens a granule or a reference set, and reads a chunk of an array through `zarrs`.
//!
//! ```sh
//! cargo run --example read_chunk -- fixtures/granules/mur_like_20200601.nc analysed_sst
//! ```

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::sync::Arc;

use chunkref::{Client, ClientOptions, open};
use zarrs::array::{Array, ArrayBytes};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: read_chunk FILE-OR-SET ARRAY".into());
    };

    // Of a granule the start is read, of a Parquet set its documents.
    let client = Client::new(ClientOptions::default());
    let store = Arc::new(open(&client, &address).await?);

    // The group of the array is scanned now, no other.
    let array = Array::async_open(store, &format!("/{}", path.trim_start_matches('/'))).await?;
    println!("{path}: shape {:?}, {}", array.shape(), array.data_type());

    // One ranged read, decoded by zarrs or, where zarrs can't, by the store.
    let first = vec![0; array.shape().len()];
    let chunk: ArrayBytes = array.async_retrieve_chunk(&first).await?;
    let stats = client.log().snapshot();
    println!(
        "its first chunk: {} bytes decoded; {} bytes in {} requests in all",
        chunk.size(),
        stats.bytes,
        stats.requests
    );
    Ok(())
}

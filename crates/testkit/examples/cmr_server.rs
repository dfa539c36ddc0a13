//! A server of CMR for measurements and searches by hand:
//!
//! ```sh
//! cargo run -p chunkref-testkit --features cmr --example cmr_server -- 50 [HTTPS [S3]]
//! ```
//!
//! It waits so many milliseconds before each answer, and prints the URL for `chunkref search
//! --cmr-url`. It knows of 10,000 granules (`DAILY`) and of some like MUR's
//! (`MUR-JPL-L4-GLOB-v4.1`), until its standard input ends. Links to their files begin with `HTTPS`, a
//! URL of https or http, and `S3`, one of s3, if these are given; then comes the file's name.

use std::io::Read as _;
use std::time::Duration;

use chunkref_testkit::{CmrCollection, CmrServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let latency = arguments.next().unwrap_or_else(|| "0".to_owned());
    let (https, s3) = (arguments.next(), arguments.next());
    let linked = |collection: CmrCollection| match &https {
        Some(https) => collection.with_links(https, s3.as_deref()),
        None => collection,
    };
    let daily = CmrCollection::daily(1_000_000, "DAILY", "2000-01-01", 24, 10_000);
    let mur = CmrCollection::daily(2_000_000, "MUR-JPL-L4-GLOB-v4.1", "2013-01-01", 21, 3652);
    let server = CmrServer::builder()
        .gzip()
        .latency(Duration::from_millis(latency.parse()?))
        .collection(linked(daily))
        .collection(linked(mur))
        .start();
    eprintln!("{}", server.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

//! A server of S3 over an archive of daily granules, for measurements of builds:
//!
//! ```sh
//! cargo run --release -p chunkref-testkit --features s3 --example archive_server -- GRANULE 1000 50
//! ```
//!
//! All are `GRANULE`, one of MUR's kind for 2020-06-01 (`fixtures/granules/mur_like_20200601.nc`), with
//! another day in each, and 1 MB long: `s3://granules/000000.nc` and so on, which anyone may read. It waits so
//! many milliseconds before each answer, and prints its endpoint. A line `add N` on standard input adds
//! granules; any line is answered by how many requests and bytes there were since the last, and for how
//! many granules.

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::path::Path;
use std::time::Duration;

use chunkref_testkit::S3Server;

/// 2020-06-01T09:00, in seconds since 1981.
const FIRST: i32 = 1_243_846_800;
const DAY: i32 = 86_400;
const LENGTH: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(granule), Some(count), Some(latency)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("expected a granule, how many, and the latency in milliseconds".into());
    };
    let granule = std::fs::read(granule)?;
    let time = FIRST.to_le_bytes();
    let place = granule.windows(4).position(|bytes| bytes == time);
    let place = place.ok_or("the granule is not of 2020-06-01T09:00")?;
    let root = tempfile::tempdir()?;
    let mut count: usize = count.parse()?;
    let mut builder = S3Server::builder(root.path())
        .latency(Duration::from_millis(latency.parse()?))
        .anonymous();
    for day in 0..count {
        builder = builder.object("granules", &name(day), of_day(&granule, place, day)?);
    }
    let server = builder.start_blocking();
    for day in 0..count {
        lengthen(root.path(), day)?;
    }
    eprintln!("{}", server.endpoint());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(more) = line.strip_prefix("add ") {
            let more: usize = more.trim().parse()?;
            for day in count..count + more {
                let path = root.path().join("granules").join(name(day));
                std::fs::write(path, of_day(&granule, place, day)?)?;
                lengthen(root.path(), day)?;
            }
            count += more;
        }
        let log = server.log();
        let bytes: u64 = log.iter().map(|one| one.bytes).sum();
        let paths = log.iter().map(|one| one.path.as_str());
        let granules: BTreeSet<_> = paths.filter(|path| path.contains(".nc")).collect();
        eprintln!("{} {bytes} {}", log.len(), granules.len());
        server.reset();
    }
    Ok(())
}

fn name(day: usize) -> String {
    format!("{day:06}.nc")
}

/// The granule with another day in it.
fn of_day(granule: &[u8], place: usize, day: usize) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut bytes = granule.to_vec();
    let time = FIRST + DAY * i32::try_from(day)?;
    bytes[place..place + 4].copy_from_slice(&time.to_le_bytes());
    Ok(bytes)
}

/// Zeros behind the end of what HDF5 counts as the file's, which take no room on the disk.
fn lengthen(root: &Path, day: usize) -> std::io::Result<()> {
    let path = root.join("granules").join(name(day));
    std::fs::File::options()
        .append(true)
        .open(path)?
        .set_len(LENGTH)
}

//! A server of S3 over the files of a folder, with latency, for measurements by hand:
//!
//! ```sh
//! cargo run --release -p chunkref-testkit --features s3 --example s3_server -- FOLDER 50
//! ```
//!
//! All files are in the bucket `granules`, which anyone may read. It prints its endpoint, and for
//! each line on standard input how many requests and bytes there were since the last.

use std::io::BufRead as _;
use std::time::Duration;

use chunkref_testkit::S3Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(latency)) = (arguments.next(), arguments.next()) else {
        return Err("expected a folder and the latency in milliseconds".into());
    };
    let root = tempfile::tempdir()?;
    let mut builder = S3Server::builder(root.path())
        .latency(Duration::from_millis(latency.parse()?))
        .anonymous();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            builder = builder.object("granules", &name, std::fs::read(entry.path())?);
        }
    }
    let server = builder.start_blocking();
    eprintln!("{}", server.endpoint());
    for line in std::io::stdin().lock().lines() {
        let log = server.log();
        let bytes: u64 = log.iter().map(|one| one.bytes).sum();
        eprintln!("{}: {} requests, {bytes} bytes", line?, log.len());
        server.reset();
    }
    Ok(())
}

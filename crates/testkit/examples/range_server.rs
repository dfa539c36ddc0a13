//! A range server over the files of a folder, with latency and a limit of bandwidth a connection,
//! for measurements:
//!
//! ```sh
//! cargo run --release -p chunkref-testkit --example range_server -- FOLDER 50 50 [PORT]
//! ```
//!
//! Milliseconds before each answer, and millions of bytes a second (0: no limit). It prints its URL,
//! and for each line on standard input how many requests and bytes of body there were since the last.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use chunkref_testkit::RangeServer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(latency), Some(bandwidth)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("expected a folder, milliseconds, and millions of bytes a second".into());
    };
    let server = RangeServer::builder()
        .root(folder)
        .latency(Duration::from_millis(latency.parse()?))
        .bandwidth(bandwidth.parse::<u64>()?.saturating_mul(1_000_000))
        .port(arguments.next().map_or(Ok(0), |port| port.parse())?)
        .start_blocking();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", server.url())?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let log = server.log();
        let bytes: u64 = log.iter().map(|one| one.bytes).sum();
        writeln!(out, "{} {bytes}", log.len())?;
        out.flush()?;
        server.reset();
    }
    Ok(())
}

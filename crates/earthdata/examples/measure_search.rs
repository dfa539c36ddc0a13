//! How long a search of many granules takes, and how much memory:
//!
//! ```sh
//! cargo run --release -p chunkref-earthdata --example measure_search -- 10000 50
//! ```
//!
//! searches for so many granules in a CMR that waits so many milliseconds before each answer, in a
//! process of its own. It prints seconds, requests, what came over the network and the most memory that
//! the searching process had (on Linux).

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chunkref_earthdata::{Cmr, Granules};
use chunkref_io::Client;
use chunkref_testkit::{CmrCollection, CmrServer};
use cpu_time::ProcessTime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", granules, latency] => serve(granules.parse()?, latency.parse()?),
        [granules, latency] => search(granules, latency).await,
        _ => Err("expected the number of granules and the latency in milliseconds".into()),
    }
}

/// Prints the URL, and serves until standard input ends.
fn serve(granules: usize, latency: u64) -> Result<(), Box<dyn Error>> {
    let collection = CmrCollection::daily(10, "DAILY", "2000-01-01", 21, granules);
    let server = CmrServer::builder()
        .collection(collection)
        .latency(Duration::from_millis(latency))
        .gzip()
        .start();
    println!("{}", server.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

async fn search(granules: &str, latency: &str) -> Result<(), Box<dyn Error>> {
    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", granules, latency])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    let client = Client::default();
    let cmr = Cmr::new(client.clone()).with_url(url.trim());
    let (started, cpu) = (Instant::now(), ProcessTime::now());
    let found = Granules::search().short_name("DAILY").run(&cmr).await?;
    let seconds = started.elapsed().as_secs_f64();
    let stats = client.log().snapshot();
    println!(
        "{} granules in {seconds:.2} s ({:.2} s of CPU), {} requests, {} bytes; peak memory: {}",
        found.granules.len(),
        cpu.elapsed().as_secs_f64(),
        stats.requests,
        stats.bytes,
        peak().unwrap_or_else(|| "not known".to_owned())
    );
    drop(server.stdin.take());
    server.wait()?;
    Ok(())
}

/// The most memory that this process had at a time.
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" "),
    )
}

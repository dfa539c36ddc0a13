//! Ctrl-C while something is written into a bucket.

use std::time::Duration;

use chunkref::Client;

use crate::failure::Failure;

/// As shells have it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;
/// How long a server may take to abort what was under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what writes to `output`. Ctrl-C ends it, and aborts its uploads on the server, where parts
/// would stay to be paid for. Local outputs need no such care.
pub(crate) async fn guarded<T>(
    client: &Client,
    output: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    if !output.contains("://") {
        return work.await;
    }
    let mut work = Box::pin(work);
    tokio::select! {
        done = &mut work => return done,
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
    drop(work);
    // What the server does not answer in time is left to it.
    let _ = tokio::time::timeout(PATIENCE, client.settle()).await;
    Err(Failure::new("interrupted").with_code(INTERRUPTED))
}

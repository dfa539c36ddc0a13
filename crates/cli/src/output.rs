//! Sets written into buckets: what to look out for, and Ctrl-C.

use std::sync::Arc;
use std::time::Duration;

use chunkref::manifest::Manifest;
use chunkref::{Client, SetFormat, write_in_place, write_to};

use crate::arguments::Parquet;
use crate::failure::{Failure, one_line};

/// As shells have it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;
/// How long a server may take to abort what was under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes a set, perhaps in place of the one that it was made of. One in a bucket that names files of this machine is of use to nobody else.
pub(crate) async fn write_set(
    client: &Client,
    manifest: Manifest,
    output: &str,
    in_place: bool,
    parquet: &Parquet,
) -> Result<(), Failure> {
    let (manifest, options) = (Arc::new(manifest), parquet.options());
    if SetFormat::of_name(output) == Some(SetFormat::Parquet) {
        for caution in options.cautions(&manifest) {
            eprintln!("warning: {}", one_line(&caution));
        }
    }
    if in_place {
        write_in_place(client, &manifest, output, &options).await?;
    } else {
        write_to(client, &manifest, output, &options).await?;
    }
    let is_local = |url: &str| !url.contains("://") || url.starts_with("file://");
    if is_local(output) {
        return Ok(());
    }
    let local = || {
        manifest
            .locations
            .iter()
            .filter(|(_, one)| is_local(&one.url))
    };
    if let Some((_, first)) = local().next() {
        eprintln!(
            "warning: {}",
            one_line(&format!(
                "{output}: names {} files of this machine, such as {}: it is not read from a URL; \
                 `chunkref relocate` changes where they lie",
                local().count(),
                first.url
            ))
        );
    }
    Ok(())
}

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

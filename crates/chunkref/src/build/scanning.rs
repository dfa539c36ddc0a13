//! The scans of a build; each goes into the journal as soon as it is done.

use chunkref_io::Client;
use chunkref_scan::{Error as ScanError, Outcome, ScanOptions, Scanned};
use futures::StreamExt as _;

use super::OnError;
use super::error::{BuildError, chain};
use super::events::{Event, FailedFile, Tell};
use super::journal::{Done, Effort, Journal, LeftOut};
use super::source::Source;
use crate::many::{ManyOptions, scan_many};
use crate::versioned::scan;

/// What scans gave.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) scanned: usize,
    pub(crate) failed: Vec<FailedFile>,
}

/// Scans files, several at one time.
pub(crate) async fn scan_all(
    client: &Client,
    sources: &[&Source],
    (options, many): (&ScanOptions, &ManyOptions),
    on_error: OnError,
    journal: &mut Journal,
    tell: &mut Tell<'_>,
) -> Result<Ended, BuildError> {
    let mut ended = Ended::default();
    let before = client.log().snapshot();
    let mut addresses = Vec::with_capacity(sources.len());
    for source in sources {
        let address = source.choose(client).await;
        addresses.push(address.map_err(|error| BuildError::Scan {
            file: source.name().to_owned(),
            reason: error.to_string(),
        })?);
    }
    let mut scans = scan_many(client, addresses, options, many);
    while let Some(finished) = scans.next().await {
        let Some(source) = sources.get(finished.index) else {
            continue;
        };
        let result = match finished.result {
            Err(ScanError::Io(error)) => {
                // Where the way to it is closed, there may be another.
                match source.other_way(client, &finished.file, &error).await {
                    Some(other) => Box::pin(scan(client, &other, options)).await,
                    None => Err(ScanError::Io(error)),
                }
            }
            result => result,
        };
        match result {
            Ok(scanned) => {
                journal.done(source, done(&scanned), &scanned.manifest)?;
                ended.scanned = ended.scanned.saturating_add(1);
                tell(Event::Scanned {
                    name: source.name(),
                    failed: None,
                });
            }
            Err(error) => {
                let reason = reason(&error, source);
                journal.fail(source, &reason)?;
                tell(Event::Scanned {
                    name: source.name(),
                    failed: Some(&reason),
                });
                let name = source.name().to_owned();
                if on_error == OnError::Fail {
                    let file = name;
                    return Err(BuildError::Scan { file, reason });
                }
                ended.failed.push(FailedFile { name, reason });
            }
        }
    }
    let after = client.log().snapshot();
    if ended.scanned > 0 {
        journal.add_effort(Effort {
            scanned: u64::try_from(ended.scanned).unwrap_or(u64::MAX),
            requests: after.requests.saturating_sub(before.requests),
            bytes: after.bytes.saturating_sub(before.bytes),
        })?;
    }
    ended.failed.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ended)
}

/// Why a file could not be scanned, with its address, which errors of its own name already.
fn reason(error: &ScanError, source: &Source) -> String {
    let text = chain(error);
    if matches!(error, ScanError::Io(_)) || text.contains(&source.url) {
        return text;
    }
    format!("{}: {text}", source.url)
}

fn done(scanned: &Scanned) -> Done {
    let report = &scanned.report;
    let locations = &scanned.manifest.locations;
    let pin = locations
        .find(&report.file)
        .and_then(|id| locations.get(id));
    let pin = pin.map(|location| location.pin.clone()).unwrap_or_default();
    let left_out = report.refused().chain(report.decoded());
    Done {
        file: report.file.clone(),
        size: pin.size,
        etag: pin.etag,
        last_modified: pin.last_modified,
        left_out: left_out
            .map(|dataset| LeftOut {
                path: dataset.path.clone(),
                reason: dataset.reason.clone().unwrap_or_default(),
                decoded: dataset.outcome == Outcome::Decoded,
            })
            .collect(),
    }
}

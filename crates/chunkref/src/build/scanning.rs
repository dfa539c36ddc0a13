//! The scans of a build; each goes into the journal as soon as it is done.

use chunkref_combine::check_dimension;
use chunkref_io::Client;
use chunkref_scan::{Error as ScanError, Outcome, ScanOptions, Scanned};
use futures::{FutureExt as _, StreamExt as _};

use super::OnError;
use super::error::BuildError;
use super::events::{Event, FailedFile, Tell};
use super::journal::{Done, Effort, Journal, LeftOut};
use super::source::Source;
use super::taking_in::{Digests, take_in};
use crate::many::{Finished, ManyOptions, scan_many};
use crate::text::told;
use crate::versioned::scan;

/// Files that are finished at one time: of most a coordinate is to be read besides the scan.
const FINISHED: usize = 32;

/// How files are scanned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How<'a> {
    pub(crate) options: &'a ScanOptions,
    pub(crate) many: &'a ManyOptions,
    /// The dimension along which they are joined, whose coordinate is taken in.
    pub(crate) dimension: Option<&'a str>,
    /// Whether a granule without that dimension ends the build.
    pub(crate) must_have_it: bool,
}

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
    how: How<'_>,
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
    let scans = scan_many(client, addresses, how.options, how.many);
    let scans = scans.map(|scan| {
        let source = sources.get(scan.index).copied();
        finish(client, scan, source, how).boxed()
    });
    let mut scans = scans.buffer_unordered(FINISHED);
    while let Some(finished) = scans.next().await {
        let Some((source, result)) = finished else {
            continue;
        };
        match result {
            Ok((scanned, coordinates)) => {
                if let (Some(dimension), true, 0) =
                    (how.dimension, how.must_have_it, journal.count_done())
                {
                    // A wrong name is told before all others are scanned.
                    let found = check_dimension(std::iter::once(&scanned.manifest), dimension);
                    found.map_err(|error| BuildError::Scan {
                        file: source.name().to_owned(),
                        reason: error.to_string(),
                    })?;
                }
                journal.done(source, done(&scanned, coordinates), &scanned.manifest)?;
                ended.scanned = ended.scanned.saturating_add(1);
                tell(Event::Scanned {
                    name: source.name(),
                    failed: None,
                });
            }
            Err(reason) => {
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

/// What a scan gave, tried another way where its own is closed, with the coordinate taken in; or why not.
async fn finish<'a>(
    client: &Client,
    finished: Finished,
    source: Option<&'a Source>,
    how: How<'_>,
) -> Option<(&'a Source, Result<(Scanned, Digests), String>)> {
    let source = source?;
    let mut address = finished.file;
    let result = match finished.result {
        Err(ScanError::Io(error)) => {
            // Where the way to it is closed, there may be another.
            match source.other_way(client, &address, &error).await {
                Some(other) => {
                    address = other;
                    Box::pin(scan(client, &address, how.options)).await
                }
                None => Err(ScanError::Io(error)),
            }
        }
        result => result,
    };
    let mut scanned = match result {
        Ok(scanned) => scanned,
        Err(error) => return Some((source, Err(reason(&error, source)))),
    };
    let taken_in = match how.dimension {
        Some(dimension) => take_in(client, (&address, &mut scanned), dimension).await,
        None => Ok(Digests::new()),
    };
    let result = taken_in
        .map(|coordinates| (scanned, coordinates))
        .map_err(|reason| format!("{}: {reason}", source.url));
    Some((source, result))
}

/// Why a file could not be scanned, with its address, which errors of its own name already.
fn reason(error: &ScanError, source: &Source) -> String {
    let text = told(error);
    if matches!(error, ScanError::Io(_)) || text.contains(&source.url) {
        return text;
    }
    format!("{}: {text}", source.url)
}

fn done(scanned: &Scanned, coordinates: Digests) -> Done {
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
        coordinates,
        left_out: left_out
            .map(|dataset| LeftOut {
                path: dataset.path.clone(),
                reason: dataset.reason.clone().unwrap_or_default(),
                decoded: dataset.outcome == Outcome::Decoded,
            })
            .collect(),
    }
}

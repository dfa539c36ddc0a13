//! Reference sets in place of files.

use chunkref::manifest::kerchunk::{ReadSet, SetReport};
use chunkref::{Client, OpenError, narrow};

use crate::arguments::{Inspect, absolute};
use crate::failure::{Failure, chain, one_line};
use crate::inspect::Inspected;
use crate::scan::NAMED;

/// Opens a set; errors name it as the user did.
pub(crate) async fn open(
    client: &Client,
    set: &str,
    array: Option<&str>,
) -> Result<ReadSet, Failure> {
    chunkref::read_set(client, &absolute(set), array)
        .await
        .map_err(|error| failed(set, &error))
}

/// Why a set can't be opened; a malformed one is named as the user did.
pub(crate) fn failed(set: &str, error: &OpenError) -> Failure {
    match error {
        OpenError::Malformed { source, .. } => Failure::new(format!("{set}: {}", chain(source))),
        error => failure(error),
    }
}

/// Why a set can't be opened.
pub(crate) fn failure(error: &OpenError) -> Failure {
    Failure::new(chain(error))
}

/// What `chunkref inspect` shows of a set.
pub(crate) async fn inspected(client: &Client, arguments: &Inspect) -> Result<Inspected, Failure> {
    if let Some(option) = arguments.narrow.unfit_for_sets() {
        return Err(Failure::usage(format!("{option}: not for reference sets")));
    }
    let ReadSet {
        mut manifest,
        report,
        ..
    } = open(client, &arguments.file, None).await?;
    let group = arguments.narrow.group.as_deref().unwrap_or("/");
    narrow(&mut manifest, group)
        .ok_or_else(|| Failure::new(format!("{}: no group {group}", arguments.file)))?;
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|node| format!("{}: {}", node.path, node.reason))
        .collect();
    let mut remarks = report.remarks;
    if report.more_remarks > 0 {
        remarks.push(format!("and {} more", report.more_remarks));
    }
    Ok(Inspected {
        manifest,
        group: group.to_owned(),
        sections: vec![("refused", refused), ("remarks", remarks)],
    })
}

/// Says on standard error what of a set is not taken over.
pub(crate) fn warn(set: &str, report: &SetReport) {
    for node in report.refused.iter().take(NAMED) {
        eprintln!(
            "warning: {}",
            one_line(&format!("{set}: {}: refused: {}", node.path, node.reason))
        );
    }
    let more = report.refused.len().saturating_sub(NAMED);
    let remarks = report.remarks.len();
    for (count, what) in [
        (more, "more arrays or groups were refused"),
        (remarks, "remarks"),
    ] {
        if count > 0 {
            eprintln!(
                "warning: {}: {count} {what} (`chunkref inspect` names them)",
                one_line(set)
            );
        }
    }
}

//! Reference sets in place of files.

use chunkref::manifest::kerchunk::ReadSet;
use chunkref::{Client, OpenError};

use crate::arguments::{Inspect, absolute};
use crate::failure::{Failure, chain};
use crate::inspect::Lines;

/// Opens a set; errors name it as the user did.
pub(crate) async fn open(
    client: &Client,
    set: &str,
    array: Option<&str>,
) -> Result<ReadSet, Failure> {
    chunkref::open(client, &absolute(set), array)
        .await
        .map_err(|error| {
            let text = match &error {
                OpenError::Malformed { source, .. } => format!("{set}: {}", chain(source)),
                error => chain(error),
            };
            Failure::new(text)
        })
}

/// What `chunkref inspect` prints of a set.
pub(crate) async fn inspect(client: &Client, arguments: &Inspect) -> Result<String, Failure> {
    if let Some(option) = arguments.narrow.unfit_for_sets() {
        return Err(Failure::usage(format!("{option}: not for reference sets")));
    }
    let ReadSet { manifest, report } = open(client, &arguments.file, None).await?;
    let path = arguments.narrow.group.as_deref().unwrap_or("/");
    let group = manifest
        .group(path.trim_end_matches('/'))
        .ok_or_else(|| Failure::new(format!("{}: no group {path}", arguments.file)))?;
    let mut lines = Lines::new(arguments.attributes);
    lines.group(path, group, 0);
    let chunks = manifest
        .arrays()
        .map(|(_, array)| array.stored_chunks())
        .fold(0, u64::saturating_add);
    lines.line(
        0,
        &format!("{chunks} references, {} sources", manifest.locations.len()),
    );
    let refused: Vec<_> = report
        .refused
        .iter()
        .map(|node| format!("{}: {}", node.path, node.reason))
        .collect();
    let mut remarks = report.remarks;
    if report.more_remarks > 0 {
        remarks.push(format!("and {} more", report.more_remarks));
    }
    lines.sections(&[("refused", &refused), ("remarks", &remarks)]);
    Ok(lines.text)
}

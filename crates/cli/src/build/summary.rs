//! What is said of a build in the end, or before it.

use std::fmt::Write as _;

use chunkref::Stats;
use chunkref::build::{BuildError, Summary};
use serde_json::{Value, json};

use super::{Build, warn};
use crate::failure::chain;
use crate::inspect::{bytes, counted};
use crate::scan::NAMED;

/// What `--dry-run` prints.
pub(crate) fn plan(summary: &Summary) -> String {
    let plan = &summary.plan;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name:<16}{value}");
    };
    let all = plan.files.saturating_add(summary.unfit.len());
    line(
        "files",
        format!("{all}, {} where the size is known", bytes(plan.bytes)),
    );
    if !summary.unfit.is_empty() {
        line(
            "without data",
            format!("{}, which can't be scanned", summary.unfit.len()),
        );
    }
    if summary.out_of_season > 0 {
        line(
            "out of season",
            format!(
                "{}, left out (--touching keeps them)",
                summary.out_of_season
            ),
        );
    }
    let mut kept = plan.kept.saturating_add(plan.renewed).to_string();
    if plan.renewed > 0 {
        let _ = write!(kept, ", of {} the record alone changed", plan.renewed);
    }
    line("in the journal", kept);
    if plan.to_compare > 0 {
        line(
            "to compare",
            format!("{}, with one small request each", plan.to_compare),
        );
    }
    let mut scans = plan.to_scan.to_string();
    if plan.changed > 0 {
        let _ = write!(scans, ", of which {} have changed", plan.changed);
    }
    if plan.failed_before > 0 {
        let _ = write!(
            scans,
            ", {} could not be scanned before",
            plan.failed_before
        );
    }
    line("to scan", scans);
    if !summary.gone.is_empty() {
        line("gone", gone(summary));
    }
    let mut requests = format!("about {}", plan.requests);
    if let Some(read) = plan.bytes_read {
        let _ = write!(requests, ", {}, judged by scans before", bytes(read));
    }
    line("requests", requests);
    text
}

fn gone(summary: &Summary) -> String {
    let count = summary.gone.len();
    let deleted = summary.gone.iter().filter(|one| one.deleted.is_some());
    let pruned = summary.gone.iter().any(|one| one.pruned);
    let what = if pruned {
        "dropped from the set"
    } else {
        "still in the set (--prune drops them)"
    };
    format!(
        "{count}, of which CMR tells that {} were deleted; {what}",
        deleted.count()
    )
}

/// What is said when the set was written, on standard error.
pub(crate) fn print(arguments: &Build, summary: &Summary, stats: &Stats) {
    let lacking = summary.lacking.iter();
    for one in lacking.take(NAMED) {
        let what = if one.decoded {
            "left out, only chunkref's store reads it"
        } else {
            "refused"
        };
        let granules = match one.granules {
            1 => one.first.clone(),
            many => format!("{} and {} more", one.first, many.saturating_sub(1)),
        };
        warn(&format!(
            "{}: {what}: {} ({granules})",
            one.path, one.reason
        ));
    }
    if let Some(more @ 1..) = summary.lacking.len().checked_sub(NAMED) {
        warn(&format!(
            "{more} more datasets were refused or left out (--report names them)"
        ));
    }
    for one in summary.unlike.iter().take(NAMED) {
        warn(&format!("left out: {one}"));
    }
    if let Some(more @ 1..) = summary.unlike.len().checked_sub(NAMED) {
        warn(&format!(
            "and {more} more differences (--report names them)"
        ));
    }
    for (old, new) in summary.superseded.iter().take(NAMED) {
        eprintln!("{new} replaces {old}");
    }
    for one in summary.gone.iter().take(NAMED) {
        let when = match one.deleted {
            Some(when) => format!("was deleted from the archive, {when}"),
            None => "is not found any more".to_owned(),
        };
        let what = if one.pruned {
            "dropped from the set"
        } else {
            "still in the set: --prune drops it"
        };
        warn(&format!("{}: {when}; {what}", one.name));
    }
    if let Some(more @ 1..) = summary.gone.len().checked_sub(NAMED) {
        warn(&format!("and {more} more of these"));
    }
    if summary.out_of_season > 0 {
        eprintln!(
            "{} of which less than half lies in the season were left out (--touching keeps them)",
            counted(summary.out_of_season, "granule")
        );
    }
    if summary.missing > 0 {
        warn(&format!(
            "CMR counts {} more than came: the set lacks them, unless an earlier build found them; records \
             were added meanwhile, or its answer was not whole: run again",
            counted(summary.missing, "granule")
        ));
    }
    let count = |files: usize| u64::try_from(files).unwrap_or(u64::MAX);
    let unlike = summary.unlike_granules();
    let mut text = format!(
        "{}: {}, {} scanned, {} from the journal",
        arguments.output,
        counted(count(summary.granules), "granule"),
        summary.scanned,
        summary
            .granules
            .saturating_add(unlike)
            .saturating_add(summary.superseded.len())
            .saturating_sub(summary.scanned)
    );
    for (count, what) in [
        (summary.failed.len(), "could not be scanned"),
        (summary.unfit.len(), "without data that can be scanned"),
        (unlike, "unlike the others"),
        (summary.superseded.len(), "replaced by newer ones"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    let _ = write!(
        text,
        "; {} requests, {}",
        stats.requests,
        bytes(stats.bytes)
    );
    eprintln!("{}", crate::failure::one_line(&text));
}

/// What `--report` writes.
pub(crate) fn report(ended: &Result<Summary, BuildError>, failed: &[(String, String)]) -> Value {
    let failed: Vec<_> = failed
        .iter()
        .map(|(name, reason)| json!({"granule": name, "reason": reason}))
        .collect();
    let summary = match ended {
        Ok(summary) => summary,
        Err(error) => return json!({"error": chain(error), "failed": failed}),
    };
    let unfit: Vec<_> = summary.unfit.iter().map(ToString::to_string).collect();
    let unlike: Vec<_> = summary
        .unlike
        .iter()
        .map(|one| json!({"granule": one.granule, "variable": one.variable, "reason": one.reason}))
        .collect();
    let superseded: Vec<_> = summary
        .superseded
        .iter()
        .map(|(old, new)| json!({"old": old, "new": new}))
        .collect();
    let gone: Vec<_> = summary
        .gone
        .iter()
        .map(|one| {
            json!({
                "granule": one.name,
                "deleted": one.deleted.map(|when| when.to_string()),
                "pruned": one.pruned,
            })
        })
        .collect();
    let lacking: Vec<_> = summary
        .lacking
        .iter()
        .map(|one| {
            json!({
                "path": one.path,
                "reason": one.reason,
                "outcome": if one.decoded { "decoded" } else { "refused" },
                "granules": one.granules,
                "first": one.first,
            })
        })
        .collect();
    json!({
        "granules": summary.granules,
        "scanned": summary.scanned,
        "renewed": summary.plan.renewed,
        "failed": failed,
        "without_data": unfit,
        "unlike": unlike,
        "superseded": superseded,
        "gone": gone,
        "datasets": lacking,
    })
}

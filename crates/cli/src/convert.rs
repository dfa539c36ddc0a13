//! `chunkref convert`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::manifest::kerchunk::{RefusedNode, SetReport};
use chunkref::{Client, ConvertError, ConvertOptions, Converted, convert, left_out, write_file};

use crate::arguments::{Convert, absolute};
use crate::failure::{Failure, chain, one_line};
use crate::joined;
use crate::output::{guarded, write_set};
use crate::progress::{Progress, print_stats};
use crate::scan::{self, NAMED, REFUSED};
use crate::set;

pub(crate) async fn run(arguments: &Convert) -> Result<ExitCode, Failure> {
    check(arguments)?;
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let written = guarded(&client, &arguments.output, written(&client, arguments)).await;
    drop(progress);
    let (reports, lacking) = written?;
    for (set, report) in arguments.sets.iter().zip(&reports) {
        set::warn(set, report);
    }
    warn(&lacking);
    if let Some(path) = &arguments.report {
        write_report(arguments, &reports, &lacking, path)?;
    }
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    let refused = reports.iter().any(|report| !report.refused.is_empty());
    Ok(if arguments.strict && (refused || !lacking.is_empty()) {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    })
}

/// What is wrong with the command, before anything is read.
fn check(arguments: &Convert) -> Result<(), Failure> {
    scan::check(&arguments.output)?;
    scan::check_options(&arguments.output, &arguments.parquet)?;
    if let Some(set) = arguments.sets.iter().find(|set| !chunkref::is_set(set)) {
        return Err(Failure::usage(format!(
            "{set}: expected a reference set (.json, .parquet); `chunkref scan` makes one of a file"
        )));
    }
    if arguments.sets.len() > 1 && arguments.concat_dim.is_none() {
        return Err(Failure::usage(
            "several sets and one output: expected --concat-dim",
        ));
    }
    Ok(())
}

/// What of the sets is not in the output: as read, and what its format can't hold.
type Lost = (Vec<SetReport>, Vec<(String, String)>);

async fn written(client: &Client, arguments: &Convert) -> Result<Lost, Failure> {
    let mut options = ConvertOptions::default();
    options.group.clone_from(&arguments.group);
    options.concat_dim.clone_from(&arguments.concat_dim);
    options.scheme = arguments.scheme.map(|scheme| scheme.name().to_owned());
    let sets: Vec<_> = arguments.sets.iter().map(|set| absolute(set)).collect();
    let converted = convert(client, &sets, &options).await;
    let Converted {
        manifest,
        reports,
        combined,
        ..
    } = converted.map_err(|error| match &error {
        ConvertError::Open(error) => set::failure(error),
        error => Failure::new(chain(error)),
    })?;
    if let Some(report) = &combined {
        joined::warn(report, "set");
    }
    let lacking = left_out(&manifest);
    let output = absolute(&arguments.output);
    let in_place = sets.contains(&output);
    write_set(client, manifest, &output, in_place, &arguments.parquet).await?;
    Ok((reports, lacking))
}

fn warn(lacking: &[(String, String)]) {
    for (path, reason) in lacking.iter().take(NAMED) {
        eprintln!(
            "warning: {}",
            one_line(&format!(
                "{path}: left out, only chunkref's store reads it: {reason}"
            ))
        );
    }
    if lacking.len() > NAMED {
        let more = lacking.len() - NAMED;
        eprintln!("warning: {more} more arrays were left out (--report names them)");
    }
}

fn write_report(
    arguments: &Convert,
    reports: &[SetReport],
    lacking: &[(String, String)],
    path: &Path,
) -> Result<(), Failure> {
    let node = |path: &str, reason: &str| serde_json::json!({"path": path, "reason": reason});
    let refused = |one: &RefusedNode| node(&one.path, &one.reason);
    let sets = arguments.sets.iter().zip(reports);
    let sets: Vec<_> = sets
        .map(|(set, report)| {
            serde_json::json!({
                "set": set,
                "refused": report.refused.iter().map(refused).collect::<Vec<_>>(),
                "remarks": report.remarks,
                "more_remarks": report.more_remarks,
            })
        })
        .collect();
    let lacking: Vec<_> = lacking
        .iter()
        .map(|(path, reason)| node(path, reason))
        .collect();
    let json = serde_json::json!({"sets": sets, "left_out": lacking});
    let text = format!("{json:#}\n");
    if path == Path::new("-") {
        return crate::inspect::print(&text);
    }
    Ok(write_file(path, |out| out.write_all(text.as_bytes()))?)
}

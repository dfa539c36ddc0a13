//! `chunkref relocate` and `chunkref repin`.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::manifest::Manifest;
use chunkref::manifest::kerchunk::ReadSet;
use chunkref::relocate::{Checked, PlacesError, RelocateError, check, relocate};
use chunkref::{Client, repin};

use crate::arguments::{Parquet, Relocate, Repin, absolute};
use crate::failure::{Failure, chain, one_line};
use crate::inspect::print;
use crate::output::{guarded, write_set};
use crate::progress::{Progress, print_stats};
use crate::{scan, set};

pub(crate) async fn run(arguments: &Relocate) -> Result<ExitCode, Failure> {
    let output = output(&arguments.set, arguments.output.as_deref())?;
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let moved = guarded(&client, &output, moved(&client, arguments, &output)).await;
    drop(progress);
    print(&moved?)?;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    Ok(ExitCode::SUCCESS)
}

/// Moves and writes; gives what is to be told.
async fn moved(client: &Client, arguments: &Relocate, output: &str) -> Result<String, Failure> {
    let set = &arguments.set;
    let mut manifest = opened(client, set, arguments.output.is_none()).await?;
    let (from, to) = (absolute(&arguments.from), absolute(&arguments.to));
    let relocated = relocate(&mut manifest, &from, &to).map_err(|error| match error {
        RelocateError::Prefix { .. } => Failure::usage(chain(&error)),
        error => Failure::new(format!("{set}: {}", chain(&error))),
    })?;
    let mut told = format!(
        "{} locations changed, {} did not\n",
        relocated.moved.len(),
        relocated.unchanged.saturating_add(relocated.alternates)
    );
    if relocated.alternates > 0 {
        // Writing to a string can't fail.
        let _ = writeln!(
            told,
            "of those that did not, {} have another URL that changed",
            relocated.alternates
        );
    }
    if arguments.check {
        let sample = arguments.sample;
        let checked = check(client, &mut manifest, &relocated.moved, sample).await;
        told.push_str(&checked_text(
            &checked.map_err(|error| misfits(set, &error))?,
        ));
    }
    write_set(
        client,
        manifest,
        output,
        arguments.output.is_none(),
        &Parquet::default(),
    )
    .await?;
    Ok(told)
}

pub(crate) async fn run_repin(arguments: &Repin) -> Result<ExitCode, Failure> {
    let set = &arguments.set;
    let output = output(set, arguments.output.as_deref())?;
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let pinned = async {
        let mut manifest = opened(&client, set, arguments.output.is_none()).await?;
        let checked = repin(&client, &mut manifest).await;
        let checked = checked.map_err(|error| misfits(set, &error))?;
        write_set(
            &client,
            manifest,
            &output,
            arguments.output.is_none(),
            &Parquet::default(),
        )
        .await?;
        Ok::<_, Failure>(checked)
    };
    let pinned = guarded(&client, &output, pinned).await;
    drop(progress);
    print(&checked_text(&pinned?))?;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    Ok(ExitCode::SUCCESS)
}

/// Where to write, checked before anything is read: in place, unless told otherwise.
fn output(set: &str, output: Option<&str>) -> Result<String, Failure> {
    if !chunkref::is_set(set) {
        return Err(Failure::usage(format!(
            "{set}: expected a reference set (.json, .parquet)"
        )));
    }
    let output = output.unwrap_or(set);
    scan::check(output)?;
    Ok(absolute(output))
}

/// The manifest of a set. In place, nothing of the set may be lost.
async fn opened(client: &Client, set: &str, in_place: bool) -> Result<Manifest, Failure> {
    let ReadSet {
        manifest, report, ..
    } = set::open(client, set, None).await?;
    if let Some(first) = report.refused.first().filter(|_| in_place) {
        return Err(Failure::new(format!(
            "{set}: not changed in place, as {} arrays or groups of it would be lost, such as {}: {}; \
             -o writes a set without them",
            report.refused.len(),
            first.path,
            first.reason
        )));
    }
    set::warn(set, &report);
    Ok(manifest)
}

fn checked_text(checked: &Checked) -> String {
    let Checked {
        opened,
        of,
        same_etag,
        other_etag,
        ..
    } = checked;
    format!(
        "{opened} of {of} sources opened, all fit: {same_etag} with the ETag they had, {other_etag} \
         with another\n"
    )
}

/// Names the sources that do not fit.
fn misfits(set: &str, error: &PlacesError) -> Failure {
    match error {
        PlacesError::Misfits { misfits, opened } => {
            for one in misfits {
                eprintln!(
                    "error: {}",
                    one_line(&format!("{}: {}", one.url, one.reason))
                );
            }
            Failure::new(format!(
                "{set}: {} of {opened} sources that were opened do not fit; nothing was written",
                misfits.len()
            ))
        }
        error => Failure::new(format!("{set}: {}", chain(error))),
    }
}

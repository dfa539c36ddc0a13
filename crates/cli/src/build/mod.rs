//! `chunkref build`.

mod arguments;
mod progress;
mod summary;

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use chunkref::build::{BuildError, Event, Sources, is_folder};
use chunkref::{Client, SetFormat, write_file};

pub(crate) use arguments::Build;
use progress::Shown;

use crate::failure::{Failure, chain, one_line};
use crate::joined;
use crate::output::guarded;
use crate::progress::print_stats;
use crate::scan::{REFUSED, SKIPPED, check, check_options};
use crate::search;

pub(crate) async fn run(arguments: &Build) -> Result<ExitCode, Failure> {
    check_output(arguments)?;
    let client = arguments.connection.client();
    let sources = sources(arguments, &client).await?;
    let build = arguments.build();
    let start = Instant::now();
    let mut shown = Shown::new(&client);
    if arguments.dry_run {
        let planned = build
            .plan(&client, &sources, &mut |event: Event<'_>| {
                shown.take(&event);
            })
            .await;
        shown.end();
        let summary = planned.map_err(failure)?;
        if arguments.stats {
            print_stats(&client.log().snapshot(), start);
        }
        crate::inspect::print(&summary::plan(&summary))?;
        return Ok(ExitCode::SUCCESS);
    }
    let work = async {
        let mut tell = |event: Event<'_>| shown.take(&event);
        Ok(build.run(&client, &sources, &mut tell).await)
    };
    let ended = guarded(&client, &arguments.output, work).await;
    shown.end();
    let ended = ended?;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    if let Some(path) = &arguments.report {
        write_report(path, &summary::report(&ended, shown.failed()))?;
    }
    let summary = ended.map_err(failure)?;
    if let Some(report) = &summary.joined {
        joined::warn(report, "granule");
    }
    summary::print(arguments, &summary, &client.log().snapshot());
    let lacks = arguments.strict && !summary.lacking.is_empty();
    Ok(if summary.is_incomplete() {
        ExitCode::from(SKIPPED)
    } else if lacks {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    })
}

/// What can be told of the output beforehand.
fn check_output(arguments: &Build) -> Result<(), Failure> {
    let output = arguments.output.as_str();
    let is_set = SetFormat::of_name(output).is_some();
    if arguments.concat_dim.is_some() {
        check_options(output, &arguments.parquet)?;
        return check(output);
    }
    if let Some(option) = arguments.parquet.given() {
        return Err(Failure::usage(format!(
            "{option}: only for a Parquet set, which --concat-dim joins"
        )));
    }
    let is_there = Path::new(output).join(".zmetadata").exists();
    if is_set && (is_there || !is_folder(output)) {
        return Err(Failure::usage(format!(
            "output {output}: one set of all granules needs --concat-dim DIMENSION; without it a folder \
             (DIR/) takes one manifest for each"
        )));
    }
    Ok(())
}

/// What the set is built of.
async fn sources(arguments: &Build, client: &Client) -> Result<Sources, Failure> {
    let mut files = Vec::new();
    for source in &arguments.sources {
        match source.strip_prefix('@') {
            Some(list) => files.extend(lines(Path::new(list))?),
            None => files.push(source.clone()),
        }
    }
    if let Some(list) = &arguments.links_file {
        files.extend(lines(list)?);
    }
    let is_named = !arguments.sources.is_empty() || arguments.links_file.is_some();
    match (is_named, arguments.asked.given()) {
        (true, Some(option)) => Err(Failure::usage(format!(
            "{option}: files are named, so nothing is searched for: expected one of the two"
        ))),
        (true, None) if files.is_empty() => Err(Failure::new(
            "the list names no file: expected one path or URL a line",
        )),
        (true, None) => Ok(Sources::Files(files)),
        (false, None) => Err(Failure::usage(
            "nothing to build of: expected files, or a search such as --short-name NAME",
        )),
        (false, Some(_)) => Ok(Sources::Search {
            search: Box::new(arguments.asked.granules()),
            cmr: Box::new(arguments.asked.cmr(client, &arguments.connection).await?),
            choice: arguments.asked.choice()?,
        }),
    }
}

/// The files that a list names: one a line, but for empty lines and those that begin with #.
fn lines(path: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!("{}: the list of files: {error}", path.display()))
    };
    let text = if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(failed)?;
        text
    } else {
        std::fs::read_to_string(path).map_err(failed)?
    };
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn failure(error: BuildError) -> Failure {
    match error {
        BuildError::Search(error) => search::failure(error),
        BuildError::NoGranules { found } => search::nothing(&found),
        error => Failure::new(chain(&error)),
    }
}

fn write_report(path: &Path, report: &serde_json::Value) -> Result<(), Failure> {
    let text = format!("{report:#}\n");
    if path == Path::new("-") {
        return crate::inspect::print(&text);
    }
    Ok(write_file(path, |out| out.write_all(text.as_bytes()))?)
}

/// A warning on standard error.
fn warn(text: &str) {
    eprintln!("warning: {}", one_line(text));
}

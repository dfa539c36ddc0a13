//! `chunkref scan`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::combine::{ConcatOptions, concat};
use chunkref::{Client, ClientOptions, Outcome, Report, ScanOptions, Scanned, write, write_file};

use crate::arguments::{Scan, absolute};
use crate::failure::{Failure, chain, one_line};
use crate::progress::{Progress, print_stats, print_waves};

/// So many refused datasets are named; the report has them all.
const NAMED: usize = 20;
/// The exit code of `--strict` when a dataset was refused.
const REFUSED: u8 = 3;

/// Where the outputs go.
enum Output<'a> {
    /// All into one.
    One(&'a Path),
    /// One for each file, in its order.
    Each(Vec<PathBuf>),
}

pub(crate) async fn run(arguments: &Scan) -> Result<ExitCode, Failure> {
    let output = output(arguments)?;
    let client_options = ClientOptions::default().with_keep_records(arguments.explain);
    let client = Arc::new(Client::new(client_options));
    let start = Instant::now();
    let files = u64::try_from(arguments.files.len()).unwrap_or(u64::MAX);
    let progress = Progress::start(&client, files);
    let mut options = arguments.narrow.options();
    options.inline_threshold = arguments.inline_threshold;
    let ended = match output {
        Output::One(path) => one(&client, arguments, &options, path, &progress).await,
        Output::Each(paths) => each(&client, arguments, &options, &paths, &progress).await,
    };
    drop(progress);
    let reports = ended?;
    for report in &reports {
        warn(report);
    }
    if let Some(path) = &arguments.report {
        write_reports(&reports, path)?;
    }
    if arguments.explain {
        print_waves(&client.log().waves());
    }
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    let left_out = |report: &Report| report.refused().chain(report.decoded()).next().is_some();
    Ok(if arguments.strict && reports.iter().any(left_out) {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Where to write, checked before anything is read.
fn output(arguments: &Scan) -> Result<Output<'_>, Failure> {
    let path = arguments.output.as_path();
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    let is_set = suffix.is_some_and(|suffix| {
        ["json", "parquet", "parq"]
            .iter()
            .any(|known| suffix.eq_ignore_ascii_case(known))
    });
    let one = arguments.files.len() == 1 || arguments.concat_dim.is_some();
    if is_set && one {
        return Ok(Output::One(path));
    }
    if is_set {
        return Err(Failure::usage(format!(
            "several files and one output {}: expected --concat-dim, or a folder as output",
            path.display()
        )));
    }
    if arguments.concat_dim.is_some() || !(path.is_dir() || ends_in_separator(path)) {
        return Err(Failure::usage(format!(
            "output {}: expected a name that ends in .json, .parquet or .parq, or a folder (DIR/) for \
             one JSON per file",
            path.display()
        )));
    }
    let mut paths = Vec::new();
    let mut seen = BTreeSet::new();
    for file in &arguments.files {
        let name = file
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or(file);
        let name = name.split(['?', '#']).next().unwrap_or(name);
        if !seen.insert(name) {
            return Err(Failure::usage(format!(
                "two files named {name}: expected distinct names"
            )));
        }
        paths.push(path.join(format!("{name}.json")));
    }
    Ok(Output::Each(paths))
}

fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str()
        .to_string_lossy()
        .ends_with(std::path::is_separator)
}

async fn scan(client: &Client, file: &str, options: &ScanOptions) -> Result<Scanned, Failure> {
    chunkref::scan(client, &absolute(file), options)
        .await
        .map_err(|error| Failure::scan(file, &error))
}

async fn one(
    client: &Client,
    arguments: &Scan,
    options: &ScanOptions,
    path: &Path,
    progress: &Progress,
) -> Result<Vec<Report>, Failure> {
    let mut manifests = Vec::new();
    let mut reports = Vec::new();
    for file in &arguments.files {
        let scanned = scan(client, file, options).await?;
        manifests.push(scanned.manifest);
        reports.push(scanned.report);
        progress.file_done();
    }
    let manifest = match (&arguments.concat_dim, manifests.pop()) {
        (None, Some(only)) => only,
        (Some(dimension), Some(last)) => {
            manifests.push(last);
            let options = ConcatOptions::new().with_names(arguments.files.clone());
            let (manifest, report) = concat(manifests, dimension, &options)
                .map_err(|error| Failure::new(chain(&error)))?;
            for path in &report.from_first {
                eprintln!("warning: /{path}: taken from the first file, not compared");
            }
            manifest
        }
        (_, None) => return Err(Failure::usage("no files")),
    };
    write(&manifest, path)?;
    Ok(reports)
}

/// Each file by itself: what goes wrong with one does not stop the others.
async fn each(
    client: &Client,
    arguments: &Scan,
    options: &ScanOptions,
    paths: &[PathBuf],
    progress: &Progress,
) -> Result<Vec<Report>, Failure> {
    if !arguments.output.is_dir() {
        std::fs::create_dir(&arguments.output).map_err(|error| {
            Failure::new(format!("{}: not made: {error}", arguments.output.display()))
        })?;
    }
    let mut reports = Vec::new();
    for (file, path) in arguments.files.iter().zip(paths) {
        let ended = match scan(client, file, options).await {
            Ok(scanned) => write(&scanned.manifest, path)
                .map(|()| scanned.report)
                .map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(report) => reports.push(report),
            Err(failure) => failure.print(),
        }
        progress.file_done();
    }
    if reports.len() == arguments.files.len() {
        Ok(reports)
    } else {
        Err(Failure::printed())
    }
}

/// What a user should know though the output was written.
fn warn(report: &Report) {
    let file = &report.file;
    let mut left_out = report.refused().chain(report.decoded());
    for dataset in left_out.by_ref().take(NAMED) {
        let reason = dataset.reason.as_deref().unwrap_or_default();
        let path = &dataset.path;
        let what = match dataset.outcome {
            Outcome::Decoded => "left out, only chunkref's store reads it",
            _ => "refused",
        };
        eprintln!(
            "warning: {}",
            one_line(&format!("{file}: {path}: {what}: {reason}"))
        );
    }
    for (count, what) in [
        (left_out.count(), "more datasets were refused or left out"),
        (report.attributes_refused.len(), "attributes were refused"),
        (report.links.len(), "links were not followed"),
        (report.warnings.len(), "remarks"),
    ] {
        if count > 0 {
            eprintln!(
                "warning: {}: {count} {what} (--report names them)",
                one_line(file)
            );
        }
    }
}

fn write_reports(reports: &[Report], path: &Path) -> Result<(), Failure> {
    let json = match reports {
        [only] => only.to_json(),
        several => several.iter().map(Report::to_json).collect(),
    };
    let text = format!("{json:#}\n");
    if path == Path::new("-") {
        return crate::inspect::print(&text);
    }
    Ok(write_file(path, |out| out.write_all(text.as_bytes()))?)
}

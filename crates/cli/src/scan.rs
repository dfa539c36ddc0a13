//! `chunkref scan`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::combine::{ConcatOptions, concat};
use chunkref::{
    Client, Manifest, Outcome, Report, ScanOptions, Scanned, SetFormat, WriteError, check_output,
    scan_many, write_file,
};
use futures::StreamExt as _;

use crate::arguments::{OnError, Parquet, Scan, absolute};
use crate::failure::{Failure, chain, one_line};
use crate::joined;
use crate::output::{guarded, write_set};
use crate::progress::{Progress, print_stats, print_waves};

/// So many refused datasets are named; the report has them all.
pub(crate) const NAMED: usize = 20;
/// The exit code of `--strict` when a dataset was refused.
pub(crate) const REFUSED: u8 = 3;
/// The exit code of `--on-error skip` when a file could not be scanned.
pub(crate) const SKIPPED: u8 = 4;

/// Where the outputs go.
enum Output<'a> {
    /// All into one.
    One(&'a str),
    /// One for each file, in its order.
    Each(Vec<String>),
}

/// How the files ended, in their order.
type Ended<T> = Vec<Result<T, Failure>>;

pub(crate) async fn run(arguments: &Scan) -> Result<ExitCode, Failure> {
    let output = output(arguments)?;
    let options = arguments.connection.options();
    let client = Arc::new(Client::new(options.with_keep_records(arguments.explain)));
    let start = Instant::now();
    let files = u64::try_from(arguments.files.len()).unwrap_or(u64::MAX);
    let progress = Progress::start(&client, files);
    let work = async {
        match output {
            Output::One(path) => one(&client, arguments, path, &progress).await,
            Output::Each(paths) => each(&client, arguments, &paths, &progress).await,
        }
    };
    let ended = guarded(&client, &arguments.output, work).await;
    drop(progress);
    let ended = ended?;
    for failure in ended.iter().filter_map(|file| file.as_ref().err()) {
        failure.print();
    }
    let reports = || ended.iter().filter_map(|file| file.as_ref().ok());
    for report in reports() {
        warn(report);
    }
    if let Some(path) = &arguments.report {
        write_reports(&arguments.files, &ended, path)?;
    }
    if arguments.explain {
        print_waves(&client.log().waves());
    }
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
    }
    let failed = ended.iter().filter(|file| file.is_err()).count();
    if failed > 0 {
        return Err(some_failed(arguments, failed));
    }
    let left_out = |report: &Report| report.refused().chain(report.decoded()).next().is_some();
    Ok(if arguments.strict && reports().any(left_out) {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    })
}

/// What is said in the end when files failed that have been named.
fn some_failed(arguments: &Scan, failed: usize) -> Failure {
    let files = arguments.files.len();
    if files == 1 {
        return Failure::printed();
    }
    let failure = Failure::new(format!("{failed} of {files} files could not be scanned"));
    if arguments.on_error == OnError::Skip && failed < files {
        failure.with_code(SKIPPED)
    } else {
        failure
    }
}

/// Where to write, checked before anything is read.
fn output(arguments: &Scan) -> Result<Output<'_>, Failure> {
    let path = arguments.output.as_str();
    check_options(path, &arguments.parquet)?;
    let is_set = SetFormat::of_name(path).is_some();
    let one = arguments.files.len() == 1 || arguments.concat_dim.is_some();
    if is_set && one {
        check(path)?;
        return Ok(Output::One(path));
    }
    if is_set {
        return Err(Failure::usage(format!(
            "several files and one output {path}: expected --concat-dim, or a folder as output"
        )));
    }
    if arguments.concat_dim.is_some() || !(Path::new(path).is_dir() || ends_in_separator(path)) {
        return Err(Failure::usage(format!(
            "output {path}: expected a name that ends in .json, .json.gz, .json.zst, .parquet or .parq, \
             or a folder (DIR/) for one JSON per file"
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
        paths.push(within(path, &format!("{name}.json")));
    }
    if let Some(first) = paths.first() {
        check(first)?;
    }
    Ok(Output::Each(paths))
}

/// Options of Parquet sets go with nothing else.
pub(crate) fn check_options(output: &str, parquet: &Parquet) -> Result<(), Failure> {
    match (SetFormat::of_name(output), parquet.given()) {
        (Some(SetFormat::Parquet), _) | (_, None) => Ok(()),
        (_, Some(option)) => Err(Failure::usage(format!(
            "{option}: only for a Parquet set as output, NAME.parquet"
        ))),
    }
}

/// An output of which it is clear beforehand that it can't be written is a mistake in the command.
pub(crate) fn check(output: &str) -> Result<(), Failure> {
    check_output(output).map_err(|error| match error {
        // The name is right, and what is there is not.
        WriteError::InTheWay { .. } | WriteError::Io { .. } => Failure::from(error),
        error => Failure::usage(chain(&error)),
    })
}

fn ends_in_separator(path: &str) -> bool {
    path.ends_with(std::path::is_separator)
}

/// The path or URL of a file in a folder.
fn within(folder: &str, name: &str) -> String {
    if is_url(folder) {
        format!("{}/{name}", folder.trim_end_matches('/'))
    } else {
        Path::new(folder).join(name).to_string_lossy().into_owned()
    }
}

fn is_url(output: &str) -> bool {
    output.contains("://")
}

/// Scans all files, several at one time, and does with each what `take` does as soon as it is
/// there.
async fn gather<T>(
    client: &Client,
    arguments: &Scan,
    progress: &Progress,
    mut take: impl AsyncFnMut(usize, Scanned) -> Result<T, Failure>,
) -> Result<Ended<T>, Failure> {
    let mut options: ScanOptions = arguments.narrow.options();
    options.inline_threshold = arguments.inline_threshold;
    let addresses = arguments.files.iter().map(|file| absolute(file));
    let mut scans = scan_many(client, addresses, &options, &arguments.many.options());
    let mut ended: Vec<_> = arguments.files.iter().map(|_| None).collect();
    while let Some(finished) = scans.next().await {
        let index = finished.index;
        let result = match finished.result {
            Ok(scanned) => take(index, scanned).await,
            Err(error) => {
                let file = arguments.files.get(index).unwrap_or(&finished.file);
                Err(Failure::scan(file, &error))
            }
        };
        progress.file_done(result.is_ok());
        match (result, arguments.on_error) {
            (Err(failure), OnError::Fail) => return Err(failure),
            (result, _) => {
                if let Some(slot) = ended.get_mut(index) {
                    *slot = Some(result);
                }
            }
        }
    }
    Ok(ended.into_iter().flatten().collect())
}

async fn one(
    client: &Client,
    arguments: &Scan,
    output: &str,
    progress: &Progress,
) -> Result<Ended<Report>, Failure> {
    let ended = gather(client, arguments, progress, async |_, scanned| Ok(scanned)).await?;
    let mut manifests = Vec::new();
    let mut names = Vec::new();
    let mut reports = Vec::new();
    for (file, result) in arguments.files.iter().zip(ended) {
        reports.push(result.map(|scanned| {
            manifests.push(scanned.manifest);
            names.push(file.clone());
            scanned.report
        }));
    }
    let complete = manifests.len() == reports.len();
    if complete || (arguments.on_error == OnError::Skip && !manifests.is_empty()) {
        let manifest = join(manifests, names, arguments)?;
        write_set(client, manifest, output, false, &arguments.parquet).await?;
    }
    Ok(reports)
}

/// The manifest of all files.
fn join(
    mut manifests: Vec<Manifest>,
    names: Vec<String>,
    arguments: &Scan,
) -> Result<Manifest, Failure> {
    let Some(dimension) = &arguments.concat_dim else {
        return manifests.pop().ok_or_else(|| Failure::usage("no files"));
    };
    let options = ConcatOptions::new().with_names(names);
    let (manifest, report) =
        concat(manifests, dimension, &options).map_err(|error| Failure::new(chain(&error)))?;
    joined::warn(&report, "file");
    Ok(manifest)
}

/// Each file by itself.
async fn each(
    client: &Client,
    arguments: &Scan,
    outputs: &[String],
    progress: &Progress,
) -> Result<Ended<Report>, Failure> {
    let folder = arguments.output.as_str();
    if !is_url(folder) && !Path::new(folder).is_dir() {
        std::fs::create_dir(folder)
            .map_err(|error| Failure::new(format!("{folder}: not made: {error}")))?;
    }
    gather(client, arguments, progress, async |index, scanned| {
        if let Some(output) = outputs.get(index) {
            write_set(client, scanned.manifest, output, false, &arguments.parquet).await?;
        }
        Ok(scanned.report)
    })
    .await
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
        (left_out.count(), "more datasets refused or left out"),
        (report.attributes_refused.len(), "attributes refused"),
        (report.links.len(), "links not followed"),
        (report.warnings.len(), "remarks"),
    ] {
        if count > 0 {
            let file = one_line(file);
            eprintln!("warning: {file}: {what}: {count} (--report names them)");
        }
    }
}

/// Writes the reports of all files; of one that failed, why.
fn write_reports(files: &[String], ended: &Ended<Report>, path: &Path) -> Result<(), Failure> {
    let mut reports = files.iter().zip(ended).map(|(file, ended)| match ended {
        Ok(report) => report.to_json(),
        Err(failure) => serde_json::json!({ "file": file, "error": failure.message() }),
    });
    let json = match (files.len(), reports.next()) {
        (1, Some(only)) => only,
        (_, first) => first.into_iter().chain(reports).collect(),
    };
    let text = format!("{json:#}\n");
    if path == Path::new("-") {
        return crate::inspect::print(&text);
    }
    Ok(write_file(path, |out| out.write_all(text.as_bytes()))?)
}

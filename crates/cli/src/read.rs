//! `chunkref read`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::manifest::kerchunk::RefusedNode;
use chunkref::manifest::{DataType, Manifest};
use chunkref::store::{CacheStats, Elements};
use chunkref::{Client, DatasetReport, Outcome, Report, ScanOptions, Store};

use crate::arguments::{Read, absolute};
use crate::failure::{Failure, chain};
use crate::inspect::print_bytes;
use crate::npy;
use crate::progress::{Progress, print_cache, print_stats};
use crate::set;

pub(crate) async fn run(arguments: &Read) -> Result<ExitCode, Failure> {
    check_output(&arguments.output)?;
    if let (true, Some(option)) = (
        chunkref::is_set(&arguments.file),
        arguments.others.unfit_for_sets(),
    ) {
        return Err(Failure::usage(format!("{option}: not for reference sets")));
    }
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let read = read(arguments, &client).await;
    drop(progress);
    let (read, cached) = read?;
    write(&read, arguments)?;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
        print_cache(&cached);
    }
    Ok(ExitCode::SUCCESS)
}

/// The name is checked before anything is read.
fn check_output(path: &Path) -> Result<(), Failure> {
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    if path == Path::new("-") || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("npy")) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "output {}: expected a name that ends in .npy, or - for standard output",
        path.display()
    )))
}

async fn read(arguments: &Read, client: &Client) -> Result<(Elements, CacheStats), Failure> {
    let file = &arguments.file;
    if chunkref::is_set(file) {
        return from_set(arguments, client).await;
    }
    let mut options = ScanOptions::default()
        .with_variables([arguments.array.as_str()])
        .with_inline_threshold(0);
    options = arguments.limits.apply(arguments.others.apply(options));
    options.attributes = false;
    options.group.clone_from(&arguments.group);
    let scanned = chunkref::scan(client, &absolute(file), &options)
        .await
        .map_err(|error| Failure::scan(file, &error))?;
    let path = find(&scanned.manifest, arguments, || why_not(&scanned.report))?;
    whole_array(arguments, client, scanned.manifest, &path).await
}

async fn from_set(arguments: &Read, client: &Client) -> Result<(Elements, CacheStats), Failure> {
    let path = path(arguments);
    let opened = set::open(client, &arguments.file, Some(&path)).await?;
    let refused = |node: &&RefusedNode| node.path == path;
    let path = find(&opened.manifest, arguments, || {
        match opened.report.refused.iter().find(refused) {
            Some(node) => format!("refused: {}", node.reason),
            None => "not an array".to_owned(),
        }
    })?;
    whole_array(arguments, client, opened.manifest, &path).await
}

async fn whole_array(
    arguments: &Read,
    client: &Client,
    manifest: Manifest,
    path: &str,
) -> Result<(Elements, CacheStats), Failure> {
    let options = arguments.cache.options();
    let store = Store::with_options(Arc::new(manifest), client.clone(), options);
    let read = store.read_array(path, arguments.limit).await;
    let read =
        read.map_err(|error| Failure::new(format!("{}: {}", arguments.file, chain(&error))))?;
    Ok((read, store.cache_stats()))
}

/// The path of the array from the root.
fn path(arguments: &Read) -> String {
    let group = arguments.group.as_deref().unwrap_or_default();
    let parts = group.split('/').chain(arguments.array.split('/'));
    let path: Vec<_> = parts.filter(|name| !name.is_empty()).collect();
    format!("/{}", path.join("/"))
}

/// The path of the array in the manifest.
fn find(
    manifest: &Manifest,
    arguments: &Read,
    why_not: impl FnOnce() -> String,
) -> Result<String, Failure> {
    let path = path(arguments);
    match manifest.array(&path).map(|array| &array.data_type) {
        Some(DataType::VariableString | DataType::VariableBytes) => Err(failed(
            arguments,
            &path,
            "elements of variable length, which .npy can't hold; `chunkref scan` writes them",
        )),
        Some(_) => Ok(path),
        None => Err(failed(arguments, &path, &why_not())),
    }
}

/// What the report says of a dataset that is not in the manifest.
fn why_not(report: &Report) -> String {
    let reason = |dataset: &DatasetReport| match dataset.outcome {
        Outcome::Refused => Some(format!("refused: {}", dataset.reason.as_deref()?)),
        Outcome::Dimension => Some("a dimension without a variable".to_owned()),
        _ => None,
    };
    let reason = report.datasets.iter().find_map(reason);
    reason.unwrap_or_else(|| "not an array".to_owned())
}

fn failed(arguments: &Read, path: &str, reason: &str) -> Failure {
    Failure::new(format!("{}: {path}: {reason}", arguments.file))
}

fn write(array: &Elements, arguments: &Read) -> Result<(), Failure> {
    let header = npy::header(&array.data_type, &array.shape)
        .map_err(|reason| failed(arguments, &arguments.array, &reason))?;
    if arguments.output == Path::new("-") {
        return print_bytes(&[&header, &array.bytes]);
    }
    Ok(chunkref::write_file(&arguments.output, |out| {
        out.write_all(&header)?;
        out.write_all(&array.bytes)
    })?)
}

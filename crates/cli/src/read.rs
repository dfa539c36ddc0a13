//! `chunkref read`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::manifest::{DataType, Manifest};
use chunkref::store::WholeArray;
use chunkref::{Client, ClientOptions, DatasetReport, Outcome, Report, ScanOptions, Store};

use crate::arguments::{Read, absolute};
use crate::failure::{Failure, chain};
use crate::inspect::print_bytes;
use crate::npy;
use crate::progress::{Progress, print_stats};

pub(crate) async fn run(arguments: &Read) -> Result<ExitCode, Failure> {
    check_output(&arguments.output)?;
    let client = Arc::new(Client::new(ClientOptions::default()));
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let read = read(arguments, &client).await;
    drop(progress);
    write(&read?, arguments)?;
    if arguments.stats {
        print_stats(&client.log().snapshot(), start);
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

async fn read(arguments: &Read, client: &Client) -> Result<WholeArray, Failure> {
    let file = &arguments.file;
    let mut options = ScanOptions::default()
        .with_variables([arguments.array.as_str()])
        .with_inline_threshold(0);
    options = arguments.limits.apply(arguments.others.apply(options));
    options.attributes = false;
    options.group.clone_from(&arguments.group);
    let scanned = chunkref::scan(client, &absolute(file), &options)
        .await
        .map_err(|error| Failure::scan(file, &error))?;
    let path = find(&scanned.manifest, &scanned.report, arguments)?;
    let store = Store::new(Arc::new(scanned.manifest), client.clone());
    store
        .read_array(&path, arguments.limit)
        .await
        .map_err(|error| Failure::new(format!("{file}: {}", chain(&error))))
}

/// The path of the array in the manifest.
fn find(manifest: &Manifest, report: &Report, arguments: &Read) -> Result<String, Failure> {
    let group = arguments.group.as_deref().unwrap_or_default();
    let parts = group.split('/').chain(arguments.array.split('/'));
    let path: Vec<_> = parts.filter(|name| !name.is_empty()).collect();
    let path = format!("/{}", path.join("/"));
    match manifest.array(&path).map(|array| &array.data_type) {
        Some(DataType::VariableString | DataType::VariableBytes) => Err(failed(
            arguments,
            &path,
            "elements of variable length, which .npy can't hold; `chunkref scan` writes them",
        )),
        Some(_) => Ok(path),
        None => Err(failed(arguments, &path, &why_not(report))),
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

fn write(array: &WholeArray, arguments: &Read) -> Result<(), Failure> {
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

//! `chunkref export`.

mod part;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::export::{ExportCodec, ExportOptions, Exported, export};
use chunkref::{Client, Counter, Manifest, ScanOptions};

use crate::arguments::{Compression, Export, absolute};
use crate::failure::{Failure, chain, one_line};
use crate::progress::{Progress, print_stats};
use crate::scan::{NAMED, REFUSED};
use crate::set;

/// The highest level of gzip.
const GZIP_LEVELS: u8 = 9;

pub(crate) async fn run(arguments: &Export) -> Result<ExitCode, Failure> {
    let options = options(arguments)?;
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let counter = Arc::new(Counter::new());
    let progress = Progress::of_chunks(&client, &counter);
    let exported = exported(arguments, &options, &client, &counter).await;
    drop(progress);
    let (exported, mut refused) = exported?;
    refused.extend(exported.refused.iter().cloned());
    if let Some(reason) = &exported.begun_anew {
        let text = format!("{}: begun anew: {reason}", arguments.output.display());
        eprintln!("warning: {}", one_line(&text));
    }
    for (path, reason) in refused.iter().take(NAMED) {
        let file = &arguments.file;
        eprintln!(
            "warning: {}",
            one_line(&format!("{file}: {path}: refused: {reason}"))
        );
    }
    if let Some(more) = refused.len().checked_sub(NAMED).filter(|more| *more > 0) {
        eprintln!("warning: {more} more arrays were refused");
    }
    if arguments.stats {
        eprintln!(
            "arrays {}, chunks written {}, there before {}, absent {}",
            exported.arrays, exported.written, exported.kept, exported.absent
        );
        print_stats(&client.log().snapshot(), start);
    }
    Ok(if arguments.strict && !refused.is_empty() {
        ExitCode::from(REFUSED)
    } else {
        ExitCode::SUCCESS
    })
}

fn options(arguments: &Export) -> Result<ExportOptions, Failure> {
    if let (true, Some(option)) = (
        chunkref::is_set(&arguments.file),
        arguments.others.unfit_for_sets(),
    ) {
        return Err(Failure::usage(format!("{option}: not for reference sets")));
    }
    let codec = match (arguments.codec, arguments.level) {
        (Compression::Zstd, level) => ExportCodec::Zstd {
            level: level.unwrap_or(3).into(),
        },
        (Compression::Gzip, Some(level)) if level > GZIP_LEVELS => {
            return Err(Failure::usage(format!(
                "--level {level}: expected at most {GZIP_LEVELS} with gzip"
            )));
        }
        (Compression::Gzip, level) => ExportCodec::Gzip {
            level: level.unwrap_or(5),
        },
        (Compression::None, Some(_)) => {
            return Err(Failure::usage("--level: not with --codec none"));
        }
        (Compression::None, None) => ExportCodec::None,
    };
    let mut options = ExportOptions::new()
        .with_codec(codec)
        .with_arrays(arguments.variables.iter().map(String::as_str))
        .with_memory(arguments.memory);
    if let Some(group) = &arguments.group {
        options = options.with_group(group);
    }
    for (name, length) in &arguments.chunks {
        options = options.with_chunks(name, *length);
    }
    Ok(options)
}

/// Exports, and what of the source was refused before.
async fn exported(
    arguments: &Export,
    options: &ExportOptions,
    client: &Client,
    counter: &Counter,
) -> Result<(Exported, Vec<(String, String)>), Failure> {
    let (manifest, refused) = manifest(arguments, client).await?;
    let known = |name: &String| {
        manifest
            .arrays()
            .any(|(_, array)| array.dimension_names.contains(name))
    };
    if let Some((name, _)) = arguments.chunks.iter().find(|(name, _)| !known(name)) {
        return Err(Failure::usage(format!(
            "--chunks {name}: no dimension of this name in {}",
            arguments.file
        )));
    }
    let manifest = Arc::new(manifest);
    let mut options = options.clone();
    options.selections = part::selections(arguments, client, &manifest).await?;
    let exported = export(client, &manifest, &arguments.output, &options, counter)
        .await
        .map_err(|error| Failure::new(chain(&error)))?;
    // What lies elsewhere than what was asked for is of no interest.
    let whole = arguments.group.is_none() && arguments.variables.is_empty();
    Ok((exported, if whole { refused } else { Vec::new() }))
}

async fn manifest(
    arguments: &Export,
    client: &Client,
) -> Result<(Manifest, Vec<(String, String)>), Failure> {
    let name = &arguments.file;
    if chunkref::is_set(name) {
        let opened = set::open(client, name, None).await?;
        let refused = opened.report.refused.into_iter();
        let refused = refused.map(|node| (node.path, node.reason)).collect();
        return Ok((opened.manifest, refused));
    }
    let mut options = arguments
        .limits
        .apply(arguments.others.apply(ScanOptions::default()));
    options.group.clone_from(&arguments.group);
    let scanned = chunkref::scan(client, &absolute(name), &options)
        .await
        .map_err(|error| Failure::scan(name, &error))?;
    let refused = scanned.report.refused();
    let refused = refused.map(|dataset| {
        let reason = dataset.reason.clone().unwrap_or_default();
        (dataset.path.clone(), reason)
    });
    let refused = refused.collect();
    Ok((scanned.manifest, refused))
}

//! `chunkref export`.

mod part;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::export::{ExportCodec, ExportOptions, Exported, export};
use chunkref::{Client, Counter};

use crate::arguments::{Compression, Export};
use crate::failure::{Failure, chain, one_line};
use crate::progress::{Progress, print_stats};
use crate::scan::REFUSED;
use crate::source::warn_of_refused;

/// The highest level of gzip.
const GZIP_LEVELS: u8 = 9;

pub(crate) async fn run(arguments: &Export) -> Result<ExitCode, Failure> {
    let options = options(arguments)?;
    let client = Arc::new(arguments.source.connection.client());
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
    warn_of_refused(&arguments.file, &refused);
    if arguments.source.stats {
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
    arguments.source.check(&arguments.file)?;
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
    let group = arguments.group.as_deref();
    let source = &arguments.source;
    let (manifest, refused) = source.open(client, &arguments.file, group).await?;
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

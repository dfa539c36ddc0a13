//! `chunkref read`.

mod csv;
mod format;
mod netcdf;
mod npy;
mod open;
mod variables;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chunkref::store::{BoundingBox, CacheStats, Error, Query, ReadOptions, Subset};
use chunkref::{Client, Store};

use crate::arguments::{Part, Read};
use crate::failure::{Failure, chain, one_line};
use crate::progress::{Progress, print_cache, print_stats};
pub(crate) use format::Format;
use open::Opened;
use variables::Variables;

/// Granules that `--stats` names, at most.
const GRANULES: usize = 100;

pub(crate) async fn run(arguments: &Read) -> Result<ExitCode, Failure> {
    let format = Format::of(&arguments.output, arguments.format)?;
    let query = query(&arguments.part)?;
    let client = Arc::new(arguments.connection.client());
    let start = Instant::now();
    let progress = Progress::start(&client, 1);
    let read = read(arguments, &client, &query, format).await;
    drop(progress);
    let read = read?;
    if read.variables.array.is_empty() {
        eprintln!(
            "warning: nothing lies in what was asked for ({}): the array is empty",
            one_line(&read.subset.to_string())
        );
    }
    write(&read.variables, format, &arguments.output)?;
    if arguments.stats {
        if !query.is_all() {
            print_windows(&read);
        }
        print_stats(&client.log().snapshot(), start);
        print_cache(&read.cached);
    }
    Ok(ExitCode::SUCCESS)
}

/// What of an array is asked for.
pub(crate) fn query(part: &Part) -> Result<Query, Failure> {
    let wrong = |option: &str, error: &Error| Failure::usage(format!("{option}: {error}"));
    let mut query = Query::new()
        .with_nearest(part.nearest)
        .with_latitude_longitude(part.latitude.clone(), part.longitude.clone());
    for text in &part.isel {
        query = query
            .with_isel(text)
            .map_err(|error| wrong("--isel", &error))?;
    }
    for text in &part.sel {
        query = query
            .with_sel(text)
            .map_err(|error| wrong("--sel", &error))?;
    }
    if let Some(text) = &part.bounding_box {
        let bounds = BoundingBox::parse(text).map_err(|error| wrong("--bounding-box", &error))?;
        query = query.with_bounding_box(bounds);
    }
    Ok(query)
}

/// What was read.
struct Done {
    variables: Variables,
    subset: Subset,
    windows: Vec<String>,
    cached: CacheStats,
}

async fn read(
    arguments: &Read,
    client: &Client,
    query: &Query,
    format: Format,
) -> Result<Done, Failure> {
    let with_coordinates = format.has_coordinates();
    let needed = with_coordinates || query.needs_coordinates();
    let Opened { store, path } = open::open(arguments, client, needed).await?;
    let options = ReadOptions::default()
        .with_limit(arguments.limit)
        .with_memory(arguments.memory);
    let failed = |error: Error| failed(arguments, &error);
    let subset = store.subset(&path, query, options).await.map_err(failed)?;
    let variables = if with_coordinates {
        variables::with_coordinates(&store, &path, &subset, options).await
    } else {
        variables::alone(&store, &path, &subset, options).await
    }
    .map_err(failed)?;
    warn_of_mask(&subset, format);
    let windows = if arguments.stats && !query.is_all() {
        windows(&store, &path, &subset).await.map_err(failed)?
    } else {
        Vec::new()
    };
    Ok(Done {
        variables,
        subset,
        windows,
        cached: store.cache_stats(),
    })
}

/// What does not fit the array is an error of the command line.
fn failed(arguments: &Read, error: &Error) -> Failure {
    let files = match arguments.files.as_slice() {
        [file] => file.clone(),
        files => format!("{} files", files.len()),
    };
    let text = format!("{files}: {}", chain(error));
    match error {
        Error::Selection { .. } | Error::NotAlong { .. } | Error::Query { .. } => {
            Failure::usage(text)
        }
        _ => Failure::new(text),
    }
}

/// Says what .npy can't: which elements of a window lie in the box.
fn warn_of_mask(subset: &Subset, format: Format) {
    let Some(inside) = subset.inside.as_ref() else {
        return;
    };
    if format == Format::Npy && inside.dimensions.len() > 1 {
        eprintln!(
            "warning: {} of the {} elements along {} lie in the box, and all of this window are \
             written; .csv has those inside alone, and .nc says which they are",
            inside.count(),
            inside.mask.len(),
            one_line(&inside.dimensions.join(", "))
        );
    }
}

/// The windows of a part by granule.
async fn windows(store: &Store, path: &str, subset: &Subset) -> Result<Vec<String>, Error> {
    let granules = store.granule_windows(path, subset).await?;
    let more = granules.len().saturating_sub(GRANULES);
    let mut lines: Vec<String> = granules
        .into_iter()
        .take(GRANULES)
        .map(|granule| {
            let axes = subset.axes.iter().zip(&granule.window);
            let axes =
                axes.map(|(axis, range)| format!("{}={}:{}", axis.name, range.start, range.end));
            format!("{}: {}", granule.url, axes.collect::<Vec<_>>().join(", "))
        })
        .collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    Ok(lines)
}

fn print_windows(read: &Done) {
    eprintln!("read {}", one_line(&read.subset.to_string()));
    if let Some(inside) = &read.subset.inside {
        eprintln!(
            "{} of {} elements of the windows lie in the box",
            inside.count(),
            inside.mask.len()
        );
    }
    for line in &read.windows {
        eprintln!("from {}", one_line(line));
    }
}

/// What is written is made while it is written.
fn write(variables: &Variables, format: Format, output: &Path) -> Result<(), Failure> {
    let array = &variables.array;
    let refused = |reason: String| Failure::new(format!("{}: {reason}", array.name));
    match format {
        Format::Npy => {
            let elements = &array.elements;
            let header = npy::header(&elements.data_type, &elements.shape).map_err(refused)?;
            put(output, &|out| {
                out.write_all(&header)?;
                out.write_all(&elements.bytes)
            })
        }
        Format::Csv => {
            let table = csv::Table::new(variables).map_err(refused)?;
            put(output, &|out| table.write(out))
        }
        Format::NetCdf => {
            let file = netcdf::File::new(variables).map_err(refused)?;
            for left_out in file.left_out() {
                eprintln!("warning: {}", one_line(left_out));
            }
            put(output, &|out| file.write(out))
        }
    }
}

/// Writes a file beside its name and renames it, or to standard output.
fn put(
    output: &Path,
    write: &dyn Fn(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    if output == Path::new("-") {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let written = write(&mut out).and_then(|()| std::io::Write::flush(&mut out));
        return crate::inspect::printed(written);
    }
    Ok(chunkref::write_file(output, |out| write(out))?)
}

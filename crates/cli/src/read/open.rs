//! What `chunkref read` reads from.

use std::sync::Arc;

use chunkref::combine::{ConcatOptions, concat};
use chunkref::manifest::kerchunk::RefusedNode;
use chunkref::manifest::{DataType, Manifest};
use chunkref::store::Error;
use chunkref::{Client, DatasetReport, OpenOptions, Outcome, Report, ScanOptions, Store};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::variables;
use crate::arguments::{Read, absolute};
use crate::failure::{Failure, chain};
use crate::joined;
use crate::set;

const NO_ARRAY: &str = "not an array";
const VARIABLE_LENGTH: &str =
    "elements of variable length, which can't be written; `chunkref scan` writes them";

/// Files that are scanned at one time, where several are joined.
const FILES_AT_ONCE: usize = 16;

/// What is read from, and the path of the array in it.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) path: String,
}

/// Opens a file or a set, or joins several. `with_coordinates`: the arrays beside the one that is read
/// are needed, too.
pub(crate) async fn open(
    arguments: &Read,
    client: &Client,
    with_coordinates: bool,
) -> Result<Opened, Failure> {
    let path = path(arguments);
    let files = arguments.files.as_slice();
    let is_set = |file: &&String| chunkref::is_set(file);
    if let (Some(_), Some(option)) = (files.iter().find(is_set), arguments.others.unfit_for_sets())
    {
        return Err(Failure::usage(format!("{option}: not for reference sets")));
    }
    let store = match (files, &arguments.concat_dim) {
        ([file], _) if with_coordinates => whole(arguments, client, file, &path).await?,
        ([file], _) => {
            let manifest = array_alone(arguments, client, file, &path).await?;
            Store::with_options(
                Arc::new(manifest),
                client.clone(),
                arguments.cache.options(),
            )
        }
        (_, Some(dimension)) => {
            let each = files.iter().map(|file| all(arguments, client, file, &path));
            let each = stream::iter(each.collect::<Vec<_>>()).buffered(FILES_AT_ONCE);
            let manifests: Vec<_> = each.try_collect().await?;
            let joined = concat(manifests, dimension, &ConcatOptions::new());
            let (joined, report) = joined.map_err(|error| Failure::new(chain(&error)))?;
            joined::warn(&report, "file");
            Store::with_options(Arc::new(joined), client.clone(), arguments.cache.options())
        }
        (files, None) => {
            return Err(Failure::usage(format!(
                "{} files: say along which dimension they are joined (--concat-dim DIMENSION)",
                files.len()
            )));
        }
    };
    Ok(Opened { store, path })
}

/// A file or a set of which what is asked for is read when it is.
async fn whole(
    arguments: &Read,
    client: &Client,
    file: &str,
    path: &str,
) -> Result<Store, Failure> {
    let options = OpenOptions::default()
        .with_scan(scan_options(arguments))
        .with_store(arguments.cache.options());
    let store = chunkref::open_with(client, &absolute(file), options)
        .await
        .map_err(|error| set::failure(&error))?;
    let failed = |reason: &str| Failure::new(format!("{file}: {path}: {reason}"));
    match variables::described(&store, path).await {
        Ok((_, array)) if variables::is_of_variable_length(&array) => Err(failed(VARIABLE_LENGTH)),
        Ok(_) => Ok(store),
        Err(Error::NoArray { .. }) => Err(failed(NO_ARRAY)),
        Err(error) => Err(Failure::new(format!("{file}: {}", chain(&error)))),
    }
}

/// The array, and nothing beside it.
async fn array_alone(
    arguments: &Read,
    client: &Client,
    file: &str,
    path: &str,
) -> Result<Manifest, Failure> {
    if chunkref::is_set(file) {
        return from_set(client, file, path, Some(path)).await;
    }
    let options = scan_options(arguments).with_inline_threshold(0);
    let mut options = options.with_variables([arguments.array.as_str()]);
    options.attributes = false;
    options.group.clone_from(&arguments.group);
    from_file(client, file, path, &options).await
}

/// All of a file or a set.
async fn all(
    arguments: &Read,
    client: &Client,
    file: &str,
    path: &str,
) -> Result<Manifest, Failure> {
    if chunkref::is_set(file) {
        return from_set(client, file, path, None).await;
    }
    from_file(client, file, path, &scan_options(arguments)).await
}

fn scan_options(arguments: &Read) -> ScanOptions {
    let options = arguments.others.apply(ScanOptions::default());
    arguments.limits.apply(options)
}

async fn from_set(
    client: &Client,
    file: &str,
    path: &str,
    only: Option<&str>,
) -> Result<Manifest, Failure> {
    let opened = set::open(client, file, only).await?;
    let refused = |node: &&RefusedNode| node.path == path;
    check(&opened.manifest, file, path, || {
        match opened.report.refused.iter().find(refused) {
            Some(node) => format!("refused: {}", node.reason),
            None => NO_ARRAY.to_owned(),
        }
    })?;
    Ok(opened.manifest)
}

async fn from_file(
    client: &Client,
    file: &str,
    path: &str,
    options: &ScanOptions,
) -> Result<Manifest, Failure> {
    let scanned = chunkref::scan(client, &absolute(file), options)
        .await
        .map_err(|error| Failure::scan(file, &error))?;
    check(&scanned.manifest, file, path, || {
        why_not(path, &scanned.report)
    })?;
    Ok(scanned.manifest)
}

/// The path of the array from the root.
fn path(arguments: &Read) -> String {
    let group = arguments.group.as_deref().unwrap_or_default();
    let parts = group.split('/').chain(arguments.array.split('/'));
    let path: Vec<_> = parts.filter(|name| !name.is_empty()).collect();
    format!("/{}", path.join("/"))
}

/// Fails where the array is not there, or has no elements of fixed size.
fn check(
    manifest: &Manifest,
    file: &str,
    path: &str,
    why_not: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let failed = |reason: &str| Err(Failure::new(format!("{file}: {path}: {reason}")));
    match manifest.array(path).map(|array| &array.data_type) {
        Some(DataType::VariableString | DataType::VariableBytes) => failed(
            "elements of variable length, which can't be written; `chunkref scan` writes them",
        ),
        Some(_) => Ok(()),
        None => failed(&why_not()),
    }
}

/// What the report says of a dataset that is not in the manifest.
fn why_not(path: &str, report: &Report) -> String {
    let reason = |dataset: &DatasetReport| match dataset.outcome {
        Outcome::Refused => Some(format!("refused: {}", dataset.reason.as_deref()?)),
        Outcome::Dimension => Some("a dimension without a variable".to_owned()),
        _ => None,
    };
    let mut of_array = report
        .datasets
        .iter()
        .filter(|dataset| dataset.path == path);
    let reason = of_array.find_map(reason);
    reason.unwrap_or_else(|| NO_ARRAY.to_owned())
}

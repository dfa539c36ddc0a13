//! Which part of each array is exported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chunkref::manifest::Manifest;
use chunkref::store::{Error, ReadOptions, Selection, Slice, Subset, SubsetAxis};
use chunkref::{Client, Store};

use crate::arguments::Export;
use crate::failure::{Failure, chain, one_line};
use crate::read;

/// Along dimensions, known by name and length, what is exported.
type Windows = BTreeMap<(String, u64), Slice>;

/// By the path of an array, the part of it that is asked for; of the others all. What is asked for is
/// found along the dimensions of the variables, and holds for all arrays along these.
pub(super) async fn selections(
    arguments: &Export,
    client: &Client,
    manifest: &Arc<Manifest>,
) -> Result<BTreeMap<String, Selection>, Failure> {
    let query = read::query(&arguments.part)?;
    if query.is_all() {
        return Ok(BTreeMap::new());
    }
    let file = &arguments.file;
    let store = Store::new(Arc::clone(manifest), client.clone());
    let mut windows = Windows::new();
    let mut tried = BTreeSet::new();
    let mut unfit = None;
    for (path, array) in manifest.arrays() {
        let (group, _) = path.rsplit_once('/').unwrap_or_default();
        let dimensions = (array.dimension_names.clone(), array.shape.clone());
        let is_new = || tried.insert((group.to_owned(), dimensions));
        if !is_asked_for(arguments, &path) || !is_new() {
            continue;
        }
        match store.subset(&path, &query, ReadOptions::default()).await {
            Ok(subset) => add(&mut windows, &subset, &path)
                .map_err(|reason| Failure::usage(format!("{file}: {path}: {reason}")))?,
            // Coordinates, say, do not have all of the dimensions.
            Err(error @ Error::NotAlong { .. }) => {
                unfit.get_or_insert(error);
            }
            Err(error @ Error::Selection { .. }) => {
                return Err(Failure::usage(format!(
                    "{file}: {}; --group and --variable say what is exported",
                    chain(&error)
                )));
            }
            Err(error) => return Err(Failure::new(format!("{file}: {}", chain(&error)))),
        }
    }
    if let (true, Some(error)) = (windows.is_empty(), unfit) {
        return Err(Failure::usage(format!("{file}: {}", chain(&error))));
    }
    let selections = manifest.arrays().filter_map(|(path, array)| {
        let axes = array.dimension_names.iter().zip(&array.shape);
        let slices: Vec<_> = axes
            .map(|(name, length)| windows.get(&(name.clone(), *length)).copied())
            .collect();
        slices.iter().any(Option::is_some).then(|| {
            let whole = |length: &u64| Slice::new(0, *length);
            let axes = slices.iter().zip(&array.shape);
            let slices = axes.map(|(slice, length)| slice.unwrap_or_else(|| whole(length)));
            (path, Selection::slices(slices.collect::<Vec<_>>()))
        })
    });
    Ok(selections.collect())
}

fn is_asked_for(arguments: &Export, path: &str) -> bool {
    let group = arguments.group.as_deref().unwrap_or_default();
    let group = group.trim_matches('/');
    let path = path.trim_matches('/');
    let within = match group {
        "" => Some(path),
        group => path
            .strip_prefix(group)
            .and_then(|rest| rest.strip_prefix('/')),
    };
    within.is_some_and(|name| {
        let variables = &arguments.variables;
        variables.is_empty() || variables.iter().any(|one| one.trim_matches('/') == name)
    })
}

/// Adds what is wanted along the dimensions of one array.
fn add(windows: &mut Windows, subset: &Subset, path: &str) -> Result<(), String> {
    let mut covers = subset.inside.is_some();
    let empty = subset.axes.iter().find(|axis| axis.windows.is_empty());
    if let Some(axis) = empty {
        eprintln!(
            "warning: {}",
            one_line(&format!(
                "{path}: nothing along {} lies in what is asked for: what is exported is empty",
                axis.name
            ))
        );
    }
    for axis in &subset.axes {
        let (slice, is_cover) = window(axis)?;
        covers |= is_cover;
        let known = windows.insert((axis.name.clone(), axis.length), slice);
        if known.is_some_and(|known| known != slice) {
            return Err(format!(
                "along {} another part is wanted than of other variables; export them one by one \
                 (--group, --variable)",
                axis.name
            ));
        }
    }
    if covers {
        eprintln!(
            "warning: {}",
            one_line(&format!(
                "{path}: what lies between and around the elements in the box is exported, too"
            ))
        );
    }
    Ok(())
}

/// The one slice that is exported along an axis, and whether it covers more than what is wanted.
fn window(axis: &SubsetAxis) -> Result<(Slice, bool), String> {
    match axis.windows.as_slice() {
        [] => Ok((Slice::new(0, 0), false)),
        [slice] => Ok((*slice, false)),
        [first, .., last] if axis.windows.is_sorted_by_key(|window| window.start) => {
            Ok((Slice::new(first.start, last.stop), true))
        }
        several => Err(format!(
            "along {} it is in {} parts, from west to east; export each by itself",
            axis.name,
            several.len()
        )),
    }
}

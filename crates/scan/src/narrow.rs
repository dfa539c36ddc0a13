//! What a scan is narrowed to: a group, and variables by their paths from it.

use chunkref_hdf5::{self as hdf5, File, LinkEnd, ObjectKind};

use crate::dimension::NOT_COORDINATE;
use crate::error::{Error, Result};
use crate::links::group;
use crate::options::ScanOptions;
use crate::scan::Scanned;

/// What the parser is asked for. `narrow`: only the variables asked for, with their chunks.
pub(crate) fn parser_options(options: &ScanOptions, size: u64, narrow: bool) -> hdf5::ScanOptions {
    let mut parser = hdf5::ScanOptions::default();
    parser.group.clone_from(&options.group);
    parser.file_size = Some(size);
    parser.depth = (!options.subgroups).then_some(1);
    // Dimension scales and hidden attributes are needed, whatever is shown.
    parser.attributes = true;
    parser.chunks = narrow;
    parser.small_data = options.inlined_data(false);
    parser.small_data_of_pages = options.inlined_data(true);
    parser.decoder = Some(std::sync::Arc::new(
        crate::metadata_filters::MetadataFilters,
    ));
    if narrow {
        let paths = options.variables.iter();
        parser.variables = paths.flat_map(|path| both_names(path)).collect();
    }
    parser
}

/// A path, and the one under which netCDF-C may have stored it.
fn both_names(path: &str) -> [String; 2] {
    let (groups, name) = path.rsplit_once('/').unwrap_or(("", path));
    [path.to_owned(), format!("{groups}/{NOT_COORDINATE}{name}")]
}

/// Fails when what was asked for is not in the file. What lies beyond an external link is checked
/// by [`check_reached`] when that was followed.
pub(crate) fn check_asked_for(file: &File, options: &ScanOptions) -> Result<()> {
    let path = options.group.as_deref().unwrap_or_default();
    match file.follow(path).end {
        LinkEnd::Object(address) if group(file, address).is_some() => {}
        end @ LinkEnd::External { .. } => return check_followed(path, &end, options),
        _ => return Err(no_such_group(path)),
    }
    for variable in &options.variables {
        let mut found = false;
        for name in both_names(variable) {
            match file.follow(&format!("{path}/{name}")).end {
                LinkEnd::Object(address) => {
                    found |= file.object(address).is_some_and(|object| {
                        matches!(object.kind, ObjectKind::Dataset(_) | ObjectKind::Refused(_))
                    });
                }
                end @ LinkEnd::External { .. } => {
                    check_followed(variable, &end, options)?;
                    found = true;
                }
                _ => {}
            }
        }
        if !found {
            return Err(no_such_variable(variable, options));
        }
    }
    Ok(())
}

/// Fails when what was asked for lies beyond an external link, and those are not followed.
fn check_followed(path: &str, end: &LinkEnd, options: &ScanOptions) -> Result<()> {
    match end {
        LinkEnd::External { file, path: inner } if !options.external_links => {
            Err(Error::Unreached {
                path: path.to_owned(),
                reason: format!(
                    "beyond an external link to {inner:?} in the file {file:?}, not followed (--external-links)"
                ),
            })
        }
        _ => Ok(()),
    }
}

/// Fails when what was asked for beyond an external link is not there.
pub(crate) fn check_reached(scanned: &Scanned, options: &ScanOptions) -> Result<()> {
    let asked = options.group.as_deref().unwrap_or_default();
    let normal = |path: &str| -> String {
        let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
        names.flat_map(|name| ["/", name]).collect()
    };
    let why = |path: &str| {
        let links = scanned.report.links.iter();
        let mut above = links.filter(|link| {
            let rest = path.strip_prefix(&link.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        above.next().map(|link| Error::Unreached {
            path: path.to_owned(),
            reason: format!("{}: {}", link.path, link.reason),
        })
    };
    let path = normal(asked);
    if scanned.manifest.group(&path).is_none() {
        return Err(why(&path).unwrap_or_else(|| no_such_group(asked)));
    }
    for variable in &options.variables {
        let paths = both_names(variable).map(|name| normal(&format!("{asked}/{name}")));
        let mut datasets = scanned.report.datasets.iter();
        if !datasets.any(|dataset| paths.contains(&dataset.path)) {
            let [path, _] = &paths;
            return Err(why(path).unwrap_or_else(|| no_such_variable(variable, options)));
        }
    }
    Ok(())
}

fn no_such_group(group: &str) -> Error {
    Error::NoSuchGroup {
        group: group.to_owned(),
    }
}

fn no_such_variable(variable: &str, options: &ScanOptions) -> Error {
    Error::NoSuchVariable {
        variable: variable.to_owned(),
        scope: match &options.group {
            Some(group) => format!("group {group:?}"),
            None => "the root group".to_owned(),
        },
    }
}

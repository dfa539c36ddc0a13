//! What a scan is narrowed to: a group, and variables by their paths from it.

use chunkref_hdf5::{self as hdf5, Address, File, LinkTarget, ObjectKind};

use crate::dimension::{NOT_COORDINATE, variable_name};
use crate::error::{Error, Result};
use crate::links::group;
use crate::options::ScanOptions;

/// What the parser is asked for. `narrow`: only the variables asked for, with their chunks.
pub(crate) fn parser_options(options: &ScanOptions, size: u64, narrow: bool) -> hdf5::ScanOptions {
    let mut parser = hdf5::ScanOptions::default();
    parser.group.clone_from(&options.group);
    parser.file_size = Some(size);
    // Dimension scales and hidden attributes are needed, whatever is shown.
    parser.attributes = true;
    parser.chunks = narrow;
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

/// Fails when what was asked for is not in the file.
pub(crate) fn check_asked_for(file: &File, options: &ScanOptions) -> Result<()> {
    let path = options.group.as_deref().unwrap_or_default();
    let start = follow(file, file.root, path)
        .filter(|&address| group(file, address).is_some())
        .ok_or_else(|| Error::NoSuchGroup {
            group: path.to_owned(),
        })?;
    for variable in &options.variables {
        let found = follow(file, start, variable).and_then(|address| file.object(address));
        let is_dataset = found.is_some_and(|object| {
            matches!(object.kind, ObjectKind::Dataset(_) | ObjectKind::Refused(_))
        });
        if !is_dataset {
            return Err(Error::NoSuchVariable {
                variable: variable.clone(),
                scope: match &options.group {
                    Some(group) => format!("group {group:?}"),
                    None => "the root group".to_owned(),
                },
            });
        }
    }
    Ok(())
}

/// The object at a path from a group, over hard links.
fn follow(file: &File, start: Address, path: &str) -> Option<Address> {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    names.try_fold(start, |at, name| {
        let mut links = group(file, at)?.links.iter();
        match links.find(|link| variable_name(&link.name) == name)?.target {
            LinkTarget::Hard(address) => Some(address),
            _ => None,
        }
    })
}

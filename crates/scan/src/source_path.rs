//! Paths of sources of virtual datasets within their files.

use chunkref_hdf5::{Address, Dataset, File, LinkTarget, ObjectKind};

use crate::data_type::Refusal;
use crate::links::group;

/// Soft links on the way to a source.
pub(crate) const MAX_LINKS: usize = 16;

/// Where a path leads in a file.
pub(crate) enum Walked<'f> {
    Dataset(Address, &'f Dataset),
    /// To this path, which was not asked for.
    Unread(String),
    Missing,
    Refused(Refusal),
}

/// Follows a path from the root, over hard and soft links. As with libhdf5, the last name alone
/// may be missing.
pub(crate) fn walk<'f>(file: &'f File, path: &str) -> Walked<'f> {
    let mut left = MAX_LINKS;
    let mut names: Vec<String> = components(path);
    names.reverse();
    let (mut at, mut whole) = (file.root, Vec::<String>::new());
    while let Some(name) = names.pop() {
        let Some(here) = group(file, at) else {
            return Walked::Refused(format!("{name:?} lies in no group"));
        };
        if !here.listed {
            return Walked::Unread(joined(whole, Some(name), names));
        }
        let Some(link) = here.links.iter().find(|link| link.name == name) else {
            return if names.is_empty() {
                Walked::Missing
            } else {
                Walked::Refused(format!("the group {name:?} is not there"))
            };
        };
        match &link.target {
            LinkTarget::Hard(address) => {
                at = *address;
                whole.push(name);
            }
            LinkTarget::Soft(target) => {
                let Some(fewer) = left.checked_sub(1) else {
                    return Walked::Refused("too many soft links".to_owned());
                };
                left = fewer;
                let start = if target.starts_with('/') {
                    Vec::new()
                } else {
                    whole.clone()
                };
                let rest = names.drain(..).rev();
                let mut full: Vec<String> = start
                    .into_iter()
                    .chain(components(target))
                    .chain(rest)
                    .collect();
                full.reverse();
                names = full;
                at = file.root;
                whole.clear();
            }
            LinkTarget::External { file, .. } => {
                return Walked::Refused(format!("an external link into {file:?}"));
            }
            LinkTarget::UserDefined(class) => {
                return Walked::Refused(format!("a user-defined link of class {class}"));
            }
        }
        if file.object(at).is_none() {
            return Walked::Unread(joined(whole, None, names));
        }
    }
    match file.object(at).map(|object| &object.kind) {
        Some(ObjectKind::Dataset(dataset)) => Walked::Dataset(at, dataset),
        Some(ObjectKind::Refused(error)) => Walked::Refused(error.to_string()),
        _ => Walked::Refused("not a dataset".to_owned()),
    }
}

/// The names gone through, the next, and those after it, last first.
fn joined(mut whole: Vec<String>, next: Option<String>, rest: Vec<String>) -> String {
    whole.extend(next);
    whole.extend(rest.into_iter().rev());
    whole.join("/")
}

fn components(path: &str) -> Vec<String> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    names.map(str::to_owned).collect()
}

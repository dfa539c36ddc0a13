//! What the links of a group lead to, in the granule and in other files.

use chunkref_hdf5::{Address, Group as Hdf5Group, LinkEnd, LinkTarget, Nowhere, Object};

use super::{MappedFile, Walk};
use crate::dimension::{is_without_variable, variable_name};

/// So many external links may lead from one to the next, as in libhdf5 (`H5L_NUM_LINKS`).
const MAX_EXTERNAL_LINKS: usize = 16;

/// An object under one of its names.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) source: usize,
    pub(super) address: Address,
    pub(super) object: &'a Object,
    /// The groups that lead to it in another file.
    pub(super) through: Option<Vec<Address>>,
    /// Whether this is not the name that it is at home under.
    pub(super) is_alias: bool,
}

/// What a link gives.
pub(super) enum Lead<'a> {
    Object(Member<'a>),
    /// Not followed, and why.
    Reason(String),
    /// Nothing that was asked for.
    Nothing,
}

impl<'a> Walk<'a> {
    /// What a link of the present group leads to.
    pub(super) fn lead(&self, siblings: &'a Hdf5Group, index: usize) -> Lead<'a> {
        let (Some(here), Some(link)) = (self.here(), siblings.links.get(index)) else {
            return Lead::Nothing;
        };
        let Some(mut end) = here.file.link_end(siblings, index) else {
            return Lead::Nothing;
        };
        let mut source = self.source;
        let mut through = None;
        let mut files = 0_usize;
        // What of a path comes after an external link on it.
        let mut rest = String::new();
        let (source, address) = loop {
            let (file, path) = match end {
                LinkEnd::Object(address) => break (source, address),
                LinkEnd::Nowhere(Nowhere::UserDefined(_))
                    if matches!(link.target, LinkTarget::UserDefined(_)) =>
                {
                    return Lead::Reason(format!("{}, not supported", describe(&link.target)));
                }
                LinkEnd::Nowhere(why) => {
                    let beyond = if files > 0 { " in that file" } else { "" };
                    return Lead::Reason(format!("{}: {why}{beyond}", describe(&link.target)));
                }
                LinkEnd::External { file, path } => (file, path),
                _ => return Lead::Nothing,
            };
            files = files.saturating_add(1);
            let what = describe(&link.target);
            if !self.external_links {
                let over = match link.target {
                    LinkTarget::Soft(_) => {
                        format!(", over an external link to {path:?} in the file {file:?}")
                    }
                    _ => String::new(),
                };
                return Lead::Reason(format!("{what}{over}, not followed"));
            }
            if files > MAX_EXTERNAL_LINKS {
                let many = format!("over {MAX_EXTERNAL_LINKS} external links are on the way");
                return Lead::Reason(format!("{what}: {many}"));
            }
            let next = match self.sources.lead(source, &file, &path) {
                Some(Ok(next)) => *next,
                Some(Err(reason)) => {
                    return Lead::Reason(format!("{what}: {reason}"));
                }
                None => return Lead::Nothing,
            };
            let Some(other) = self.files.get(next) else {
                return Lead::Nothing;
            };
            let path = format!("{path}/{rest}");
            let followed = other.file.follow(&path);
            source = next;
            followed.rest.clone_into(&mut rest);
            through = Some(followed.through);
            end = followed.end;
        };
        let file = self.files.get(source).map(|other| other.file);
        // What a narrow scan was not asked for was not read.
        let Some(object) = file.and_then(|file| file.object(address)) else {
            return Lead::Nothing;
        };
        let home = self.groups.last().map(|&group| (group, link.name.as_str()));
        Lead::Object(Member {
            source,
            address,
            object,
            is_alias: self.is_alias || through.is_some() || here.links.parent(address) != home,
            through,
        })
    }
}

/// The name of the array for a link: without netCDF-C's prefix, if no other array has that name.
pub(super) fn free_name<'n>(
    link: &'n str,
    siblings: &Hdf5Group,
    here: Option<&MappedFile<'_>>,
) -> &'n str {
    let name = variable_name(link);
    let is_variable = |index: usize| {
        let file = here?.file;
        match file.link_end(siblings, index)? {
            LinkEnd::Object(address) => Some(!is_without_variable(file.object(address)?)),
            LinkEnd::External { .. } => Some(true),
            _ => None,
        }
    };
    let taken = name != link
        && (0..)
            .zip(&siblings.links)
            .any(|(index, sibling)| sibling.name == name && is_variable(index) == Some(true));
    if taken { link } else { name }
}

fn describe(target: &LinkTarget) -> String {
    match target {
        LinkTarget::Hard(address) => format!("a hard link to {address}"),
        LinkTarget::Soft(path) => format!("a soft link to {path:?}"),
        LinkTarget::External { file, path } => {
            format!("an external link to {path:?} in the file {file:?}")
        }
        LinkTarget::UserDefined(class) => format!("a user-defined link of class {class}"),
    }
}

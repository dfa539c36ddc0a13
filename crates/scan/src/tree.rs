//! The tree of groups: from links between objects to groups within groups.

use chunkref_hdf5::{Address, File, Group as Hdf5Group, Link, LinkTarget, Object, ObjectKind};
use chunkref_manifest::{Group, check_name};

use crate::attribute::attributes;
use crate::dataset::{Mapped, Mapper, Named};
use crate::dimension::{Scope, is_without_variable, variable_name};
use crate::error::{Error, Result};
use crate::late::Late;
use crate::layout::Failure;
use crate::links::{Links, MAX_DEPTH};
use crate::report::{Outcome, Report};

/// The tree that was mapped, and what is still to be read.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) root: Group,
    pub(crate) late: Vec<Late>,
    pub(crate) report: Report,
}

/// Walks a file's links.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    file: &'a File,
    mapper: Mapper<'a>,
    /// Says under which of its names a group is followed.
    links: &'a Links<'a>,
    /// The groups from the root to the present one, and their names (without the root's).
    groups: Vec<Address>,
    names: Vec<String>,
    late: Vec<Late>,
    report: Report,
}

/// The tree of a file.
///
/// # Errors
/// When the file contradicts itself.
pub(crate) fn walk<'a>(file: &'a File, links: &'a Links<'a>, mapper: Mapper<'a>) -> Result<Tree> {
    let mut walk = Walk {
        file,
        mapper,
        links,
        groups: Vec::new(),
        names: Vec::new(),
        late: Vec::new(),
        report: Report::default(),
    };
    let mut root = Group::default();
    match file.object(file.root) {
        Some(object) => match &object.kind {
            ObjectKind::Group(group) => root = walk.group("", file.root, object, group)?,
            _ => {
                return Err(Error::Malformed {
                    path: "/".to_owned(),
                    what: "not a group".to_owned(),
                });
            }
        },
        None => walk
            .report
            .warnings
            .push("the root group was not read".to_owned()),
    }
    Ok(Tree {
        root,
        late: walk.late,
        report: walk.report,
    })
}

impl<'a> Walk<'a> {
    /// A group and all below it; `path` is without the slash at its end.
    fn group(
        &mut self,
        path: &str,
        address: Address,
        object: &'a Object,
        group: &'a Hdf5Group,
    ) -> Result<Group> {
        if self.groups.len() >= MAX_DEPTH {
            return Err(Error::Malformed {
                path: path.to_owned(),
                what: format!("groups nested deeper than {MAX_DEPTH}"),
            });
        }
        let shown = if path.is_empty() { "/" } else { path };
        self.groups.push(address);
        let mut mapped = Group::default();
        if self.mapper.options.attributes {
            mapped.attributes = attributes(self.mapper.decoder, shown, object, &mut self.report);
        }
        for link in &group.links {
            self.link(path, link, group, &mut mapped)?;
        }
        self.groups.pop();
        Ok(mapped)
    }

    fn link(
        &mut self,
        parent: &str,
        link: &Link,
        siblings: &Hdf5Group,
        mapped: &mut Group,
    ) -> Result<()> {
        let path = format!("{parent}/{}", link.name);
        let address = match &link.target {
            LinkTarget::Hard(address) => *address,
            other => {
                self.report.link(path, unfollowed(other));
                return Ok(());
            }
        };
        // What a narrow scan was not asked for was not read.
        let Some(object) = self.file.object(address) else {
            return Ok(());
        };
        match &object.kind {
            ObjectKind::CommittedDatatype(_) => {}
            ObjectKind::Refused(error) => self.report.refuse(&path, error.to_string()),
            ObjectKind::Group(group) => {
                if !group.listed {
                    return Ok(());
                }
                if let Err(error) = check_name(&link.name) {
                    self.report.link(path, error.to_string());
                } else if self.links.parent(address) != self.here(&link.name) {
                    let first = self.links.path(address).unwrap_or_default();
                    let reason = format!("another hard link to the group {first}");
                    self.report.link(path, reason);
                } else {
                    self.names.push(link.name.clone());
                    let below = self.group(&path, address, object, group)?;
                    self.names.pop();
                    mapped.groups.insert(link.name.clone(), below);
                }
            }
            ObjectKind::Dataset(dataset) => {
                let named = (path.as_str(), address, object, dataset.as_ref());
                self.dataset(link, named, siblings, mapped)?;
            }
        }
        Ok(())
    }

    fn dataset(
        &mut self,
        link: &Link,
        (path, address, object, dataset): (&str, Address, &'a Object, &'a chunkref_hdf5::Dataset),
        siblings: &Hdf5Group,
        mapped: &mut Group,
    ) -> Result<()> {
        if is_without_variable(object) {
            self.report.dataset(path, Outcome::Dimension);
            return Ok(());
        }
        let name = free_name(&link.name, siblings, self.file);
        if let Err(error) = check_name(name) {
            self.report.refuse(path, error.to_string());
            return Ok(());
        }
        let mut warnings = Vec::new();
        let result = self.mapper.map(
            Named {
                path,
                scope: Scope {
                    groups: &self.groups,
                },
                address,
                object,
                dataset,
            },
            &mut warnings,
        );
        let warnings = warnings
            .into_iter()
            .map(|warning| format!("{path}: {warning}"));
        match result {
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Refused(reason)) => self.report.refuse(path, reason),
            Ok(Mapped::Ready(mut array, outcome)) => {
                self.report.warnings.extend(warnings);
                self.report.dataset(path, outcome);
                array.attributes = self.attributes(path, object);
                mapped.arrays.insert(name.to_owned(), *array);
            }
            Ok(Mapped::Beyond(mut array, reason)) => {
                self.report.warnings.extend(warnings);
                self.report.beyond_zarr(path, reason);
                array.attributes = self.attributes(path, object);
                mapped.arrays.insert(name.to_owned(), *array);
            }
            Ok(Mapped::Late(mut late)) => {
                self.report.warnings.extend(warnings);
                // Set right where reading fails.
                self.report.dataset(path, Outcome::Inlined);
                late.array.attributes = self.attributes(path, object);
                late.place = (self.names.clone(), name.to_owned());
                self.late.push(*late);
            }
        }
        Ok(())
    }

    /// A name in the present group.
    fn here<'n>(&self, name: &'n str) -> Option<(Address, &'n str)> {
        self.groups.last().map(|&group| (group, name))
    }

    fn attributes(&mut self, path: &str, object: &Object) -> chunkref_manifest::Attributes {
        if self.mapper.options.attributes {
            attributes(self.mapper.decoder, path, object, &mut self.report)
        } else {
            chunkref_manifest::Attributes::new()
        }
    }
}

/// The name of the array for a link: without netCDF-C's prefix, if no other array has that name.
fn free_name<'n>(link: &'n str, siblings: &Hdf5Group, file: &File) -> &'n str {
    let name = variable_name(link);
    let taken = name != link
        && siblings.links.iter().any(|sibling| {
            sibling.name == name
                && match sibling.target {
                    LinkTarget::Hard(address) => file
                        .object(address)
                        .is_some_and(|object| !is_without_variable(object)),
                    _ => false,
                }
        });
    if taken { link } else { name }
}

fn unfollowed(target: &LinkTarget) -> String {
    match target {
        LinkTarget::Hard(address) => format!("a hard link to {address}"),
        LinkTarget::Soft(path) => format!("a soft link to {path:?}, not followed"),
        LinkTarget::External { file, path } => {
            format!("an external link to {path:?} in the file {file:?}, not followed")
        }
        LinkTarget::UserDefined(class) => {
            format!("a user-defined link of class {class}, not supported")
        }
    }
}

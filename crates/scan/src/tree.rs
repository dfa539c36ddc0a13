//! The tree of groups: from links between objects to groups within groups.
//!
//! What a link leads to appears under the link's name, whether the link is hard, soft or (if those
//! are followed) external. An object may so appear under many names, and a few groups that link to
//! one another have more paths than memory holds: further names are followed as far as [`Room`]
//! goes, short paths before long ones. A group is not entered again from within itself.

mod lead;
mod reach;

use std::collections::BTreeSet;

use chunkref_hdf5::{Address, Dataset, File, Group as Hdf5Group, Narrow, Object, ObjectKind};
use chunkref_manifest::{Group, check_name};

use crate::attribute::attributes;
use crate::dataset::{Mapped, Mapper, Named};
use crate::dimension::{Scope, is_without_variable};
use crate::error::{Error, Result};
use crate::late::Late;
use crate::layout::Failure;
use crate::links::{Links, MAX_DEPTH};
use crate::narrow::parser_options;
use crate::options::ScanOptions;
use crate::report::{Outcome, Report};
use crate::room::Room;
use crate::sources::Sources;
use lead::{Lead, Member, free_name};

/// The tree that was mapped, and what is still to be read.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) root: Group,
    pub(crate) late: Vec<Late>,
    pub(crate) report: Report,
    /// The paths in the manifest of the arrays of other files.
    pub(crate) others: BTreeSet<String>,
}

/// A file as it is mapped.
#[derive(Debug)]
pub(crate) struct MappedFile<'a> {
    pub(crate) file: &'a File,
    /// Says under which of its names a group is at home.
    pub(crate) links: &'a Links<'a>,
    pub(crate) mapper: Mapper<'a>,
}

/// Walks the links of a granule and of the files that it leads to.
#[derive(Debug)]
struct Walk<'a> {
    sources: &'a Sources,
    files: &'a [MappedFile<'a>],
    external_links: bool,
    narrow: Narrow,
    /// The source that the walk is in.
    source: usize,
    /// The groups from that source's root to the present one.
    groups: Vec<Address>,
    /// All groups from the granule's root to the present one, by file and address.
    ancestors: Vec<(usize, Address)>,
    /// The names that lead to the present group.
    names: Vec<String>,
    /// Whether the present group is reached by another name than the one it is at home under.
    is_alias: bool,
    /// How many of the present groups are reached by other names.
    depth: usize,
    /// How many may be.
    reach: usize,
    room: Room,
    late: Vec<Late>,
    report: Report,
    others: BTreeSet<String>,
}

/// The tree of a granule.
///
/// # Errors
/// When the file contradicts itself.
pub(crate) fn walk<'a>(
    sources: &'a Sources,
    files: &'a [MappedFile<'a>],
    options: &ScanOptions,
) -> Result<Tree> {
    let mut walk = Walk {
        sources,
        files,
        external_links: options.external_links,
        narrow: Narrow::new(&parser_options(options, 0, true)),
        source: 0,
        groups: Vec::new(),
        ancestors: Vec::new(),
        names: Vec::new(),
        is_alias: false,
        depth: 0,
        reach: usize::MAX,
        room: Room::for_files(files.iter().map(|one| one.file)),
        late: Vec::new(),
        report: Report::default(),
        others: BTreeSet::new(),
    };
    let mut root = Group::default();
    let found = files.first().and_then(|one| {
        let address = one.file.root;
        Some((address, one.file.object(address)?))
    });
    match found {
        Some((address, object)) => match &object.kind {
            ObjectKind::Group(group) => {
                walk.find_reach(address, group);
                root = walk.group("", address, object, group)?;
            }
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
        others: walk.others,
    })
}

impl<'a> Walk<'a> {
    fn here(&self) -> Option<&'a MappedFile<'a>> {
        self.files.get(self.source)
    }

    /// A group and all below it; `path` is without the slash at its end.
    fn group(
        &mut self,
        path: &str,
        address: Address,
        object: &'a Object,
        group: &'a Hdf5Group,
    ) -> Result<Group> {
        if self.ancestors.len() >= MAX_DEPTH {
            return Err(Error::Malformed {
                path: path.to_owned(),
                what: format!("groups nested deeper than {MAX_DEPTH}"),
            });
        }
        let shown = if path.is_empty() { "/" } else { path };
        self.within(address, |walk| {
            let mut mapped = Group {
                attributes: walk.attributes(shown, object),
                ..Group::default()
            };
            for (index, link) in group.links.iter().enumerate() {
                if walk.narrow.follows(&walk.names, &link.name) {
                    walk.link(path, group, index, &mut mapped)?;
                }
            }
            for (name, error) in &group.refused_links {
                if walk.narrow.follows(&walk.names, name) {
                    walk.report
                        .link(format!("{path}/{name}"), error.to_string());
                }
            }
            Ok(mapped)
        })
    }

    /// Does something within a group.
    fn within<T>(&mut self, address: Address, act: impl FnOnce(&mut Self) -> T) -> T {
        self.groups.push(address);
        let file = self.sources.file_number(self.source);
        self.ancestors.push((file, address));
        let done = act(self);
        self.ancestors.pop();
        self.groups.pop();
        done
    }

    fn link(
        &mut self,
        parent: &str,
        siblings: &'a Hdf5Group,
        index: usize,
        mapped: &mut Group,
    ) -> Result<()> {
        let Some(link) = siblings.links.get(index) else {
            return Ok(());
        };
        let path = format!("{parent}/{}", link.name);
        let member = match self.lead(siblings, index) {
            Lead::Object(member) => member,
            Lead::Reason(reason) => {
                self.report.link(path, reason);
                return Ok(());
            }
            Lead::Nothing => return Ok(()),
        };
        match &member.object.kind {
            ObjectKind::CommittedDatatype(_) => Ok(()),
            ObjectKind::Refused(error) => {
                self.report.refuse(&path, error.to_string());
                Ok(())
            }
            ObjectKind::Group(group) => match self.may_enter(&link.name, &member, group) {
                None => Ok(()),
                Some(Err(reason)) => {
                    self.report.link(path, reason);
                    Ok(())
                }
                Some(Ok(())) => {
                    let (address, object) = (member.address, member.object);
                    let below = self.enter(&link.name, member, |walk| {
                        walk.group(&path, address, object, group)
                    })?;
                    mapped.groups.insert(link.name.clone(), below);
                    Ok(())
                }
            },
            ObjectKind::Dataset(dataset) => {
                if member.is_alias && !self.room.take(1, stored_chunks(dataset)) {
                    self.report.link(path, self.room.reason());
                    return Ok(());
                }
                let name = free_name(&link.name, siblings, self.here());
                let groups = match &member.through {
                    Some(groups) => groups.clone(),
                    None => self.groups.clone(),
                };
                self.dataset(&path, name, &member, &groups, dataset, mapped)
            }
        }
    }

    /// Whether a group is entered under a name, or why not; `None` where it was not asked for.
    fn may_enter(
        &mut self,
        name: &str,
        member: &Member<'a>,
        group: &Hdf5Group,
    ) -> Option<Result<(), String>> {
        if !group.listed {
            return None;
        }
        if let Err(error) = check_name(name) {
            return Some(Err(error.to_string()));
        }
        let identity = (self.sources.file_number(member.source), member.address);
        if let Some(depth) = self.ancestors.iter().position(|&one| one == identity) {
            let names: Vec<_> = self.names.iter().take(depth).cloned().collect();
            return Some(Err(format!(
                "leads back to the group /{}, which it is in",
                names.join("/")
            )));
        }
        if member.is_alias {
            if self.ancestors.len() >= MAX_DEPTH {
                return Some(Err(format!("groups nested deeper than {MAX_DEPTH}")));
            }
            let links = u64::try_from(group.links.len()).unwrap_or(u64::MAX);
            if self.depth >= self.reach || !self.room.take(links.saturating_add(1), 0) {
                return Some(Err(self.room.reason()));
            }
        }
        Some(Ok(()))
    }

    /// Does something where a name leads; the walk goes to another file where the group lies in one.
    fn enter<T>(&mut self, name: &str, member: Member<'a>, act: impl FnOnce(&mut Self) -> T) -> T {
        let outer = (self.source, self.is_alias, self.depth);
        let outer_groups = member
            .through
            .map(|groups| std::mem::replace(&mut self.groups, groups));
        self.source = member.source;
        self.is_alias = member.is_alias;
        self.depth = outer.2.saturating_add(usize::from(member.is_alias));
        self.names.push(name.to_owned());
        let done = act(self);
        self.names.pop();
        (self.source, self.is_alias, self.depth) = outer;
        if let Some(groups) = outer_groups {
            self.groups = groups;
        }
        done
    }

    fn dataset(
        &mut self,
        path: &str,
        name: &str,
        member: &Member<'a>,
        groups: &[Address],
        dataset: &'a Dataset,
        mapped: &mut Group,
    ) -> Result<()> {
        let Some(file) = self.files.get(member.source) else {
            return Ok(());
        };
        let object = member.object;
        if is_without_variable(object) {
            self.report.dataset(path, Outcome::Dimension);
            return Ok(());
        }
        if let Err(error) = check_name(name) {
            self.report.refuse(path, error.to_string());
            return Ok(());
        }
        let mut warnings = Vec::new();
        let named = Named {
            path,
            scope: Scope { groups },
            address: member.address,
            object,
            dataset,
        };
        let result = file.mapper.map(named, &mut warnings);
        if result.is_ok() {
            let warnings = warnings.iter().map(|warning| format!("{path}: {warning}"));
            self.report.warnings.extend(warnings);
            if member.source != 0 {
                let group: String = self.names.iter().flat_map(|name| ["/", name]).collect();
                self.others.insert(format!("{group}/{name}"));
            }
        }
        match result {
            // Data outside of the file, or not as the type says, concerns no other dataset; another
            // file that contradicts itself spoils only what is read of it.
            Err(Failure::Fatal(error))
                if matches!(error, Error::Malformed { .. }) || member.source != 0 =>
            {
                self.report.refuse(path, error.to_string());
            }
            Err(Failure::Fatal(error)) => return Err(error),
            Err(Failure::Refused(reason)) => self.report.refuse(path, reason),
            Ok(Mapped::Ready(mut array, outcome)) => {
                self.report.dataset(path, outcome);
                let own = std::mem::take(&mut array.attributes);
                array.attributes = self.attributes_in(member.source, path, object);
                array.attributes.extend(own);
                mapped.arrays.insert(name.to_owned(), *array);
            }
            Ok(Mapped::Beyond(mut array, reason)) => {
                self.report.beyond_zarr(path, reason);
                array.attributes = self.attributes_in(member.source, path, object);
                mapped.arrays.insert(name.to_owned(), *array);
            }
            Ok(Mapped::Late(mut late)) => {
                // Set right where reading fails.
                self.report.dataset(path, Outcome::Inlined);
                late.array.attributes = self.attributes_in(member.source, path, object);
                late.place = (self.names.clone(), name.to_owned());
                late.source = member.source;
                self.late.push(*late);
            }
        }
        Ok(())
    }

    fn attributes(&mut self, path: &str, object: &Object) -> chunkref_manifest::Attributes {
        self.attributes_in(self.source, path, object)
    }

    fn attributes_in(
        &mut self,
        source: usize,
        path: &str,
        object: &Object,
    ) -> chunkref_manifest::Attributes {
        match self.files.get(source) {
            Some(file) if file.mapper.options.attributes => {
                attributes(file.mapper.decoder, path, object, &mut self.report)
            }
            _ => chunkref_manifest::Attributes::new(),
        }
    }
}

/// The chunks that are stored of a dataset.
fn stored_chunks(dataset: &Dataset) -> u64 {
    let chunks = dataset.chunks.as_ref();
    let stored = chunks.map_or(0, |chunks| chunks.indices.len());
    u64::try_from(stored).unwrap_or(u64::MAX)
}

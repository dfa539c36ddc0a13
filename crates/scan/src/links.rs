//! The names of a file's objects: which path leads to which.

use std::collections::{HashMap, VecDeque};

use chunkref_hdf5::{Address, File, Group, LinkTarget, ObjectKind};

/// Groups are followed at most so deep.
pub(crate) const MAX_DEPTH: usize = 128;

/// The shortest path to each object (the first by name among equals).
#[derive(Debug)]
pub(crate) struct Links<'a> {
    root: Address,
    /// The group that an object is in, and its name there.
    parents: HashMap<Address, (Address, &'a str)>,
}

/// The group at an address, if it was read.
pub(crate) fn group(file: &File, address: Address) -> Option<&Group> {
    match &file.object(address)?.kind {
        ObjectKind::Group(group) => Some(group),
        _ => None,
    }
}

impl<'a> Links<'a> {
    pub(crate) fn new(file: &'a File) -> Self {
        let mut parents = HashMap::new();
        let mut level = VecDeque::from([(file.root, 0_usize)]);
        while let Some((address, depth)) = level.pop_front() {
            let Some(group) = group(file, address).filter(|_| depth < MAX_DEPTH) else {
                continue;
            };
            for link in &group.links {
                let LinkTarget::Hard(target) = link.target else {
                    continue;
                };
                if target == file.root || parents.contains_key(&target) {
                    continue;
                }
                parents.insert(target, (address, link.name.as_str()));
                level.push_back((target, depth.saturating_add(1)));
            }
        }
        Self {
            root: file.root,
            parents,
        }
    }

    /// The group that an object is in, and its name there.
    pub(crate) fn parent(&self, address: Address) -> Option<(Address, &'a str)> {
        self.parents.get(&address).copied()
    }

    /// The path of an object, from the root.
    pub(crate) fn path(&self, address: Address) -> Option<String> {
        if address == self.root {
            return Some("/".to_owned());
        }
        let mut names = Vec::new();
        let mut at = address;
        while at != self.root {
            let (parent, name) = self.parent(at)?;
            names.push(name);
            at = parent;
        }
        names.push("");
        names.reverse();
        Some(names.join("/"))
    }
}

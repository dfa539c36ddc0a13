//! How far further names are followed, where there is not room for all.

use chunkref_hdf5::{Address, Group as Hdf5Group, ObjectKind};

use super::lead::Lead;
use super::{Walk, stored_chunks};

impl<'a> Walk<'a> {
    /// Finds how deep groups may lie in one another under further names so that there is room for
    /// all that are no deeper.
    pub(super) fn find_reach(&mut self, root: Address, group: &'a Hdf5Group) {
        let fresh = self.room.clone();
        let has_room = |walk: &mut Self, reach: usize| {
            walk.reach = reach;
            walk.within(root, |walk| walk.count(group));
            let is_full = walk.room.is_full();
            walk.room = fresh.clone();
            !is_full
        };
        if has_room(self, usize::MAX) {
            return;
        }
        let mut reach = 1_usize;
        while has_room(self, reach.saturating_add(1)) {
            reach = reach.saturating_add(1);
        }
        self.reach = reach;
    }

    /// Takes up room for all further names below a group, until there is no more.
    fn count(&mut self, group: &'a Hdf5Group) {
        for (index, link) in group.links.iter().enumerate() {
            if self.room.is_full() {
                return;
            }
            if !self.narrow.follows(&self.names, &link.name) {
                continue;
            }
            let Lead::Object(member) = self.lead(group, index) else {
                continue;
            };
            match &member.object.kind {
                ObjectKind::Dataset(dataset) if member.is_alias => {
                    self.room.take(1, stored_chunks(dataset));
                }
                ObjectKind::Group(group) => {
                    if let Some(Ok(())) = self.may_enter(&link.name, &member, group) {
                        let address = member.address;
                        self.enter(&link.name, member, |walk| {
                            if walk.ancestors.len() < super::MAX_DEPTH {
                                walk.within(address, |walk| walk.count(group));
                            }
                        });
                    }
                }
                _ => {}
            }
        }
    }
}

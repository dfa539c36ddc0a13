//! Links of old-style groups, read before the group's header says where they are: the symbol table
//! entry that leads to a group mostly repeats it. What was read so is used only if the header says
//! the same, so nothing but the number of waves depends on it.

use std::collections::BTreeMap;

use super::state::State;
use crate::address::Address;
use crate::group::SymbolTable;
use crate::held::Held;
use crate::link::{Link, LinkTarget, Links};
use crate::message::SymbolTableMessage;
use crate::walk::{Walk, Wants};

/// No more than so many are read at one time.
const MOST: usize = 1 << 12;

/// Where a group has its links in the file, by its B-tree and its local heap.
pub(super) type Table = (Address, Address);

/// The links of a group whose header is still being read.
#[derive(Debug)]
pub(super) enum Early {
    Reading(Box<SymbolTable>),
    Read(Links, Vec<(Address, Table)>),
}

/// By group.
pub(super) type EarlyTables = BTreeMap<Address, (Table, Early)>;

impl State {
    /// Begins to read the links of a group, of which it is likely that they are there.
    pub(super) fn start_early(&mut self, group: Address, table: Table) {
        let (btree, heap) = table;
        let is_known = self.is_listed(group) || self.early.contains_key(&group);
        if !self.hints.are_wanted || is_known || self.early.len() >= MOST {
            return;
        }
        let walk = Early::Reading(Box::new(SymbolTable::new(btree, heap)));
        self.early.insert(group, (table, walk));
    }

    fn is_listed(&self, group: Address) -> bool {
        let group = self.objects.get(&group);
        group.is_none_or(|group| group.listed || !group.messages.is_empty())
    }

    /// Goes on with what was begun early. What is wrong there is found again by who reads it in
    /// earnest, so it is given up without a word.
    pub(super) fn advance_early(&mut self, held: &Held, wants: &mut Wants) {
        for (group, (table, early)) in std::mem::take(&mut self.early) {
            let Early::Reading(mut walk) = early else {
                self.early.insert(group, (table, early));
                continue;
            };
            let before = wants.len();
            if walk.advance(held, wants).is_err() {
                wants.truncate(before);
                continue;
            }
            if !walk.is_done() {
                self.early.insert(group, (table, Early::Reading(walk)));
                continue;
            }
            let groups: Vec<_> = walk.groups().collect();
            if let Ok(links) = walk.finish() {
                self.expect_members(group, &links.read, &groups, held);
                let read = Early::Read(links, groups);
                self.early.insert(group, (table, read));
            }
        }
    }

    /// Hints at the members of a group that will be followed.
    fn expect_members(
        &mut self,
        group: Address,
        links: &[Link],
        groups: &[(Address, Table)],
        held: &Held,
    ) {
        let Some(building) = self.objects.get(&group) else {
            return;
        };
        for link in links {
            let LinkTarget::Hard(member) = link.target else {
                continue;
            };
            let mut paths = building.paths.iter();
            if paths.any(|path| self.narrow.follows(path, &link.name)) {
                let table = groups.iter().find(|(group, _)| *group == member);
                self.hints
                    .expect(member, table.map(|(_, table)| *table), held);
            }
        }
    }

    /// Takes what was read early of a group, whose header now says where its links are.
    pub(super) fn take_early(&mut self, group: Address, message: &SymbolTableMessage) -> Early {
        let table = (message.btree, message.heap);
        match self.early.remove(&group) {
            Some((early, walk)) if early == table => walk,
            _ => Early::Reading(Box::new(SymbolTable::new(message.btree, message.heap))),
        }
    }
}

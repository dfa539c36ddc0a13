//! Soft links: each is followed once, as far as the groups on its way are known, and goes on when
//! the next one is. So all go on at once, each way costs no more than it is long, and what a link
//! leads to does not depend on the order in which bytes come.

use std::collections::BTreeMap;

use super::options::ScanOptions;
use super::state::State;
use crate::address::Address;
use crate::error::Result;
use crate::held::Held;
use crate::link::LinkTarget;
use crate::object::ExternalLink;
use crate::path::{Halt, LinkEnd, Nowhere, Way};

/// A link, by its group and its place among the group's links.
pub(super) type LinkId = (Address, usize);

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Task {
    /// Begin an object (see [`State::visit`]).
    Visit(Address, Option<Vec<String>>),
    /// Go on following a soft link.
    Follow(LinkId),
}

/// Bytes in memory for a soft link that is followed, besides paths.
const SOFT_LINK: u64 = 400;

/// A soft link that is followed.
#[derive(Debug)]
pub(super) struct SoftLink {
    way: Way,
    /// The soft link on its way that it waits for.
    passing: Option<LinkId>,
    /// Where it leads, once that is known.
    end: Option<LinkEnd>,
    /// Those that wait for it.
    awaited_by: Vec<LinkId>,
    /// The paths by which what it leads to was asked for.
    paths: Vec<Vec<String>>,
}

impl State {
    /// Asks for what a soft link leads to, under the path of the link.
    pub(super) fn want_soft_link(
        &mut self,
        link: LinkId,
        path: Vec<String>,
        held: &Held,
    ) -> Result<Vec<Task>> {
        let mut tasks = Vec::new();
        self.note_soft_link(link, held, &mut tasks)?;
        let Some(soft) = self.soft_links.get_mut(&link) else {
            return Ok(tasks);
        };
        if soft.paths.contains(&path) {
            return Ok(tasks);
        }
        soft.paths.push(path.clone());
        if let Some(end) = soft.end.clone() {
            tasks.extend(self.arrive(link.0, &end, path, held)?);
        }
        Ok(tasks)
    }

    /// Begins to follow a soft link, unless it was met before.
    fn note_soft_link(&mut self, link: LinkId, held: &Held, tasks: &mut Vec<Task>) -> Result<()> {
        if self.soft_links.contains_key(&link) {
            return Ok(());
        }
        let Some(path) = self.soft_path(link) else {
            return Ok(());
        };
        let way = Way::new(path, self.superblock.root, link.0);
        held.charge_memory(held.place("soft link", link.0), SOFT_LINK)?;
        let soft = SoftLink {
            way,
            passing: None,
            end: None,
            awaited_by: Vec::new(),
            paths: Vec::new(),
        };
        self.soft_links.insert(link, soft);
        tasks.push(Task::Follow(link));
        Ok(())
    }

    fn soft_path(&self, (group, index): LinkId) -> Option<&str> {
        match &self.objects.get(&group)?.links.get(index)?.target {
            LinkTarget::Soft(path) => Some(path),
            _ => None,
        }
    }

    /// Follows a soft link as far as what is known allows.
    pub(super) fn follow(
        &mut self,
        link: LinkId,
        held: &Held,
        options: &ScanOptions,
        tasks: &mut Vec<Task>,
    ) -> Result<()> {
        // Taken out meanwhile: a link on its own way waits for itself, for ever.
        let Some(mut soft) = self.soft_links.remove(&link) else {
            return Ok(());
        };
        let halt = self.advance_soft_link(link, &mut soft);
        let at = soft.way.at;
        if let Some(Halt::Soft(index)) = &halt {
            soft.passing = Some((at, *index));
        }
        self.soft_links.insert(link, soft);
        match halt {
            Some(Halt::End) => self.end_soft_link(link, &LinkEnd::Object(at), held, tasks),
            Some(Halt::Leaves(end)) => self.end_soft_link(link, &end, held, tasks),
            Some(Halt::Unknown) => {
                if !self.objects.contains_key(&at) {
                    self.begin(at, held, options)?;
                }
                if let Some(group) = self.objects.get_mut(&at) {
                    group.awaited_by.push(link);
                }
                Ok(())
            }
            Some(Halt::Soft(index)) => {
                self.note_soft_link((at, index), held, tasks)?;
                match self.soft_links.get_mut(&(at, index)) {
                    Some(passing) if passing.end.is_none() => passing.awaited_by.push(link),
                    _ => tasks.push(Task::Follow(link)),
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Passes the soft link that it waits for and goes on; `None` where it must wait on.
    fn advance_soft_link(&self, link: LinkId, soft: &mut SoftLink) -> Option<Halt> {
        let path = self.soft_path(link).filter(|_| soft.end.is_none())?;
        if let Some(passing) = soft.passing {
            let passed = self.soft_links.get(&passing)?;
            let end = passed.end.as_ref()?;
            soft.passing = None;
            if let Some(end) = soft.way.pass(path, end, passed.way.soft_links) {
                return Some(Halt::Leaves(end));
            }
        }
        Some(soft.way.advance(path, |address| {
            let group = self.objects.get(&address).filter(|group| group.listed);
            group.map(|group| group.links.as_slice())
        }))
    }

    /// Notes where a soft link leads, and lets go on what waited for it.
    fn end_soft_link(
        &mut self,
        link: LinkId,
        end: &LinkEnd,
        held: &Held,
        tasks: &mut Vec<Task>,
    ) -> Result<()> {
        // Twice: here and in the file that is put together.
        charge(end, link.0, held)?;
        let Some(soft) = self.soft_links.get_mut(&link) else {
            return Ok(());
        };
        soft.end = Some(end.clone());
        let awaited_by = std::mem::take(&mut soft.awaited_by);
        tasks.extend(awaited_by.into_iter().map(Task::Follow));
        for path in soft.paths.clone() {
            tasks.extend(self.arrive(link.0, end, path, held)?);
        }
        Ok(())
    }

    /// What follows when a soft link that was asked for under `path` leads to `end`.
    fn arrive(
        &mut self,
        group: Address,
        end: &LinkEnd,
        at: Vec<String>,
        held: &Held,
    ) -> Result<Option<Task>> {
        match end {
            LinkEnd::Object(address) => return Ok(Some(Task::Visit(*address, Some(at)))),
            LinkEnd::External { file, path } => {
                charge(end, group, held)?;
                let (file, path) = (file.clone(), path.clone());
                self.external_links.insert(ExternalLink { at, file, path });
            }
            LinkEnd::Nowhere(_) => {}
        }
        Ok(None)
    }

    /// Where all soft links lead, by their groups, when nothing more is to be read. Those that
    /// still wait for an object wait for one that is no group; the others for each other.
    pub(super) fn soft_link_ends(&mut self) -> BTreeMap<Address, BTreeMap<usize, LinkEnd>> {
        let mut soft_links = std::mem::take(&mut self.soft_links);
        let missing = LinkEnd::Nowhere(Nowhere::Missing);
        let waits = |soft: &SoftLink| soft.end.is_none() && soft.passing.is_none();
        let mut todo: Vec<LinkId> = soft_links
            .iter()
            .filter(|(_, soft)| waits(soft))
            .map(|(&link, _)| link)
            .collect();
        while let Some(link) = todo.pop() {
            if let Some(soft) = soft_links.get_mut(&link) {
                soft.end = Some(missing.clone());
                todo.append(&mut soft.awaited_by);
            }
        }
        let mut ends: BTreeMap<Address, BTreeMap<usize, LinkEnd>> = BTreeMap::new();
        for ((group, index), soft) in soft_links {
            let end = soft.end.unwrap_or(LinkEnd::Nowhere(Nowhere::Cycle));
            ends.entry(group).or_default().insert(index, end);
        }
        ends
    }
}

/// Counts the memory of where a link leads.
fn charge(end: &LinkEnd, group: Address, held: &Held) -> Result<()> {
    let LinkEnd::External { file, path } = end else {
        return Ok(());
    };
    let length = file.len().saturating_add(path.len()).saturating_mul(2);
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    held.charge_memory(held.place("soft link", group), length.saturating_add(240))
}

//! What a header says, and what is to be read next because of it.

use std::collections::HashSet;

use super::early::Early;
use super::job::Reading;
use super::options::ScanOptions;
use super::soft_links::Task;
use super::state::State;
use crate::address::Address;
use crate::cache_image::CacheImage;
use crate::driver;
use crate::error::{Place, Result};
use crate::group::{DenseAttributes, DenseLinks};
use crate::held::Held;
use crate::link::{Link, LinkTarget, Links};
use crate::message::{
    AttributeInfo, CacheImageMessage, FileSpaceInfo, LinkInfo, Message, SharedMessageTable,
    SymbolTableMessage, kind,
};
use crate::object::ExternalLink;
use crate::superblock::check_end;

/// Drops all but the first message of each type of which an object has one, as libhdf5 reads no
/// more than that; it may have any number of links and attributes.
fn keep_first_of_each(messages: &mut Vec<Message>) {
    let mut seen = HashSet::new();
    let is_repeated = |message: &Message| matches!(message.kind, kind::LINK | kind::ATTRIBUTE);
    messages.retain(|message| is_repeated(message) || seen.insert(message.kind));
    // Those that are looked for come first, as they are looked for often.
    messages.sort_by_key(|message| is_repeated(message) || message.kind > kind::CACHE_IMAGE);
}

impl State {
    /// Takes the superblock extension, after which the objects are begun.
    pub(super) fn take_extension(
        &mut self,
        messages: &[Message],
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        let mut image = None;
        for message in messages {
            match message.kind {
                kind::FILE_SPACE_INFO => {
                    let mut cursor = message.cursor("file space info message", held.sizes);
                    // A hint for reading only: libhdf5 opens files whose message it can't read.
                    self.superblock.page_size = FileSpaceInfo::parse(&mut cursor)
                        .ok()
                        .and_then(|info| info.page_size);
                    if self.superblock.page_size.is_some() {
                        self.hints.expect_pages(options);
                    }
                }
                kind::SHARED_MESSAGE_TABLE => {
                    let mut cursor = message.cursor("shared message table message", held.sizes);
                    self.shared_table = Some(SharedMessageTable::parse(&mut cursor)?);
                }
                kind::DRIVER_INFO => {
                    let cursor = message.cursor("driver info message", held.sizes);
                    driver::check_message(cursor, self.superblock.end_of_file)?;
                }
                kind::CACHE_IMAGE => {
                    let mut cursor = message.cursor("metadata cache image message", held.sizes);
                    image = CacheImageMessage::parse(&mut cursor)?;
                }
                _ => {}
            }
        }
        check_end(&self.superblock, held.file_size)?;
        if let Some(image) = image {
            let walk = Reading::CacheImage(CacheImage::new(image));
            self.start(Address::UNDEFINED, walk);
            return Ok(());
        }
        self.begin_root(held, options)
    }

    pub(super) fn take_header(
        &mut self,
        object: Address,
        mut messages: Vec<Message>,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        keep_first_of_each(&mut messages);
        for message in &messages {
            self.want_shared(message, held, options)?;
        }
        let sizes = held.sizes;
        let is_new_style = messages
            .iter()
            .any(|message| message.kind == kind::LINK_INFO);
        let mut links = Links::default();
        let mut early = None;
        let mut tracked = false;
        let mut elsewhere = false;
        for message in &messages {
            match message.kind {
                // As in libhdf5, a group of both styles is one of the new style.
                kind::SYMBOL_TABLE if !is_new_style => {
                    let mut cursor = message.cursor("symbol table message", sizes);
                    let table = SymbolTableMessage::parse(&mut cursor)?;
                    self.claim(held, "version 1 B-tree", table.btree)?;
                    match self.take_early(object, &table) {
                        Early::Reading(walk) => {
                            self.start(object, Reading::SymbolTable(walk));
                            elsewhere = true;
                        }
                        Early::Read(read, groups) => {
                            self.hints.note_groups(groups.into_iter());
                            early = Some(read);
                        }
                    }
                }
                kind::LINK_INFO => {
                    let info = LinkInfo::parse(&mut message.cursor("link info message", sizes))?;
                    tracked |= info.tracked;
                    if info.heap.defined().is_some() {
                        self.claim(held, "fractal heap", info.heap)?;
                        let walk = DenseLinks::new(info.heap, info.name_index);
                        self.start(object, Reading::DenseLinks(Box::new(walk)));
                        elsewhere = true;
                    }
                }
                kind::LINK => {
                    held.charge_memory(Place::new("link message", message.at), Link::MEMORY)?;
                    links.push(Link::parse(&mut message.cursor("link message", sizes))?);
                }
                kind::ATTRIBUTE_INFO => {
                    let mut cursor = message.cursor("attribute info message", sizes);
                    let info = AttributeInfo::parse(&mut cursor)?;
                    if info.heap.defined().is_some() {
                        self.claim(held, "fractal heap", info.heap)?;
                        let walk = DenseAttributes::new(info.heap, info.name_index);
                        self.start(object, Reading::DenseAttributes(Box::new(walk)));
                    }
                }
                kind if message.flags & 0x80 != 0 && kind > 0x18 => {
                    let place = Place::new("object header", message.at);
                    let what = format!("message type {kind:#x} (marked as indispensable)");
                    if let Some(building) = self.objects.get_mut(&object) {
                        building.refused.keep(place.unsupported(what))?;
                    }
                }
                _ => {}
            }
        }
        self.early.remove(&object);
        let is_dataset = messages.iter().any(|message| message.kind == kind::LAYOUT);
        if let Some(building) = self.objects.get_mut(&object) {
            building.messages = messages;
            building.creation_order_tracked = tracked;
        }
        if is_dataset {
            self.begin_dataset(object, held, options)?;
        }
        match early {
            Some(links) => self.take_links(object, links, held, options),
            None if is_dataset || elsewhere => Ok(()),
            None => self.take_links(object, links, held, options),
        }
    }

    pub(super) fn take_links(
        &mut self,
        object: Address,
        mut links: Links,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        let Some(building) = self.objects.get_mut(&object) else {
            return Ok(());
        };
        links.read.sort_by(|a, b| a.name.cmp(&b.name));
        building.links = links.read;
        building.refused_links = links.refused;
        building.listed = true;
        let awaited_by = std::mem::take(&mut building.awaited_by);
        let mut tasks: Vec<_> = awaited_by.into_iter().map(Task::Follow).collect();
        for path in building.paths.clone() {
            tasks.extend(self.members(object, &path, held)?);
        }
        self.run(tasks, held, options)
    }

    /// What is to be followed of the members of a group that is reached by `path`.
    pub(super) fn members(
        &mut self,
        group: Address,
        path: &[String],
        held: &Held,
    ) -> Result<Vec<Task>> {
        let Some(building) = self.objects.get(&group) else {
            return Ok(Vec::new());
        };
        let mut tasks = Vec::new();
        let mut soft = Vec::new();
        for (index, link) in building.links.iter().enumerate() {
            if !self.narrow.follows(path, &link.name) {
                continue;
            }
            let mut names = path.to_vec();
            names.push(link.name.clone());
            let names = self.narrow.shorten(names);
            match &link.target {
                LinkTarget::Hard(address) => tasks.push(Task::Visit(*address, Some(names))),
                LinkTarget::Soft(_) => soft.push((index, names)),
                LinkTarget::External { file, path } => {
                    held.charge_memory(held.place("external link", group), Link::MEMORY)?;
                    self.external_links.insert(ExternalLink {
                        at: names,
                        file: file.clone(),
                        path: path.clone(),
                    });
                }
                LinkTarget::UserDefined(_) => {}
            }
        }
        for (index, names) in soft {
            tasks.extend(self.want_soft_link((group, index), names, held)?);
        }
        Ok(tasks)
    }
}

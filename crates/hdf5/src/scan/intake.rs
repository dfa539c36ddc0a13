//! What a header says, and what is to be read next because of it.

use super::job::Reading;
use super::options::ScanOptions;
use super::state::State;
use crate::address::Address;
use crate::error::{Place, Result};
use crate::group::{DenseAttributes, DenseLinks, SymbolTable};
use crate::held::Held;
use crate::link::{Link, LinkTarget};
use crate::message::{
    AttributeInfo, FileSpaceInfo, LinkInfo, Message, SharedMessageTable, SymbolTableMessage, kind,
};

impl State {
    /// Takes the superblock extension, after which the objects are begun.
    pub(super) fn take_extension(
        &mut self,
        messages: &[Message],
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        for message in messages {
            match message.kind {
                kind::FILE_SPACE_INFO => {
                    let mut cursor = message.cursor("file space info message", held.sizes);
                    // A hint for reading only: libhdf5 opens files whose message it can't read.
                    self.superblock.page_size = FileSpaceInfo::parse(&mut cursor)
                        .ok()
                        .and_then(|info| info.page_size);
                }
                kind::SHARED_MESSAGE_TABLE => {
                    let mut cursor = message.cursor("shared message table message", held.sizes);
                    self.shared_table = Some(SharedMessageTable::parse(&mut cursor)?);
                }
                kind::CACHE_IMAGE => {
                    let place = Place::new("superblock extension", message.at);
                    return Err(place.unsupported("metadata kept in a cache image"));
                }
                _ => {}
            }
        }
        self.visit(self.superblock.root, Vec::new(), options)
    }

    pub(super) fn take_header(
        &mut self,
        object: Address,
        messages: Vec<Message>,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        for message in &messages {
            self.want_shared(message, held, options)?;
        }
        let sizes = held.sizes;
        let mut links = Vec::new();
        let mut tracked = false;
        let mut elsewhere = false;
        for message in &messages {
            match message.kind {
                kind::SYMBOL_TABLE => {
                    let mut cursor = message.cursor("symbol table message", sizes);
                    let table = SymbolTableMessage::parse(&mut cursor)?;
                    self.claim(held, "version 1 B-tree", table.btree)?;
                    let walk = SymbolTable::new(table.btree, table.heap);
                    self.start(object, Reading::SymbolTable(walk));
                    elsewhere = true;
                }
                kind::LINK_INFO => {
                    let info = LinkInfo::parse(&mut message.cursor("link info message", sizes))?;
                    tracked |= info.tracked;
                    if info.heap.defined().is_some() {
                        self.claim(held, "fractal heap", info.heap)?;
                        let walk = DenseLinks::new(info.heap, info.name_index);
                        self.start(object, Reading::DenseLinks(walk));
                        elsewhere = true;
                    }
                }
                kind::LINK => {
                    links.push(Link::parse(&mut message.cursor("link message", sizes))?);
                }
                kind::ATTRIBUTE_INFO => {
                    let mut cursor = message.cursor("attribute info message", sizes);
                    let info = AttributeInfo::parse(&mut cursor)?;
                    if info.heap.defined().is_some() {
                        self.claim(held, "fractal heap", info.heap)?;
                        let walk = DenseAttributes::new(info.heap, info.name_index);
                        self.start(object, Reading::DenseAttributes(walk));
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
        let is_dataset = messages.iter().any(|message| message.kind == kind::LAYOUT);
        if let Some(building) = self.objects.get_mut(&object) {
            building.messages = messages;
            building.creation_order_tracked = tracked;
        }
        if is_dataset {
            self.begin_dataset(object, held, options)
        } else if elsewhere {
            Ok(())
        } else {
            self.take_links(object, links, options)
        }
    }

    pub(super) fn take_links(
        &mut self,
        object: Address,
        mut links: Vec<Link>,
        options: &ScanOptions,
    ) -> Result<()> {
        let Some(building) = self.objects.get_mut(&object) else {
            return Ok(());
        };
        links.sort_by(|a, b| a.name.cmp(&b.name));
        let path = building.path.clone();
        let members: Vec<_> = links
            .iter()
            .filter(|link| self.narrow.follows(&path, &link.name))
            .filter_map(|link| match link.target {
                LinkTarget::Hard(address) => Some((address, link.name.clone())),
                _ => None,
            })
            .collect();
        building.links = links;
        building.listed = true;
        for (address, name) in members {
            let mut path = path.clone();
            path.push(name);
            self.visit(address, path, options)?;
        }
        Ok(())
    }
}

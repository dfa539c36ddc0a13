//! Putting objects together once all of their parts are there.

use std::collections::BTreeMap;

use super::building::Building;
use super::job::Reading;
use super::options::ScanOptions;
use super::shared::SharedDatatypes;
use super::state::State;
use crate::address::Address;
use crate::chunk_index::{ChunkWalk, Grid};
use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Place, Result};
use crate::fill_value::{FillValue, fills_chunks};
use crate::filter::Filter;
use crate::heap::LocalHeap;
use crate::held::Held;
use crate::layout::{ExternalFile, ExternalFileList, Layout};
use crate::message::{Message, Shared, kind};
use crate::object::{Dataset, File, Group, Object, ObjectKind};

impl State {
    /// Begins what a dataset needs besides its header: its chunk index, names of external files.
    /// Waits for the shared messages that say how, if they are not there yet.
    pub(super) fn begin_dataset(
        &mut self,
        object: Address,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        let Some(building) = self.objects.get(&object) else {
            return Ok(());
        };
        let needed = [
            kind::DATASPACE,
            kind::LAYOUT,
            kind::FILTER_PIPELINE,
            kind::EXTERNAL_FILES,
        ];
        let is_absent = |message: &Message| {
            message.is_shared()
                && needed.contains(&message.kind)
                && self.message_body(message, "shared message", held).is_err()
        };
        if building.messages.iter().any(is_absent) {
            self.deferred.push(object);
            return Ok(());
        }
        self.start_dataset(object, held, options)
    }

    /// As [`State::begin_dataset`], when all shared messages are there.
    pub(super) fn start_dataset(
        &mut self,
        object: Address,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        match self.dataset_walks(object, held, options) {
            Ok(walks) => {
                for (structure, root, walk) in walks {
                    self.claim(held, structure, root)?;
                    self.start(object, walk);
                }
                Ok(())
            }
            Err(error) if error.is_limit() => Err(error),
            // Its messages concern no other object: libhdf5 opens the file, and fails to open this.
            Err(error) => match self.objects.get_mut(&object) {
                Some(building) if error.is_unsupported() => building.refused.keep(error),
                Some(building) => {
                    building.contradiction = Some(error);
                    Ok(())
                }
                None => Ok(()),
            },
        }
    }

    /// The structures to read for a dataset, each with its name and its root.
    fn dataset_walks(
        &self,
        object: Address,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<Vec<(&'static str, Address, Reading)>> {
        let Some(building) = self.objects.get(&object) else {
            return Ok(Vec::new());
        };
        let mut walks = Vec::new();
        if let Some(mut cursor) = self.body(
            building,
            kind::EXTERNAL_FILES,
            "external data files message",
            held,
        )? {
            let list = ExternalFileList::parse(&mut cursor)?;
            walks.push((
                "local heap",
                list.heap,
                Reading::ExternalNames(LocalHeap::new(list.heap)),
            ));
        }
        let place = held.place("data layout message", object);
        let layout = self.layout(building, held)?;
        let Layout::Chunked {
            chunk_shape,
            element_size,
            index,
            ..
        } = layout
        else {
            return Ok(walks);
        };
        if options.chunks {
            let dataspace = self.dataspace(building, held)?;
            let max_shape = match &dataspace {
                Dataspace::Simple { max_shape, .. } => max_shape.clone(),
                Dataspace::Scalar | Dataspace::Null => Vec::new(),
            };
            let grid = Grid {
                shape: dataspace.shape().to_vec(),
                max_shape,
                chunk_shape,
                element_size,
                filtered: building.message(kind::FILTER_PIPELINE).is_some()
                    && !self.filters(building, held)?.is_empty(),
                place,
            };
            let root = index.address();
            let walk = Box::new(ChunkWalk::new(&index, grid, options.limits)?);
            walks.push(("chunk index", root, Reading::Chunks(walk)));
        }
        Ok(walks)
    }

    fn required(
        &self,
        building: &Building,
        kind: u16,
        structure: &'static str,
        held: &Held,
    ) -> Result<Cursor> {
        let at = building.messages.first().map_or(0, |message| message.at);
        self.body(building, kind, structure, held)?
            .ok_or_else(|| Place::new("object header", at).malformed(format!("no {structure}")))
    }

    fn layout(&self, building: &Building, held: &Held) -> Result<Layout> {
        Layout::parse(&mut self.required(building, kind::LAYOUT, "data layout message", held)?)
    }

    fn dataspace(&self, building: &Building, held: &Held) -> Result<Dataspace> {
        Dataspace::parse(&mut self.required(
            building,
            kind::DATASPACE,
            "dataspace message",
            held,
        )?)
    }

    fn datatype(
        &self,
        building: &Building,
        held: &Held,
        known: &mut SharedDatatypes,
    ) -> Result<Datatype> {
        let mut body = self.required(building, kind::DATATYPE, "datatype message", held)?;
        let shared = match building.message(kind::DATATYPE) {
            Some(message) if message.is_shared() => Some(Shared::parse(
                &mut message.cursor("shared message", held.sizes),
            )?),
            _ => None,
        };
        known.parse(shared, &mut body, held)
    }

    fn filters(&self, building: &Building, held: &Held) -> Result<Vec<Filter>> {
        match self.body(
            building,
            kind::FILTER_PIPELINE,
            "filter pipeline message",
            held,
        )? {
            Some(mut cursor) => Filter::parse_pipeline(&mut cursor),
            None => Ok(Vec::new()),
        }
    }

    /// The fill value, and whether chunks are filled with it when they are made.
    fn fill_value(&self, building: &Building, held: &Held) -> Result<(FillValue, bool)> {
        if let Some(mut cursor) =
            self.body(building, kind::FILL_VALUE, "fill value message", held)?
        {
            let filled = fills_chunks(&mut cursor.clone());
            return Ok((FillValue::parse_new(&mut cursor)?, filled?));
        }
        let value = match self.body(
            building,
            kind::FILL_VALUE_OLD,
            "old fill value message",
            held,
        )? {
            Some(mut cursor) => FillValue::parse_old(&mut cursor)?,
            None => FillValue::Default,
        };
        Ok((value, true))
    }

    /// Puts the file together.
    pub(super) fn assemble(&mut self, held: &Held) -> Result<File> {
        if let Some(mut file) = self.assembled.take() {
            file.heap.append(&mut self.heap);
            return Ok(file);
        }
        self.early.clear();
        let root = self.objects.get(&self.superblock.root);
        if let Some(error) = root.and_then(|root| root.refused.as_ref()) {
            return Err(error.clone());
        }
        let mut known = SharedDatatypes::default();
        let mut kinds = Vec::with_capacity(self.objects.len());
        for building in self.objects.values() {
            let refused = building.contradiction.as_ref();
            kinds.push(match refused.or(building.refused.as_ref()) {
                Some(error) => ObjectKind::Refused(error.clone()),
                None => match self.kind(building, held, &mut known) {
                    Ok(kind) => kind,
                    Err(error) if error.is_limit() => return Err(error),
                    Err(error) => ObjectKind::Refused(error),
                },
            });
        }
        let mut soft_links = self.soft_link_ends();
        let mut objects = BTreeMap::new();
        for ((address, building), mut kind) in
            std::mem::take(&mut self.objects).into_iter().zip(kinds)
        {
            match &mut kind {
                ObjectKind::Group(group) => {
                    group.links = building.links;
                    group.refused_links = building.refused_links;
                    group.soft_links = soft_links.remove(&address).unwrap_or_default();
                }
                ObjectKind::Dataset(dataset) => {
                    dataset.chunks = building.chunks.map(|chunks| *chunks);
                }
                ObjectKind::CommittedDatatype(_) | ObjectKind::Refused(_) => {}
            }
            let Building {
                attributes,
                refused_attributes,
                ..
            } = building;
            objects.insert(
                address,
                Object {
                    attributes,
                    refused_attributes,
                    kind,
                },
            );
        }
        Ok(File {
            superblock: self.superblock.clone(),
            root: self.superblock.root,
            objects,
            heap: std::mem::take(&mut self.heap),
            external_links: std::mem::take(&mut self.external_links),
        })
    }

    /// What an object is, without its links and chunks.
    fn kind(
        &self,
        building: &Building,
        held: &Held,
        known: &mut SharedDatatypes,
    ) -> Result<ObjectKind> {
        if building.message(kind::LAYOUT).is_some() {
            return Ok(ObjectKind::Dataset(Box::new(
                self.dataset(building, held, known)?,
            )));
        }
        let is_group = [kind::SYMBOL_TABLE, kind::LINK_INFO, kind::LINK]
            .iter()
            .any(|&kind| building.message(kind).is_some());
        if !is_group && building.message(kind::DATATYPE).is_some() {
            return Ok(ObjectKind::CommittedDatatype(
                self.datatype(building, held, known)?,
            ));
        }
        Ok(ObjectKind::Group(Group {
            links: Vec::new(),
            refused_links: Vec::new(),
            creation_order_tracked: building.creation_order_tracked,
            listed: building.listed,
            soft_links: BTreeMap::new(),
        }))
    }

    fn dataset(
        &self,
        building: &Building,
        held: &Held,
        known: &mut SharedDatatypes,
    ) -> Result<Dataset> {
        let dataspace = self.dataspace(building, held)?;
        let datatype = self.datatype(building, held, known)?;
        let layout = self.layout(building, held)?;
        let place = building
            .message(kind::LAYOUT)
            .map_or(0, |message| message.at);
        layout.check(
            Place::new("data layout message", place),
            &dataspace,
            datatype.size(),
        )?;
        let mut external_files = Vec::new();
        if let Some(mut cursor) = self.body(
            building,
            kind::EXTERNAL_FILES,
            "external data files message",
            held,
        )? {
            let place = cursor.place();
            let Some(names) = &building.external_names else {
                return Err(place.malformed("the heap of its file names was not read"));
            };
            for slot in ExternalFileList::parse(&mut cursor)?.entries {
                let name = names.string(slot.name_offset)?;
                // Many may be the same, and what is not UTF-8 takes three bytes for one,
                // twice that while it grows.
                let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
                held.charge_memory(place, length.saturating_mul(6).saturating_add(96))?;
                let name = String::from_utf8_lossy(&name).into_owned();
                let (offset, size) = (slot.offset, slot.size);
                external_files.push(ExternalFile { name, offset, size });
            }
        }
        let (fill_value, chunks_are_filled) = self.fill_value(building, held)?;
        Ok(Dataset {
            dataspace,
            datatype,
            fill_value,
            chunks_are_filled,
            filters: self.filters(building, held)?,
            layout,
            external_files,
            chunks: None,
        })
    }
}

//! Putting objects together once all of their parts are there.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::job::Reading;
use super::options::ScanOptions;
use super::state::{Building, State};
use crate::address::Address;
use crate::attribute::{Attribute, AttributeMessage};
use crate::chunk_index::{ChunkWalk, Grid};
use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Error, Place, Result};
use crate::fill_value::FillValue;
use crate::filter::{self, Filter};
use crate::heap::{HeapId, LocalHeap};
use crate::held::Held;
use crate::layout::{ExternalFile, ExternalFileList, Layout};
use crate::message::{Embedded, Message, kind};
use crate::object::{Dataset, File, Group, Object, ObjectKind};
use crate::variable_length::{heap_ids, is_variable};

/// Attributes that give dimensions their names: read also when no others are wanted.
const DIMENSION_ATTRIBUTES: [&str; 6] = [
    "CLASS",
    "DIMENSION_LIST",
    "NAME",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
];

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
                for walk in walks {
                    self.start(object, walk);
                }
                Ok(())
            }
            Err(error) if error.is_unsupported() => {
                if let Some(building) = self.objects.get_mut(&object) {
                    building.refused.get_or_insert(error);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn dataset_walks(
        &self,
        object: Address,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<Vec<Reading>> {
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
            walks.push(Reading::ExternalNames(LocalHeap::new(list.heap)));
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
            walks.push(Reading::Chunks(Box::new(ChunkWalk::new(
                &index,
                grid,
                options.limits,
            )?)));
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

    fn datatype(&self, building: &Building, held: &Held) -> Result<Datatype> {
        Datatype::parse(&mut self.required(building, kind::DATATYPE, "datatype message", held)?)
    }

    fn filters(&self, building: &Building, held: &Held) -> Result<Vec<Filter>> {
        match self.body(
            building,
            kind::FILTER_PIPELINE,
            "filter pipeline message",
            held,
        )? {
            Some(mut cursor) => filter::parse_pipeline(&mut cursor),
            None => Ok(Vec::new()),
        }
    }

    fn fill_value(&self, building: &Building, held: &Held) -> Result<FillValue> {
        if let Some(mut cursor) =
            self.body(building, kind::FILL_VALUE, "fill value message", held)?
        {
            return FillValue::parse_new(&mut cursor);
        }
        match self.body(
            building,
            kind::FILL_VALUE_OLD,
            "old fill value message",
            held,
        )? {
            Some(mut cursor) => FillValue::parse_old(&mut cursor),
            None => Ok(FillValue::Default),
        }
    }

    /// Reads the attributes of every object; asks for shared messages that turn up.
    pub(super) fn read_attributes(&mut self, held: &Held, options: &ScanOptions) -> Result<()> {
        // A whole attribute may be a shared message, and its type be shared in turn.
        let mut bodies = Vec::new();
        for building in self.objects.values() {
            for message in all_attributes(building).filter(|message| message.is_shared()) {
                let cursor = self.message_body(message, "attribute message", held)?;
                bodies.push(Message {
                    kind: kind::ATTRIBUTE,
                    flags: 0,
                    at: message.at,
                    body: cursor.clone().rest(),
                });
            }
        }
        for message in &bodies {
            self.want_shared(message, held, options)?;
        }
        if self.is_waiting() {
            return Ok(());
        }
        let addresses: Vec<_> = self.objects.keys().copied().collect();
        for address in addresses {
            let Some(building) = self.objects.get(&address) else {
                continue;
            };
            let mut attributes = Vec::new();
            let mut refused = Vec::new();
            for message in all_attributes(building) {
                let cursor = self.message_body(message, "attribute message", held)?;
                match self.attribute(cursor, held) {
                    Ok(attribute) => {
                        if options.attributes
                            || DIMENSION_ATTRIBUTES.contains(&attribute.name.as_str())
                        {
                            attributes.push(attribute);
                        }
                    }
                    Err((Some(name), error)) if error.is_unsupported() => {
                        refused.push((name, error));
                    }
                    Err((_, error)) => return Err(error),
                }
            }
            attributes.sort_by(|a, b| a.name.cmp(&b.name));
            if let Some(building) = self.objects.get_mut(&address) {
                building.attributes = attributes;
                building.refused_attributes.append(&mut refused);
            }
        }
        Ok(())
    }

    fn attribute(
        &self,
        mut cursor: Cursor,
        held: &Held,
    ) -> Result<Attribute, (Option<String>, Error)> {
        let place = cursor.place();
        let message = AttributeMessage::parse(&mut cursor).map_err(|error| (None, error))?;
        let name = message.name.clone();
        self.attribute_parts(message, place, held)
            .map_err(|error| (Some(name), error))
    }

    fn attribute_parts(
        &self,
        message: AttributeMessage,
        place: Place,
        held: &Held,
    ) -> Result<Attribute> {
        let part = |kind: u16, structure: &'static str, part: Embedded| match part {
            Embedded::Here(body) => Ok(Cursor::new(
                body,
                held.sizes,
                Place::new(structure, place.at),
            )),
            Embedded::Shared(shared) => self
                .shared_body(kind, shared)
                .map(|body| Cursor::new(body, held.sizes, Place::new(structure, place.at)))
                .ok_or_else(|| {
                    place.malformed(format!("{structure} is shared, but not at {shared:?}"))
                }),
        };
        let mut datatype = part(kind::DATATYPE, "datatype message", message.datatype)?;
        let datatype = Datatype::parse(&mut datatype)?;
        let mut dataspace = part(kind::DATASPACE, "dataspace message", message.dataspace)?;
        let dataspace = Dataspace::parse(&mut dataspace)?;
        let size = dataspace
            .elements()
            .and_then(|elements| elements.checked_mul(u64::from(datatype.size())))
            .and_then(|size| usize::try_from(size).ok());
        match size {
            Some(size) if size <= message.data.len() => Ok(Attribute {
                name: message.name,
                datatype,
                dataspace,
                data: message.data.slice(..size),
            }),
            _ => Err(place.malformed(format!(
                "attribute \"{}\" has {} bytes of data, {} expected",
                message.name,
                message.data.len(),
                size.map_or_else(|| "far more".to_owned(), |size| size.to_string()),
            ))),
        }
    }

    /// Objects of the global heap that attributes refer to, also from within other heap objects,
    /// and that have not been read yet.
    pub(super) fn missing_heap_objects(&self) -> Vec<HeapId> {
        let mut missing = BTreeSet::new();
        let mut visited = BTreeSet::new();
        let attributes = self
            .objects
            .values()
            .flat_map(|building| &building.attributes);
        let mut todo: Vec<(&Datatype, Bytes)> = attributes
            .filter(|attribute| is_variable(&attribute.datatype))
            .map(|attribute| (&attribute.datatype, attribute.data.clone()))
            .collect();
        while let Some((datatype, data)) = todo.pop() {
            heap_ids(
                datatype,
                &data,
                self.superblock.sizes,
                &mut |id, element| match (self.heap.get(&id), element) {
                    (None, _) => {
                        missing.insert(id);
                    }
                    (Some(data), Some(element)) if is_variable(element) => {
                        if visited.insert(id) {
                            todo.push((element, data.clone()));
                        }
                    }
                    (Some(_), _) => {}
                },
            );
        }
        missing.into_iter().collect()
    }

    /// Puts the file together.
    pub(super) fn assemble(&mut self, held: &Held) -> Result<File> {
        if let Some(mut file) = self.assembled.take() {
            file.heap.append(&mut self.heap);
            return Ok(file);
        }
        let mut kinds = Vec::with_capacity(self.objects.len());
        for building in self.objects.values() {
            kinds.push(match &building.refused {
                Some(error) => ObjectKind::Refused(error.clone()),
                None => match self.kind(building, held) {
                    Ok(kind) => kind,
                    Err(error) if error.is_unsupported() => ObjectKind::Refused(error),
                    Err(error) => return Err(error),
                },
            });
        }
        let mut objects = BTreeMap::new();
        for ((address, building), mut kind) in
            std::mem::take(&mut self.objects).into_iter().zip(kinds)
        {
            match &mut kind {
                ObjectKind::Group(group) => group.links = building.links,
                ObjectKind::Dataset(dataset) => dataset.chunks = building.chunks,
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
        })
    }

    /// What an object is, without its links and chunks.
    fn kind(&self, building: &Building, held: &Held) -> Result<ObjectKind> {
        if building.message(kind::LAYOUT).is_some() {
            return Ok(ObjectKind::Dataset(Box::new(self.dataset(building, held)?)));
        }
        let is_group = [kind::SYMBOL_TABLE, kind::LINK_INFO, kind::LINK]
            .iter()
            .any(|&kind| building.message(kind).is_some());
        if !is_group && building.message(kind::DATATYPE).is_some() {
            return Ok(ObjectKind::CommittedDatatype(
                self.datatype(building, held)?,
            ));
        }
        Ok(ObjectKind::Group(Group {
            links: Vec::new(),
            creation_order_tracked: building.creation_order_tracked,
            listed: building.listed,
        }))
    }

    fn dataset(&self, building: &Building, held: &Held) -> Result<Dataset> {
        let dataspace = self.dataspace(building, held)?;
        let datatype = self.datatype(building, held)?;
        let mut external_files = Vec::new();
        if let Some(mut cursor) = self.body(
            building,
            kind::EXTERNAL_FILES,
            "external data files message",
            held,
        )? {
            let place = cursor.place();
            let names = building.external_names.clone().unwrap_or_default();
            for (name, offset, size) in ExternalFileList::parse(&mut cursor)?.entries {
                let start = usize::try_from(name)
                    .ok()
                    .filter(|&start| start < names.len());
                let name = start
                    .map(|start| {
                        let mut name = Cursor::new(names.slice(start..), held.sizes, place);
                        String::from_utf8_lossy(&name.c_string()).into_owned()
                    })
                    .ok_or_else(|| place.malformed("a file name lies outside of its heap"))?;
                external_files.push(ExternalFile { name, offset, size });
            }
        }
        Ok(Dataset {
            dataspace,
            datatype,
            fill_value: self.fill_value(building, held)?,
            filters: self.filters(building, held)?,
            layout: self.layout(building, held)?,
            external_files,
            chunks: None,
        })
    }
}

/// The attribute messages of an object, in its header and in dense storage.
fn all_attributes(building: &Building) -> impl Iterator<Item = &Message> {
    building
        .messages
        .iter()
        .chain(&building.dense_attributes)
        .filter(|message| message.kind == kind::ATTRIBUTE)
}

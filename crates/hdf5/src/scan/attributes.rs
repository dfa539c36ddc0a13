//! Attributes: read once all messages that they share are there, with the heap objects they
//! refer to.

use std::collections::{BTreeSet, HashSet};

use bytes::Bytes;

use super::building::Building;
use super::options::ScanOptions;
use super::shared::SharedDatatypes;
use super::state::State;
use crate::attribute::{Attribute, AttributeMessage};
use crate::cursor::Cursor;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Error, Place, Result};
use crate::heap::HeapId;
use crate::held::Held;
use crate::message::{Embedded, Message, kind};
use crate::variable_length::{heap_ids, is_variable};

/// Bytes in memory for an attribute that can't be read: its name and the reason, here and where
/// they are reported.
const REFUSED: u64 = 600;

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
        let mut known = SharedDatatypes::default();
        let addresses: Vec<_> = self.objects.keys().copied().collect();
        for address in addresses {
            let Some(building) = self.objects.get(&address) else {
                continue;
            };
            let mut attributes = Vec::new();
            let mut refused = Vec::new();
            for message in all_attributes(building) {
                let cursor = self.message_body(message, "attribute message", held)?;
                let place = cursor.place();
                match self.attribute(cursor, held, &mut known) {
                    Ok(attribute) => {
                        if options.attributes
                            || DIMENSION_ATTRIBUTES.contains(&attribute.name.as_str())
                        {
                            attributes.push(attribute);
                        }
                    }
                    Err((_, error)) if error.is_limit() => return Err(error),
                    // Its name may not be known either.
                    Err((name, error)) => {
                        held.charge_memory(place, REFUSED)?;
                        refused.push((name.unwrap_or_else(|| "*".to_owned()), error));
                    }
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
        known: &mut SharedDatatypes,
    ) -> Result<Attribute, (Option<String>, Error)> {
        let place = cursor.place();
        let message = AttributeMessage::parse(&mut cursor).map_err(|error| (None, error))?;
        let name = message.name.clone();
        self.attribute_parts(message, place, held, known)
            .map_err(|error| (Some(name), error))
    }

    fn attribute_parts(
        &self,
        message: AttributeMessage,
        place: Place,
        held: &Held,
        known: &mut SharedDatatypes,
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
        let shared = match message.datatype {
            Embedded::Shared(shared) => Some(shared),
            Embedded::Here(_) => None,
        };
        let mut datatype = part(kind::DATATYPE, "datatype message", message.datatype.clone())?;
        let datatype = known.parse(shared, &mut datatype, held)?;
        let mut dataspace = part(
            kind::DATASPACE,
            "dataspace message",
            message.dataspace.clone(),
        )?;
        let dataspace = Dataspace::parse(&mut dataspace)?;
        let attribute = message.resolve(place, datatype, dataspace)?;
        held.charge_memory(place, attribute.memory())?;
        Ok(attribute)
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
        // One shared attribute may be that of many objects.
        let mut shared = HashSet::new();
        let mut todo: Vec<(&Datatype, Bytes)> = attributes
            .filter(|attribute| is_variable(&attribute.datatype))
            .filter(|attribute| shared.insert((attribute.data.as_ptr(), attribute.data.len())))
            .map(|attribute| (&attribute.datatype, attribute.data.clone()))
            .collect();
        while let Some((datatype, data)) = todo.pop() {
            heap_ids(
                datatype,
                &data,
                self.superblock.sizes,
                &mut |id, element| match (self.heap.get(id), element) {
                    (None, _) => {
                        if !self.heap.is_settled(id) {
                            missing.insert(id);
                        }
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
}

/// The attribute messages of an object, in its header and in dense storage.
fn all_attributes(building: &Building) -> impl Iterator<Item = &Message> {
    building
        .messages
        .iter()
        .chain(&building.dense_attributes)
        .filter(|message| message.kind == kind::ATTRIBUTE)
}

//! Messages whose bodies are elsewhere: in a committed datatype or in the heap of shared messages.

use std::collections::HashMap;

use bytes::Bytes;

use super::building::Building;
use super::job::Reading;
use super::options::ScanOptions;
use super::state::State;
use crate::address::Address;
use crate::attribute::AttributeMessage;
use crate::cursor::Cursor;
use crate::datatype::Datatype;
use crate::error::{Place, Result};
use crate::heap::SharedMessages;
use crate::held::Held;
use crate::message::{Embedded, Message, Shared, kind};

/// Datatypes that several messages share, each read once: it may be large, and a message that
/// refers to it is small.
#[derive(Debug, Default)]
pub(super) struct SharedDatatypes(HashMap<Shared, Datatype>);

impl SharedDatatypes {
    /// Reads the datatype in `body`, unless it was read before as what `shared` refers to.
    pub(super) fn parse(
        &mut self,
        shared: Option<Shared>,
        body: &mut Cursor,
        held: &Held,
    ) -> Result<Datatype> {
        let known = shared.and_then(|shared| self.0.get(&shared));
        if let Some(datatype) = known {
            return Ok(datatype.clone());
        }
        let datatype = Datatype::parse(body)?;
        held.charge_memory(body.place(), datatype.memory())?;
        if let Some(shared) = shared {
            self.0.insert(shared, datatype.clone());
        }
        Ok(datatype)
    }
}

impl State {
    /// Begins to read the shared messages that are wanted.
    pub(super) fn start_shared(&mut self, held: &Held) -> Result<()> {
        let Some(table) = &self.shared_table else {
            return Err(held
                .place("shared message", Address(0))
                .malformed("a message is shared, but the file has no shared message table"));
        };
        let mut walk = SharedMessages::new(table.address, table.indexes);
        for (kind, id) in self.shared_wanted.drain() {
            walk.request(kind, id);
        }
        self.start(Address::UNDEFINED, Reading::Shared(Box::new(walk)));
        Ok(())
    }

    /// Asks for the bodies of shared messages that this one refers to.
    pub(super) fn want_shared(
        &mut self,
        message: &Message,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        if message.kind == kind::ATTRIBUTE && !message.is_shared() {
            let mut cursor = message.cursor("attribute message", held.sizes);
            // What is wrong with an attribute is reported when all of them are read.
            let Ok(attribute) = AttributeMessage::parse(&mut cursor) else {
                return Ok(());
            };
            for (kind, part) in [
                (kind::DATATYPE, attribute.datatype),
                (kind::DATASPACE, attribute.dataspace),
            ] {
                if let Embedded::Shared(shared) = part {
                    self.want_body(kind, shared, held, options)?;
                }
            }
        } else if message.is_shared() {
            let shared = Shared::parse(&mut message.cursor("shared message", held.sizes))?;
            self.want_body(message.kind, shared, held, options)?;
        }
        Ok(())
    }

    fn want_body(
        &mut self,
        kind: u16,
        shared: Shared,
        held: &Held,
        options: &ScanOptions,
    ) -> Result<()> {
        match shared {
            Shared::Header(address) => self.visit(address, None, held, options),
            Shared::Heap(id) => {
                if !self.shared.contains_key(&(kind, id)) {
                    self.shared_wanted.insert((kind, id));
                }
                Ok(())
            }
        }
    }

    /// The body of a shared message; `None` when it has not been read (yet).
    pub(super) fn shared_body(&self, kind: u16, shared: Shared) -> Option<Bytes> {
        match shared {
            Shared::Header(address) => {
                let message = self.objects.get(&address)?.message(kind)?;
                (!message.is_shared()).then(|| message.body.clone())
            }
            Shared::Heap(id) => self.shared.get(&(kind, id)).cloned(),
        }
    }

    /// A cursor over the body of an object's message, wherever that is; `None` when the object
    /// has no such message, an error when its shared body is missing.
    pub(super) fn body(
        &self,
        building: &Building,
        kind: u16,
        structure: &'static str,
        held: &Held,
    ) -> Result<Option<Cursor>> {
        let Some(message) = building.message(kind) else {
            return Ok(None);
        };
        self.message_body(message, structure, held).map(Some)
    }

    pub(super) fn message_body(
        &self,
        message: &Message,
        structure: &'static str,
        held: &Held,
    ) -> Result<Cursor> {
        if !message.is_shared() {
            return Ok(message.cursor(structure, held.sizes));
        }
        let place = Place::new(structure, message.at);
        let shared = Shared::parse(&mut message.cursor("shared message", held.sizes))?;
        let body = self.shared_body(message.kind, shared).ok_or_else(|| {
            place.malformed(format!("is shared, but nothing is stored at {shared:?}"))
        })?;
        Ok(Cursor::new(body, held.sizes, place))
    }
}

//! An object while its parts come in.

use crate::attribute::Attribute;
use crate::chunk_index::Chunks;
use crate::error::Error;
use crate::heap::DataSegment;
use crate::link::Link;
use crate::message::Message;
use crate::walk::Unsupported;

use super::soft_links::LinkId;

/// An object whose parts are still coming in.
#[derive(Debug, Default)]
pub(super) struct Building {
    /// The paths by which it was reached, as far as they matter to [`Narrow`](super::narrow::Narrow).
    pub(super) paths: Vec<Vec<String>>,
    pub(super) messages: Vec<Message>,
    pub(super) links: Vec<Link>,
    pub(super) refused_links: Vec<(String, Error)>,
    pub(super) listed: bool,
    /// Soft links that wait for this group's links.
    pub(super) awaited_by: Vec<LinkId>,
    pub(super) creation_order_tracked: bool,
    pub(super) dense_attributes: Vec<Message>,
    pub(super) external_names: Option<Box<DataSegment>>,
    pub(super) chunks: Option<Box<Chunks>>,
    pub(super) refused: Unsupported,
    /// What contradicts the format in the messages of a dataset.
    pub(super) contradiction: Option<Error>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) refused_attributes: Vec<(String, Error)>,
}

impl Building {
    /// The first message of a type.
    pub(super) fn message(&self, kind: u16) -> Option<&Message> {
        self.messages.iter().find(|message| message.kind == kind)
    }
}

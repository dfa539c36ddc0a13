//! The structures that a scan reads, each on behalf of an object.

use std::collections::HashMap;

use bytes::Bytes;

use crate::address::Address;
use crate::cache_image::CacheImage;
use crate::chunk_index::{ChunkWalk, Chunks};
use crate::error::Result;
use crate::group::{DenseAttributes, DenseLinks, SymbolTable};
use crate::heap::{DataSegment, GlobalHeap, HeapObjects, LocalHeap, SharedMessages};
use crate::held::Held;
use crate::link::Links;
use crate::message::Message;
use crate::object_header::ObjectHeader;
use crate::walk::{Walk, Wants};

/// A structure being read, and whose it is.
#[derive(Debug)]
pub(super) struct Job {
    /// The object's header; undefined for what belongs to the file.
    pub(super) object: Address,
    pub(super) walk: Reading,
}

/// A structure being read. There may be one for each object, most of them headers: larger ones
/// are boxed.
#[derive(Debug)]
pub(super) enum Reading {
    Extension(ObjectHeader),
    CacheImage(CacheImage),
    Header(ObjectHeader),
    SymbolTable(Box<SymbolTable>),
    DenseLinks(Box<DenseLinks>),
    DenseAttributes(Box<DenseAttributes>),
    ExternalNames(LocalHeap),
    Chunks(Box<ChunkWalk>),
    Shared(Box<SharedMessages>),
    GlobalHeap(Box<GlobalHeap>),
}

/// What a structure held.
#[derive(Debug)]
pub(super) enum Output {
    Extension(Vec<Message>),
    CacheImage(Vec<(u64, Bytes)>),
    Header(Vec<Message>),
    Links(Links),
    Attributes(Vec<Message>),
    ExternalNames(DataSegment),
    Chunks(Chunks),
    Shared(HashMap<(u16, [u8; 8]), Bytes>),
    GlobalHeap(HeapObjects),
}

impl Job {
    pub(super) fn advance(&mut self, held: &Held, wants: &mut Wants) -> Result<()> {
        match &mut self.walk {
            Reading::Extension(walk) | Reading::Header(walk) => walk.advance(held, wants),
            Reading::CacheImage(walk) => walk.advance(held, wants),
            Reading::SymbolTable(walk) => walk.advance(held, wants),
            Reading::DenseLinks(walk) => walk.advance(held, wants),
            Reading::DenseAttributes(walk) => walk.advance(held, wants),
            Reading::ExternalNames(walk) => walk.advance(held, wants),
            Reading::Chunks(walk) => walk.advance(held, wants),
            Reading::Shared(walk) => walk.advance(held, wants),
            Reading::GlobalHeap(walk) => walk.advance(held, wants),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match &self.walk {
            Reading::Extension(walk) | Reading::Header(walk) => walk.is_done(),
            Reading::CacheImage(walk) => walk.is_done(),
            Reading::SymbolTable(walk) => walk.is_done(),
            Reading::DenseLinks(walk) => walk.is_done(),
            Reading::DenseAttributes(walk) => walk.is_done(),
            Reading::ExternalNames(walk) => walk.is_done(),
            Reading::Chunks(walk) => walk.is_done(),
            Reading::Shared(walk) => walk.is_done(),
            Reading::GlobalHeap(walk) => walk.is_done(),
        }
    }
}

impl Reading {
    pub(super) fn finish(self) -> Result<Output> {
        Ok(match self {
            Self::Extension(walk) => Output::Extension(walk.finish()?),
            Self::CacheImage(walk) => Output::CacheImage(walk.finish()?),
            Self::Header(walk) => Output::Header(walk.finish()?),
            Self::SymbolTable(walk) => Output::Links(walk.finish()?),
            Self::DenseLinks(walk) => Output::Links(walk.finish()?),
            Self::DenseAttributes(walk) => Output::Attributes(walk.finish()?),
            Self::ExternalNames(walk) => Output::ExternalNames(walk.into_segment()?),
            Self::Chunks(walk) => Output::Chunks(walk.finish()?),
            Self::Shared(walk) => Output::Shared(walk.finish()?),
            Self::GlobalHeap(walk) => Output::GlobalHeap(walk.finish()?),
        })
    }

    /// What is read, in words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Extension(_) => "superblock extension",
            Self::CacheImage(_) => "metadata cache image",
            Self::Header(_) => "object header",
            Self::SymbolTable(_) | Self::DenseLinks(_) => "group",
            Self::DenseAttributes(_) => "dense attributes",
            Self::ExternalNames(_) => "names of external files",
            Self::Chunks(_) => "chunk index",
            Self::Shared(_) => "shared messages",
            Self::GlobalHeap(_) => "global heap",
        }
    }

    /// Whether an unsupported feature in this structure concerns its object alone. A group whose
    /// links can't be read would hide what is in it, so that fails the scan.
    pub(super) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Header(_) | Self::ExternalNames(_) | Self::Chunks(_)
        )
    }
}

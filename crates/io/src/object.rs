//! Open objects.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::local::Local;
use crate::pin::Pin;
use crate::remote::Remote;
use crate::wave::{Ask, Piece, Wave};

/// A file or remote object. Clones are cheap and share what is known of it.
#[derive(Clone)]
pub struct Object(pub(crate) Source);

#[derive(Clone)]
pub(crate) enum Source {
    Local(Arc<Local>),
    Remote(Arc<Remote>),
}

impl Object {
    /// The URL or path as it may be printed and kept: without user, password and query.
    ///
    /// For a URL whose query is part of the object's name, keep the URL that was opened.
    pub fn url(&self) -> &str {
        match &self.0 {
            Source::Local(local) => &local.name,
            Source::Remote(remote) => &remote.target.name,
        }
    }

    /// Size, `ETag` and `Last-Modified`, as the first read found them, or as they were known before
    /// ([`Client::open_pinned`](crate::Client::open_pinned)); for a local file they are known from the
    /// start.
    pub fn pin(&self) -> Pin {
        match &self.0 {
            Source::Local(local) => local.pin(),
            Source::Remote(remote) => remote.target.pin(),
        }
    }

    /// The size in bytes. Where it is not known yet, the start of the object is read (and kept).
    ///
    /// # Errors
    ///
    /// If the object can't be read.
    pub async fn size(&self) -> Result<u64> {
        match &self.0 {
            Source::Local(local) => Ok(local.size()),
            Source::Remote(remote) => remote.size().await,
        }
    }

    /// Size, `ETag` and `Last-Modified` as they are now: of a remote object that was not read yet
    /// one byte is asked for.
    ///
    /// # Errors
    ///
    /// If the object can't be read, or is not the one that was opened.
    pub async fn probe(&self) -> Result<Pin> {
        if let Source::Remote(remote) = &self.0 {
            remote.probe().await?;
        }
        Ok(self.pin())
    }

    /// Whether it is a local file.
    pub fn is_local(&self) -> bool {
        matches!(&self.0, Source::Local(_))
    }

    /// Begins one wave, whose bytes are handed over as they come (see [`Wave::next`]).
    ///
    /// # Errors
    ///
    /// As [`Object::read`].
    pub async fn wave(&self, ask: Ask<'_>) -> Result<Wave> {
        if let Some(range) = ask.wants.iter().find(|range| range.start > range.end) {
            return Err(Error::Reversed {
                url: self.url().to_owned(),
                range: range.clone(),
            });
        }
        match &self.0 {
            Source::Local(local) => Ok(Wave::local(Arc::clone(local), ask.wants)),
            Source::Remote(remote) => remote.wave(ask).await.map(Wave::remote),
        }
    }

    /// Those of these ranges that were fetched before and are still kept, whole: spans that hold
    /// them.
    pub fn kept(&self, ranges: &[Range<u64>]) -> Vec<Piece> {
        match &self.0 {
            Source::Local(_) => Vec::new(),
            Source::Remote(remote) => remote.kept(ranges),
        }
    }

    /// Takes note that these ranges were needed ([`Stats::needed`](crate::Stats)); each byte counts
    /// once.
    pub fn note_needed(&self, ranges: &[Range<u64>]) {
        if let Source::Remote(remote) = &self.0 {
            remote.note_needed(ranges);
        }
    }

    /// Reads one wave: all ranges, in parallel, merged where the gap costs less than a request.
    /// The answers come in the order asked, each exactly as long as asked. Ranges may overlap.
    ///
    /// Answers may share one buffer, so a small one can keep up to
    /// [`max_span`](crate::ClientOptions::max_span) bytes in memory. A wave needs about the sum
    /// of its ranges in memory: it is for the caller to read much in several waves.
    ///
    /// # Errors
    ///
    /// If any range does not lie within the object, can't be read, or shows that the object has
    /// changed since it was first read.
    pub async fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if let Some(range) = ranges.iter().find(|range| range.start > range.end) {
            return Err(Error::Reversed {
                url: self.url().to_owned(),
                range: range.clone(),
            });
        }
        match &self.0 {
            Source::Local(local) => local.read(ranges).await,
            Source::Remote(remote) => remote.read(ranges).await,
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("url", &self.url())
            .field("pin", &self.pin())
            .finish_non_exhaustive()
    }
}

/// Checks that all ranges lie within an object of this size.
pub(crate) fn check_within(url: &str, ranges: &[Range<u64>], size: u64) -> Result<()> {
    match ranges.iter().find(|range| range.end > size) {
        None => Ok(()),
        Some(range) => Err(Error::PastEnd {
            url: url.to_owned(),
            range: range.clone(),
            size,
        }),
    }
}

//! Objects written piece by piece.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload};
use tokio::task::JoinSet;

use crate::error::{Error, Result};
use crate::folder::ours;
use crate::store::Store;
use crate::transport::Net;

/// Bytes of one part. Stores want 5 MiB at least, all but the last of one length, and at most
/// 10,000 of them.
const PART: usize = 8 << 20;
/// Parts under way at one time.
const AT_ONCE: usize = 4;

/// An object that is being written: it appears whole when [`finish`](Self::finish) succeeds, or not
/// at all.
///
/// What is written is gathered to parts of 8 MiB, of which at most 4 are under way; what is shorter
/// than one becomes a single put. An upload that fails, or is dropped before it is finished, is
/// aborted on the server, so that no parts stay there to be paid for.
pub struct Upload {
    net: Arc<Net>,
    store: Store,
    path: Path,
    name: String,
    gathered: BytesMut,
    begun: Option<Begun>,
    /// The first failure; it stays.
    failed: Option<Error>,
}

/// What has begun once there was more than one part.
struct Begun {
    upload: Box<dyn MultipartUpload>,
    parts: JoinSet<object_store::Result<()>>,
}

impl Upload {
    pub(crate) fn new(net: Arc<Net>, store: Store, path: Path, name: String) -> Self {
        Self {
            net,
            store,
            path,
            name,
            gathered: BytesMut::new(),
            begun: None,
            failed: None,
        }
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// If the store refuses a part, or this upload has failed before. It is then aborted.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // A part goes only when more comes: the last one is sent by `finish`.
            if self.gathered.len() >= PART {
                let part = std::mem::take(&mut self.gathered).freeze();
                let sent = self.part(part).await;
                self.note(sent).await?;
            }
            let space = PART.saturating_sub(self.gathered.len());
            let (now, later) = rest.split_at(space.min(rest.len()));
            self.gathered.extend_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// Writes what is left and lets the object appear.
    ///
    /// # Errors
    ///
    /// If the store refuses it, or this upload has failed before.
    pub async fn finish(mut self) -> Result<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let ended = self.end().await;
        self.note(ended).await
    }

    /// Gives the upload up: what was there before stays.
    pub async fn abort(mut self) {
        if let Some(begun) = self.begun.take() {
            abort(begun).await;
        }
    }

    async fn end(&mut self) -> Result<()> {
        let last = std::mem::take(&mut self.gathered).freeze();
        if self.begun.is_none() {
            let (path, payload) = (&self.path, PutPayload::from(last));
            let put = self.store.change(|made| {
                let payload = payload.clone();
                async move { made.put(path, payload).await }
            });
            return put
                .await
                .map(drop)
                .map_err(|error| ours(&self.name, &error));
        }
        self.part(last).await?;
        let Some(begun) = &mut self.begun else {
            return Ok(());
        };
        while let Some(ended) = begun.parts.join_next().await {
            joined(ended, &self.name)?;
        }
        let completed = begun.upload.complete().await;
        completed.map_err(|error| ours(&self.name, &error))?;
        // Nothing is left to be aborted.
        self.begun = None;
        Ok(())
    }

    /// Sends a part, once few enough are under way.
    async fn part(&mut self, part: Bytes) -> Result<()> {
        if self.begun.is_none() {
            let path = &self.path;
            let begin = self
                .store
                .change(|made| async move { made.put_multipart(path).await });
            let upload = begin.await.map_err(|error| ours(&self.name, &error))?;
            self.begun = Some(Begun {
                upload,
                parts: JoinSet::new(),
            });
        }
        let Some(begun) = &mut self.begun else {
            return Ok(());
        };
        while begun.parts.len() >= AT_ONCE {
            if let Some(ended) = begun.parts.join_next().await {
                joined(ended, &self.name)?;
            }
        }
        begun.parts.spawn(begun.upload.put_part(part.into()));
        Ok(())
    }

    /// Keeps a failure, and aborts what it leaves.
    async fn note(&mut self, result: Result<()>) -> Result<()> {
        if let Err(error) = &result {
            self.failed = Some(error.clone());
            if let Some(begun) = self.begun.take() {
                abort(begun).await;
            }
        }
        result
    }
}

/// Ends an upload on the server. Where that fails as well, the first failure is the one to tell.
async fn abort(mut begun: Begun) {
    begun.parts.shutdown().await;
    if let Err(error) = begun.upload.abort().await {
        tracing::debug!("upload not aborted: {error}");
    }
}

fn joined(
    ended: Result<object_store::Result<()>, tokio::task::JoinError>,
    name: &str,
) -> Result<()> {
    match ended {
        Ok(sent) => sent.map_err(|error| ours(name, &error)),
        Err(error) => Err(Error::Store {
            url: name.to_owned(),
            reason: format!("a part was not sent: {error}"),
        }),
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.net.leave(abort(begun));
        }
    }
}

/// Without the store, which holds credentials.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("name", &self.name)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

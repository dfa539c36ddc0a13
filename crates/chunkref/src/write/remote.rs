//! Sets in buckets.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::{Client, Folder};
use chunkref_manifest::Manifest;
use chunkref_manifest::kerchunk::{Blobs, Compression, write_json_compressed};
use futures::TryStreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{BUFFER, CONSOLIDATED, WriteError};
use crate::parquet::{WriteOptions, write_set};

/// Files of a Parquet set that are put at one time.
const AT_ONCE: usize = 8;
/// Pieces of JSON that wait to be sent.
const WAITING: usize = 2;

/// Does what takes long on a thread of its own.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // It is not cancelled while it is waited for: it can only have panicked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn gone() -> io::Error {
    io::Error::other("the upload has ended")
}

/// Bytes on their way from the thread that makes them to the task that sends them.
struct Pipe(mpsc::Sender<Vec<u8>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(bytes.to_vec());
        sent.map(|()| bytes.len()).map_err(|_| gone())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one object.
pub(super) async fn json(
    client: &Client,
    manifest: &Arc<Manifest>,
    url: &str,
    compression: Compression,
) -> Result<(), WriteError> {
    let object = |source| WriteError::Object { source };
    let mut upload = client.upload(url).map_err(object)?;
    let (send, mut receive) = mpsc::channel(WAITING);
    let made = tokio::spawn(apart({
        let manifest = Arc::clone(manifest);
        move || {
            let mut out = BufWriter::with_capacity(BUFFER, Pipe(send));
            write_json_compressed(&manifest, &mut out, compression)
        }
    }));
    while let Some(piece) = receive.recv().await {
        // The thread ends at its next piece, for which there is no receiver any more.
        upload.write(&piece).await.map_err(object)?;
    }
    match joined(made.await) {
        Ok(()) => upload.finish().await.map_err(object),
        Err(source) => {
            upload.abort().await;
            Err(WriteError::Manifest {
                path: url.into(),
                source,
            })
        }
    }
}

fn joined<T>(ended: Result<T, tokio::task::JoinError>) -> T {
    match ended {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Files on their way from the thread that makes them to the task that sends them.
struct Files(mpsc::Sender<(String, Bytes)>);

impl Blobs for Files {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        let sent = self.0.blocking_send((path.to_owned(), bytes));
        sent.map_err(|_| gone())
    }
}

/// Writes a set of many objects.
pub(super) async fn parquet(
    client: &Client,
    manifest: &Arc<Manifest>,
    url: &str,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    let object = |source| WriteError::Object { source };
    let folder = client.folder(url).map_err(object)?;
    let mut stale = replaceable(&folder, url).await?;
    if let Some(at) = stale.iter().position(|path| path == CONSOLIDATED) {
        let last = stale.swap_remove(at);
        folder.delete(vec![last]).await.map_err(object)?;
    }
    let (files, receive) = mpsc::channel(1);
    let made = tokio::spawn(apart({
        let (manifest, options) = (Arc::clone(manifest), options.clone());
        move || write_set(&manifest, &mut Files(files), &options)
    }));
    let mut written = Vec::new();
    let sent = send_all(&folder, receive, &mut written).await;
    let ended = match (sent, joined(made.await)) {
        (Err(source), _) => Err(WriteError::Object { source }),
        (Ok(_), Err(source)) => Err(WriteError::Manifest {
            path: url.into(),
            source,
        }),
        (Ok(last), Ok(())) => {
            // A record that the new set does not have would be taken for its own.
            let new: HashSet<&String> = written.iter().collect();
            stale.retain(|path| !new.contains(path));
            finish(&folder, stale, last).await.map_err(object)
        }
    };
    if ended.is_err() {
        // There is no set without its last file; the first failure is the one to tell.
        let _ = folder.delete(written).await;
    }
    ended
}

/// Writes a set beside the one that it was made of, then in its place.
pub(super) async fn in_place(
    client: &Client,
    manifest: &Arc<Manifest>,
    url: &str,
    options: &WriteOptions,
) -> Result<(), WriteError> {
    // It has a suffix: that made it a Parquet set.
    let (stem, suffix) = url.rsplit_once('.').unwrap_or((url, "parquet"));
    let beside = format!("{stem}.new.{suffix}");
    let object = |source| WriteError::Object { source };
    let folder = client.folder(&beside).map_err(object)?;
    if let Some(path) = folder.list().try_next().await.map_err(object)? {
        return Err(WriteError::InTheWay {
            path: beside.into(),
            what: format!("left by a run before, or another set ({path})"),
        });
    }
    parquet(client, manifest, &beside, options).await?;
    if let Err(source) = parquet(client, manifest, url, options).await {
        return Err(WriteError::Replaced {
            set: url.to_owned(),
            beside,
            source: Box::new(source),
        });
    }
    let files = folder.list().try_collect().await.map_err(object)?;
    folder.delete(files).await.map_err(object)
}

/// Removes what is stale, and puts what makes a set of the files.
async fn finish(
    folder: &Folder,
    stale: Vec<String>,
    last: Option<Bytes>,
) -> chunkref_io::Result<()> {
    if !stale.is_empty() {
        folder.delete(stale).await?;
    }
    match last {
        Some(bytes) => folder.put(CONSOLIDATED, &bytes).await,
        None => Ok(()),
    }
}

/// Puts files as they come, except the one that must be last, which it gives. What is under way when
/// one fails is waited for: it may still arrive.
async fn send_all(
    folder: &Folder,
    mut receive: mpsc::Receiver<(String, Bytes)>,
    written: &mut Vec<String>,
) -> chunkref_io::Result<Option<Bytes>> {
    let mut last = None;
    let mut ended = Ok(());
    let mut puts: JoinSet<chunkref_io::Result<()>> = JoinSet::new();
    while let Some((path, bytes)) = receive.recv().await {
        if path == CONSOLIDATED {
            last = Some(bytes);
            continue;
        }
        while puts.len() >= AT_ONCE
            && let Some(put) = puts.join_next().await
        {
            ended = ended.and(joined(put));
        }
        if ended.is_err() {
            break;
        }
        written.push(path.clone());
        let folder = folder.clone();
        puts.spawn(async move { folder.put(&path, &bytes).await });
    }
    // The thread that makes the files ends at its next one.
    drop(receive);
    while let Some(put) = puts.join_next().await {
        ended = ended.and(joined(put));
    }
    ended.map(|()| last)
}

/// The files of the set that is there; an error if there is anything else.
async fn replaceable(folder: &Folder, url: &str) -> Result<Vec<String>, WriteError> {
    let mut found = Vec::new();
    let mut listing = folder.list();
    while let Some(path) = listing
        .try_next()
        .await
        .map_err(|source| WriteError::Object { source })?
    {
        if !is_of_a_set(&path) {
            return Err(WriteError::InTheWay {
                path: url.into(),
                what: format!("a folder that holds other objects ({path})"),
            });
        }
        found.push(path);
    }
    Ok(found)
}

/// Whether a path in a folder is one that a reference set has.
pub(super) fn is_of_a_set(path: &str) -> bool {
    let is_record = |path: &str| {
        let (_, name) = path.rsplit_once('/')?;
        let number = name.strip_prefix("refs.")?.strip_suffix(".parq")?;
        Some(!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    path == CONSOLIDATED || path.starts_with(".chunkref/") || is_record(path) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::is_of_a_set;

    #[test]
    fn only_files_of_sets_are_replaced() {
        for path in [
            ".zmetadata",
            "a/refs.0.parq",
            "a/b/refs.12.parq",
            ".chunkref/extras.json",
        ] {
            assert!(is_of_a_set(path), "{path}");
        }
        for path in [
            "",
            "refs.0.parq",
            "a/refs..parq",
            "a/refs.x.parq",
            "a/.zmetadata",
            "photo",
        ] {
            assert!(!is_of_a_set(path), "{path}");
        }
    }
}

//! Folders of buckets: what lies in them is listed, written and removed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;

use crate::address::{Address, printable, printable_message};
use crate::client::Client;
use crate::error::{Error, Result, chain};
use crate::pin::Pin;
use crate::store::Store;
use crate::transport::Net;
use crate::upload::Upload;

/// A folder of a bucket: all keys that begin with its own and a slash.
#[derive(Clone)]
pub struct Folder {
    net: Arc<Net>,
    store: Store,
    key: String,
    /// Its URL.
    name: String,
}

/// One object of a [`Folder`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its path from the folder.
    pub path: String,
    /// Its size, `ETag` and time, as the listing has them.
    pub pin: Pin,
}

impl Client {
    /// The folder at an `s3`, `gs` or `az` URL, to list or write to. Nothing is asked of the store yet.
    ///
    /// # Errors
    ///
    /// If the address is of another kind, or the settings of the store are not right.
    pub fn folder(&self, url: &str) -> Result<Folder> {
        let url = url.trim_end_matches('/');
        let (store, key) = self.place(url)?;
        Ok(Folder {
            net: Arc::clone(self.net()),
            store,
            key,
            name: printable(url),
        })
    }

    /// What lies below an `s3`, `gs` or `az` URL, which may be that of a bucket: paths from there on,
    /// with what the listing says of each object. See [`Folder::objects`].
    ///
    /// # Errors
    ///
    /// As for [`Client::folder`].
    pub fn objects_below(&self, url: &str) -> Result<BoxStream<'static, Result<Listed>>> {
        let url = url.trim_end_matches('/');
        let is_bucket = url
            .split_once("://")
            .is_some_and(|(_, rest)| !rest.contains('/'));
        if !is_bucket {
            return Ok(self.folder(url)?.objects());
        }
        // No object is at the root itself, but all are below it.
        let (store, _) = self.place(&format!("{url}/_"))?;
        let folder = Folder {
            net: Arc::clone(self.net()),
            store,
            key: String::new(),
            name: printable(url),
        };
        Ok(folder.objects())
    }

    /// Begins to write the object at an `s3`, `gs` or `az` URL; one that is there is replaced when
    /// the upload is finished.
    ///
    /// # Errors
    ///
    /// As for [`Client::folder`].
    pub fn upload(&self, url: &str) -> Result<Upload> {
        let (store, key) = self.place(url)?;
        let name = printable(url);
        let path = parse(&key, &name)?;
        Ok(Upload::new(Arc::clone(self.net()), store, path, name))
    }

    /// Waits for what was left to be done when uploads were dropped: their aborts.
    pub async fn settle(&self) {
        self.net().settle().await;
    }

    fn place(&self, url: &str) -> Result<(Store, String)> {
        let fail = |reason: &str| {
            Err(Error::Address {
                url: printable(url),
                reason: reason.to_owned(),
            })
        };
        match Address::parse(url)? {
            Address::File(_) => fail("a local path: expected a URL of s3, gs or az"),
            Address::Http { .. } => fail(
                "nothing is written over http or https: expected a path, or a URL of file, s3, gs \
                 or az",
            ),
            Address::Bucket {
                kind,
                base,
                bucket,
                key,
            } => match self.written(kind, base, bucket) {
                Ok(store) => Ok((store, key)),
                Err(reason) => Err(Error::Store {
                    url: printable(url),
                    reason,
                }),
            },
        }
    }
}

impl Folder {
    /// Its URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.name
    }

    /// The keys of all that lies in it and below, from its own on: `a/b`.
    ///
    /// Listed page by page: whoever has seen enough may stop. Where listing fails the stream ends
    /// with the error.
    pub fn list(&self) -> BoxStream<'static, Result<String>> {
        self.objects().map_ok(|object| object.path).boxed()
    }

    /// The same, with what the listing says of each object.
    pub fn objects(&self) -> BoxStream<'static, Result<Listed>> {
        let this = self.clone();
        let first = async move {
            let path = parse(&this.key, &this.name)?;
            // The first page may tell that the bucket is in another region.
            let begun = this.store.change(|made| {
                let path = path.clone();
                async move {
                    let mut listing = made.list(Some(&path)).fuse();
                    let first = listing.try_next().await?;
                    Ok((first, listing))
                }
            });
            let (first, listing) = begun.await.map_err(|error| ours(&this.name, &error))?;
            let all = futures::stream::iter(first.map(Ok)).chain(listing);
            Ok::<_, Error>(all.map(move |listed| match listed {
                Ok(listed) => {
                    let key = listed.location.as_ref();
                    let below = key.strip_prefix(this.key.as_str());
                    let below = below.map_or(key, |below| below.trim_start_matches('/'));
                    Ok(Listed {
                        path: below.to_owned(),
                        pin: Pin {
                            size: Some(listed.size),
                            etag: listed.e_tag,
                            last_modified: Some(http_date(listed.last_modified)),
                            ..Pin::default()
                        },
                    })
                }
                Err(error) => Err(ours(&this.name, &error)),
            }))
        };
        futures::stream::once(first).try_flatten().boxed()
    }

    /// Writes an object at a path from the folder, in place of any that is there.
    ///
    /// # Errors
    ///
    /// If no key can be made of the path, or the store refuses it.
    pub async fn put(&self, path: &str, bytes: &Bytes) -> Result<()> {
        let name = format!("{}/{path}", self.name);
        let key = parse(&format!("{}/{path}", self.key), &name)?;
        let mut upload = Upload::new(Arc::clone(&self.net), self.store.clone(), key, name);
        upload.write(bytes).await?;
        upload.finish().await
    }

    /// Removes objects at paths from the folder; that one is not there is no error.
    ///
    /// # Errors
    ///
    /// If the store refuses one: others may be gone.
    pub async fn delete(&self, paths: Vec<String>) -> Result<()> {
        let mut keys = Vec::with_capacity(paths.len());
        for path in &paths {
            let name = format!("{}/{path}", self.name);
            keys.push(parse(&format!("{}/{path}", self.key), &name)?);
        }
        let removed = self.store.change(|made| {
            let keys: Vec<_> = keys.iter().cloned().map(Ok).collect();
            async move {
                let mut removed = made.delete_stream(futures::stream::iter(keys).boxed());
                while let Some(one) = removed.next().await {
                    match one {
                        Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                        Err(error) if is_not_found(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        });
        removed.await.map_err(|error| ours(&self.name, &error))
    }
}

/// A time as `Last-Modified` has it (RFC 9110, 5.6.7).
fn http_date(time: chrono::DateTime<chrono::Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn is_not_found(error: &object_store::Error) -> bool {
    matches!(ours("", error), Error::NotFound { .. })
}

/// A key as `object_store` takes it: not percent-encoded.
fn parse(key: &str, name: &str) -> Result<Path> {
    Path::parse(key).map_err(|error| Error::Address {
        url: name.to_owned(),
        reason: format!("not a key that can be written: {error}"),
    })
}

/// The error of ours that came through `object_store`, for the object of this name; any other is
/// about credentials or the way the store is set up.
pub(crate) fn ours(name: &str, error: &object_store::Error) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.clone().named(name);
        }
        source = error.source();
    }
    Error::Store {
        url: name.to_owned(),
        reason: printable_message(&chain(error)),
    }
}

/// Without the store, which holds credentials.
impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

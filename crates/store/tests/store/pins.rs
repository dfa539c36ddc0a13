//! Every answer is compared with what pins the object, and with the answers before.

use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::{Client, ClientOptions};
use chunkref_manifest::{ChunkTableBuilder, Layout, Location, LocationId, Manifest, Pin};
use chunkref_store::{Elements, Error, ReadOptions, Selection, Store};
use chunkref_testkit::{Fault, RangeServer, When};

use crate::dataset::{BYTE, array};

const CHUNKS: u64 = 20;

/// Chunks of an object that lie too far apart to be read together, and what pins it.
async fn apart(pinned: bool) -> (RangeServer, Store, Client) {
    let object: Vec<u8> = (0..CHUNKS * 100)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect();
    let server = RangeServer::builder().object("/a.h5", object).start().await;
    let url = server.url_of("/a.h5");
    let mut location = Location::new(&url);
    if pinned {
        let client = Client::new(ClientOptions::default());
        let found = client.open(&url).await.unwrap().probe().await.unwrap();
        location = location.with_pin(Pin {
            size: found.size,
            etag: found.etag,
            last_modified: found.last_modified,
            ..Pin::default()
        });
    }
    let mut manifest = Manifest::default();
    manifest.locations.intern(location);
    let mut table = ChunkTableBuilder::new(vec![CHUNKS]);
    for index in 0..CHUNKS {
        table.push(index, LocationId(0), index * 100, 10).unwrap();
    }
    let layout = Layout::Chunked {
        chunk_shape: vec![10],
        codecs: Vec::new(),
        chunks: table.finish(),
        fill_chunk: None,
    };
    manifest
        .root
        .arrays
        .insert("a".into(), array(BYTE, &[CHUNKS * 10], layout));
    let client = client();
    (
        server,
        Store::new(Arc::new(manifest), client.clone()),
        client,
    )
}

fn client() -> Client {
    Client::new(
        ClientOptions::default()
            .with_head_read(0)
            .with_cache_bytes(0)
            .with_merge_gap(0)
            .with_retries(0),
    )
}

async fn read(store: &Store) -> Result<Elements, Error> {
    store
        .read("/a", &Selection::All, ReadOptions::default())
        .await
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn an_object_that_is_replaced_in_mid_read_is_an_error_that_names_it() {
    for pinned in [false, true] {
        for after in 0..4 {
            let (server, store, client) = apart(pinned).await;
            server.set_fault(Fault::Replace, When::After(after));
            let read = read(&store).await;
            if after == 0 && !pinned {
                // All of it is of one object, though nothing tells that it is another.
                assert!(read.is_ok());
                continue;
            }
            let error = chain(&read.unwrap_err());
            let url = server.url_of("/a.h5");
            let said = format!("{url}: changed since it was ");
            assert!(
                error.contains(&said) && error.contains("ETag was"),
                "{error}"
            );
            assert!(error.contains("scanned") || !pinned, "{error}");
            assert_eq!(client.log().snapshot().retries, 0);
        }
    }
}

#[tokio::test]
async fn what_is_pinned_is_compared_at_no_more_requests() {
    let (_server, pinned, client) = apart(true).await;
    let (_other, free, other) = apart(false).await;
    assert_eq!(read(&pinned).await.unwrap(), read(&free).await.unwrap());
    let (pinned, free) = (client.log().snapshot(), other.log().snapshot());
    assert!(pinned.requests <= free.requests, "{pinned:?} {free:?}");
    assert_eq!(pinned.bytes, CHUNKS * 10);
}

#[tokio::test]
async fn a_truncated_or_missing_object_is_an_error_that_names_it() {
    let (server, store, _) = apart(true).await;
    let url = server.url_of("/a.h5");
    let before = server.requests();
    server.put("/a.h5", vec![0; 1500]);
    let error = chain(&read(&store).await.unwrap_err());
    let said = format!("{url}: changed since it was scanned: size was 2000 bytes, now 1500 bytes");
    assert!(error.contains(&said), "{error}");
    assert!(server.requests() > before);
    server.remove("/a.h5");
    let error = chain(&read(&store).await.unwrap_err());
    assert!(error.contains(&format!("{url}: not found")), "{error}");
}

#[tokio::test]
async fn an_object_that_was_closed_is_still_compared_with_what_it_was() {
    const OBJECTS: u32 = 300;
    let mut builder = RangeServer::builder();
    for number in 0..OBJECTS {
        builder = builder.object(&format!("/{number}"), vec![1; 10]);
    }
    let server = builder.start().await;
    let mut manifest = Manifest::default();
    let mut table = ChunkTableBuilder::new(vec![OBJECTS.into()]);
    for number in 0..OBJECTS {
        let location = Location::new(server.url_of(&format!("/{number}")));
        let id = manifest.locations.intern(location).unwrap();
        table.push(number.into(), id, 0, 10).unwrap();
    }
    let layout = Layout::Chunked {
        chunk_shape: vec![10],
        codecs: Vec::new(),
        chunks: table.finish(),
        fill_chunk: None,
    };
    let length = u64::from(OBJECTS) * 10;
    manifest
        .root
        .arrays
        .insert("a".into(), array(BYTE, &[length], layout));
    let store = Store::new(Arc::new(manifest), client());
    let first = read(&store).await.unwrap();
    assert_eq!(first.bytes, Bytes::from(vec![1; 3000]));
    assert_eq!(read(&store).await.unwrap(), first);
    server.put("/0", vec![2; 10]);
    let error = chain(&read(&store).await.unwrap_err());
    assert!(
        error.contains("/0: changed since it was first read: ETag"),
        "{error}"
    );
}

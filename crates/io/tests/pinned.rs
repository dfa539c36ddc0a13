//! Objects of which something is known before they are read.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::time::Duration;

use chunkref_io::{Client, ClientOptions, Error, Pin};
use chunkref_testkit::RangeServer;

const SIZE: u64 = 24 << 20;

fn pin(size: Option<u64>, etag: Option<&str>) -> Pin {
    let mut pin = Pin::default();
    pin.size = size;
    pin.etag = etag.map(str::to_owned);
    pin
}

fn server() -> RangeServer {
    let object = vec![7; usize::try_from(SIZE).unwrap()];
    RangeServer::builder().object("/a", object).start_blocking()
}

/// A client that takes nothing from measurements: a part takes as long to come as to be asked for.
fn client() -> Client {
    let options = ClientOptions::default()
        .with_latency(Duration::from_millis(50))
        .with_bandwidth(50_000_000);
    Client::new(options)
}

#[tokio::test]
async fn nothing_is_read_to_find_out_a_size_that_is_known() {
    let server = server();
    let url = server.url_of("/a");
    let wants = [4 << 20..5 << 20, 10 << 20..20 << 20];
    let ranges = async |pin| {
        server.reset();
        let object = client().open_pinned(&url, pin).await.unwrap();
        assert_eq!(object.read(&wants).await.unwrap()[1].len(), 10 << 20);
        assert_eq!(object.size().await.unwrap(), SIZE);
        let mut ranges: Vec<_> = server
            .log()
            .into_iter()
            .filter_map(|one| one.range)
            .collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    };
    let found = ranges(pin(Some(SIZE), None)).await;
    // Parts of 2.5 MB and no less, all of which are wanted.
    assert_eq!(found[..2], [wants[0].clone(), 10 << 20..12 << 20]);
    assert_eq!(found.len(), 6);
    assert_eq!(found.last().unwrap().end, 20 << 20);
    // What a file says of itself is not believed before its size is known.
    let found = ranges(Pin::default()).await;
    assert_eq!(found[0], 0..256 << 10);
    assert_eq!(found.len(), 7);
}

#[tokio::test]
async fn every_answer_is_compared_with_what_is_known() {
    let server = server();
    let url = server.url_of("/a");
    for (pin, changed) in [
        (pin(Some(SIZE + 1), None), Some("size")),
        (pin(None, Some("\"other\"")), Some("ETag")),
        (pin(Some(SIZE), Some("\"other\"")), Some("ETag")),
        (pin(Some(SIZE), None), None),
    ] {
        let what = |error: Error| match error {
            Error::Changed { what, .. } => what,
            other => panic!("{other}"),
        };
        let object = client().open_pinned(&url, pin.clone()).await.unwrap();
        let read = object.read(&[100..200, 9 << 20..19 << 20]).await;
        assert_eq!(read.err().map(what), changed, "{pin:?}");
        let object = client().open_pinned(&url, pin.clone()).await.unwrap();
        assert_eq!(object.probe().await.err().map(what), changed, "{pin:?}");
    }
    // One byte was asked for, though the size was known.
    server.reset();
    let object = client()
        .open_pinned(&url, pin(Some(SIZE), None))
        .await
        .unwrap();
    assert!(object.probe().await.unwrap().etag.is_some());
    assert!(object.probe().await.unwrap().etag.is_some());
    assert_eq!((server.requests(), server.bytes()), (1, 1));
    // Nor is more asked for than the object is known to have.
    let past = object.read(&[SIZE - 10..SIZE + 1]).await.unwrap_err();
    assert!(matches!(past, Error::PastEnd { size: SIZE, .. }), "{past}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_local_file_is_compared_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, b"twelve bytes").unwrap();
    let path = path.to_str().unwrap();
    let object = client()
        .open_pinned(path, pin(Some(12), None))
        .await
        .unwrap();
    assert_eq!(object.read(&[0..6]).await.unwrap()[0], "twelve");
    let error = client().open_pinned(path, pin(Some(13), None)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("size was 13 bytes, now 12 bytes"), "{error}");
}

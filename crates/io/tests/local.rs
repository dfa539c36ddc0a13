//! Local files.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::ops::Range;

use chunkref_io::{Client, ClientOptions, Error};
use chunkref_testkit::content;

#[tokio::test]
async fn many_small_ranges_are_one_wave() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b#?.bin");
    let all = content(20 << 20);
    std::fs::write(&path, &all).unwrap();
    let client = Client::new(ClientOptions::default());
    let object = client.open(path.to_str().unwrap()).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 20 << 20);
    assert!(object.pin().last_modified.unwrap().ends_with('Z'));
    // 30,000 ranges 600 bytes apart, backwards: gaps are cheap, spans end at 8 MiB.
    let wants: Vec<Range<u64>> = (0..30_000).rev().map(|n| n * 600..n * 600 + 100).collect();
    let got = object.read(&wants).await.unwrap();
    for (want, got) in wants.iter().zip(&got) {
        let want = usize::try_from(want.start).unwrap()..usize::try_from(want.end).unwrap();
        assert_eq!(got, &all[want]);
    }
    let stats = client.log().snapshot();
    assert_eq!((stats.waves, stats.requests), (1, 3));
    assert!(stats.bytes < 18 << 20, "{stats:?}");
    // Far apart, overlapping, empty and the same twice.
    let wants = [5..5, 1000..1100, 1050..1200, 15 << 20..20 << 20, 1000..1100];
    let got = object.read(&wants).await.unwrap();
    assert!(got[0].is_empty());
    assert_eq!(got[2], all[1050..1200]);
    assert_eq!(got[3], all[15 << 20..]);
    assert_eq!(got[4], got[1]);
    assert_eq!(client.log().snapshot().requests, 5);
    let url = url::Url::from_file_path(&path).unwrap();
    let object = client.open(url.as_str()).await.unwrap();
    assert_eq!(object.read(&[10..20]).await.unwrap()[0], all[10..20]);
}

#[tokio::test]
async fn what_can_not_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, content(100)).unwrap();
    let client = Client::default();
    let object = client.open(path.to_str().unwrap()).await.unwrap();
    let error = object.read(&[0..10, 90..101]).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("a: bytes 90..101 reach past the end of the object, which has 100 bytes"),
        "{error}"
    );
    // A length that a file made up costs nothing.
    let error = object.read(&[0..u64::MAX]).await.unwrap_err();
    assert!(matches!(error, Error::PastEnd { size: 100, .. }));
    let reversed = Range { start: 9, end: 3 };
    let error = object.read(&[reversed]).await.unwrap_err();
    assert!(matches!(error, Error::Reversed { .. }));
    assert_eq!(object.read(&[100..100]).await.unwrap()[0], "");
    assert!(object.read(&[]).await.unwrap().is_empty());
    let missing = folder.path().join("none");
    let error = client.open(missing.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
    let error = client.open(folder.path().to_str().unwrap()).await;
    assert!(matches!(error.unwrap_err(), Error::File { .. }));
    assert_eq!(client.log().snapshot().requests, 0);
}

#[tokio::test]
async fn a_changed_file_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, content(100)).unwrap();
    let client = Client::default();
    let object = client.open(path.to_str().unwrap()).await.unwrap();
    object.read(&[0..10]).await.unwrap();
    std::fs::write(&path, content(90)).unwrap();
    for want in [0..10, 80..100] {
        let error = object.read(&[want]).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("size was 100 bytes, now 90 bytes"),
            "{error}"
        );
    }
}

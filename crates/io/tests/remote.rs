//! Objects behind a server that behaves.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use chunkref_io::{Client, ClientOptions, Error};
use chunkref_testkit::{RangeServer, content, part};

/// No byte was sent twice.
fn assert_nothing_twice(server: &RangeServer) {
    let mut ranges: Vec<_> = server
        .log()
        .into_iter()
        .filter_map(|entry| entry.range)
        .collect();
    ranges.sort_by_key(|range| range.start);
    for pair in ranges.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wave_of_500_is_asked_for_as_far_as_the_cap_allows() {
    let all = content(64 << 20);
    let server = RangeServer::builder()
        .object("/a.h5", all.clone())
        .latency(Duration::from_millis(50))
        .start()
        .await;
    let options = ClientOptions::default()
        .with_keep_records(true)
        .with_concurrency(32)
        .with_merge_gap(64 << 10);
    let client = Client::new(options);
    let object = client.open(&server.url_of("a.h5")).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 64 << 20);
    // 1 KiB each, 120 KiB apart, in no order.
    let wants: Vec<Range<u64>> = (0..500)
        .map(|n| n * 173 % 500)
        .map(|n| (400 << 10) + n * (121 << 10)..(401 << 10) + n * (121 << 10))
        .collect();
    let got = object.read(&wants).await.unwrap();
    for (want, got) in wants.iter().zip(&got) {
        assert_eq!(*got, part(&all, want));
    }
    // All 32 unless the machine stalls.
    assert!(server.max_in_flight() >= 16);
    assert!(server.max_in_flight() <= 32);
    assert_eq!(server.requests(), 501);
    assert_nothing_twice(&server);
    assert!(server.log().iter().all(|entry| entry.method == "GET"));
    let stats = client.log().snapshot();
    assert_eq!((stats.requests, stats.waves, stats.retries), (501, 2, 0));
    assert_eq!(stats.bytes, server.bytes());
    let entries = client.log().entries();
    assert_eq!(entries.len(), 501);
    assert!(entries.iter().all(|entry| entry.status == Some(206)));
    assert_eq!(entries.iter().filter(|entry| entry.wave == 2).count(), 500);
    // The same again comes from what was kept.
    assert_eq!(object.read(&wants).await.unwrap(), got);
    assert_eq!(server.requests(), 501);
    assert_eq!(client.log().snapshot().cache_hits, 500);
}

#[tokio::test]
async fn the_first_read_brings_size_and_head() {
    let all = content(1 << 20);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .start()
        .await;
    let client = Client::default();
    let object = client.open(&server.url_of("a")).await.unwrap();
    assert_eq!(object.pin().size, None);
    assert_eq!(server.requests(), 0);
    object.read(&[0..8]).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 1 << 20);
    assert!(object.pin().etag.is_some() && object.pin().last_modified.is_some());
    // Within the head, and across its end: only what is missing is fetched.
    let wants = [100..200, 200_000..300_000, 299_000..400_000];
    let got = object.read(&wants).await.unwrap();
    for (want, got) in wants.iter().zip(&got) {
        assert_eq!(*got, part(&all, want));
    }
    let ranges: Vec<_> = server
        .log()
        .into_iter()
        .filter_map(|entry| entry.range)
        .collect();
    assert_eq!(ranges, [0..256 << 10, 256 << 10..400_000]);
}

#[tokio::test]
async fn a_first_read_far_from_the_head_asks_for_no_head() {
    let all = content(2 << 20);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .start()
        .await;
    let client = Client::default();
    let object = client.open(&server.url_of("a")).await.unwrap();
    let wants = [1 << 20..(1 << 20) + 100, (2 << 20) - 5..2 << 20];
    object.read(&wants).await.unwrap();
    assert_eq!(object.pin().size, Some(2 << 20));
    assert_eq!((server.requests(), server.bytes()), (2, 105));
}

#[tokio::test]
async fn merging_splitting_and_overlap_keep_every_byte() {
    let all = content(3 << 20);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .start()
        .await;
    let options = ClientOptions::default()
        .with_max_span(1 << 20)
        .with_merge_gap(64 << 10)
        .with_head_read(1000)
        .with_cache_bytes(0);
    let client = Client::new(options);
    let object = client.open(&server.url_of("a")).await.unwrap();
    let wants = [0..3 << 20, 10..20, 5..5, 1_000_000..2_000_000, 10..20];
    let got = object.read(&wants).await.unwrap();
    for (want, got) in wants.iter().zip(&got) {
        assert_eq!(*got, part(&all, want));
    }
    // So much is asked for only once the size is known.
    let ranges: HashSet<_> = server
        .log()
        .into_iter()
        .filter_map(|entry| entry.range)
        .collect();
    let spans = [0..1000, 0..1 << 20, 1 << 20..2 << 20, 2 << 20..3 << 20];
    assert_eq!(ranges, HashSet::from(spans));
    server.reset();
    // Near ones are one request, far ones are not.
    object
        .read(&[0..10, 60_000..60_010, 200_000..200_010])
        .await
        .unwrap();
    assert_eq!((server.requests(), server.bytes()), (2, 60_020));
}

#[tokio::test]
async fn the_end_of_an_object_is_exact() {
    let server = RangeServer::builder()
        .object("/a", content(100))
        .object("/empty", "")
        .start()
        .await;
    let client = Client::default();
    for want in [50..101, 100..101, 0..u64::MAX, 1 << 40..(1 << 40) + 5] {
        let object = client.open(&server.url_of("a")).await.unwrap();
        for known in [false, true] {
            match object.read(std::slice::from_ref(&want)).await.unwrap_err() {
                Error::PastEnd { range, size, .. } => {
                    assert_eq!((range, size), (want.clone(), 100));
                }
                error => panic!("{known}: {error}"),
            }
        }
        assert_eq!(object.size().await.unwrap(), 100);
        assert_eq!(object.read(&[99..100, 100..100]).await.unwrap()[0].len(), 1);
    }
    let empty = client.open(&server.url_of("empty")).await.unwrap();
    assert_eq!(empty.size().await.unwrap(), 0);
    let error = empty.read(&[0..8]).await.unwrap_err();
    assert!(matches!(error, Error::PastEnd { size: 0, .. }), "{error}");
    let empty = client.open(&server.url_of("empty")).await.unwrap();
    let error = empty.read(&[0..8]).await.unwrap_err();
    assert!(
        error.to_string().contains("bytes 0..8 reach past the end"),
        "{error}"
    );
}

#[tokio::test]
async fn reads_at_the_same_time_share_the_head() {
    let server = RangeServer::builder()
        .object("/a", content(1000))
        .latency(Duration::from_millis(30))
        .start()
        .await;
    let client = Client::default();
    let object = client.open(&server.url_of("a")).await.unwrap();
    let reads = (0..20).map(|n| {
        let object = object.clone();
        async move { object.read(&[n..n + 10]).await }
    });
    for got in futures::future::join_all(reads).await {
        assert_eq!(got.unwrap()[0].len(), 10);
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn s3_goes_through_the_same_service() {
    let all = content(1 << 20);
    let server = RangeServer::builder()
        .object("/bucket/a b#1.h5", all.clone())
        .start()
        .await;
    let options = ClientOptions::default()
        .with_keep_records(true)
        .with_store_option("aws_endpoint", server.url())
        .with_store_option("aws_allow_http", "true")
        .with_store_option("aws_access_key_id", "key")
        .with_store_option("aws_secret_access_key", "secret");
    let client = Client::new(options.clone());
    let object = client.open("s3://bucket/a b#1.h5").await.unwrap();
    let got = object.read(&[10..20, 700_000..700_010]).await.unwrap();
    assert_eq!(got[1], all[700_000..700_010]);
    assert_eq!(object.url(), "s3://bucket/a b#1.h5");
    let log = server.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].path, "/bucket/a%20b%231.h5");
    assert!(
        log[0]
            .authorization
            .as_ref()
            .unwrap()
            .starts_with("AWS4-HMAC-SHA256")
    );
    assert_eq!(client.log().snapshot().requests, 2);
    let missing = client.open("s3://bucket/none").await.unwrap();
    let error = missing.size().await.unwrap_err();
    assert_eq!(error.to_string(), "s3://bucket/none: not found");
    assert!(!format!("{client:?} {object:?} {error:?}").contains("secret\""));
    // Signed requests go over http only where that is permitted.
    let client = Client::new(options.with_store_option("aws_allow_http", "false"));
    let object = client.open("s3://bucket/a b#1.h5").await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(error.to_string().contains("allow_http"), "{error}");
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn gcs_and_azure_go_through_the_same_service() {
    let all = content(1000);
    let server = RangeServer::builder()
        .object("/bucket/k/a.h5", all.clone())
        .start()
        .await;
    let options = ClientOptions::default()
        .with_store_option("google_base_url", server.url())
        .with_store_option("google_skip_signature", "true")
        .with_store_option("azure_storage_account_name", "account")
        .with_store_option("azure_storage_endpoint", server.url())
        .with_store_option("azure_skip_signature", "true")
        .with_store_option("allow_http", "true");
    let client = Client::new(options);
    for url in ["gs://bucket/k/a.h5", "az://bucket/k/a.h5"] {
        server.reset();
        let object = client.open(url).await.unwrap();
        assert_eq!(
            object.read(&[10..20]).await.unwrap()[0],
            all[10..20],
            "{url}"
        );
        assert_eq!(object.size().await.unwrap(), 1000);
        assert_eq!(server.requests(), 1, "{url}");
    }
}

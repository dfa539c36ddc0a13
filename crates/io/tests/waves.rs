//! Waves: what is under way is shared, what has come is handed over, hints come along.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::ops::Range;
use std::time::Duration;

use chunkref_io::{Ask, Client, ClientOptions, Hint};
use chunkref_testkit::{RangeServer, content, part};

#[tokio::test]
async fn what_is_under_way_is_not_asked_for_twice() {
    let all = content(1 << 20);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .latency(Duration::from_millis(50))
        .start()
        .await;
    let options = ClientOptions::default()
        .with_head_read(1000)
        .with_cache_bytes(0);
    let client = Client::new(options.with_merge_gap(0));
    let object = client.open(&server.url_of("a")).await.unwrap();
    object.size().await.unwrap();
    server.reset();
    let reads = [
        vec![5000..6000, 9000..9100],
        vec![5500..7000],
        vec![5000..6000, 20..40],
    ];
    let got = futures::future::join_all(reads.iter().map(|wants| object.read(wants))).await;
    for (wants, got) in reads.iter().zip(got) {
        for (want, got) in wants.iter().zip(got.unwrap()) {
            assert_eq!(got, part(&all, want));
        }
    }
    let mut ranges: Vec<_> = server
        .log()
        .into_iter()
        .filter_map(|entry| entry.range)
        .collect();
    ranges.sort_by_key(|range| range.start);
    assert_eq!(ranges, [20..40, 5000..6000, 6000..7000, 9000..9100]);
    // Nothing is kept here, so what has come is asked for again.
    object.read(&[5000..6000]).await.unwrap();
    assert_eq!(server.requests(), 5);
}

#[tokio::test]
async fn a_read_goes_on_when_the_one_that_began_it_is_given_up() {
    let all = content(10_000);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .latency(Duration::from_millis(50))
        .start()
        .await;
    let client = Client::new(
        ClientOptions::default()
            .with_head_read(10)
            .with_merge_gap(0),
    );
    let object = client.open(&server.url_of("a")).await.unwrap();
    object.size().await.unwrap();
    server.reset();
    let first = tokio::spawn({
        let object = object.clone();
        async move { object.read(&[5000..6000]).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let second = tokio::spawn({
        let object = object.clone();
        async move { object.read(&[5500..5600]).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap()[0], all[5500..5600]);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_wave_hands_over_what_has_come() {
    let all = content(1 << 20);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .latency(Duration::from_millis(20))
        .start()
        .await;
    let options = ClientOptions::default()
        .with_head_read(1000)
        .with_merge_gap(100)
        .with_keep_records(true)
        // One request at a time.
        .with_in_flight_bytes(1);
    let client = Client::new(options);
    let object = client.open(&server.url_of("a")).await.unwrap();
    object.size().await.unwrap();
    let wants = [500..600, 50_000..50_100, 90_000..90_050];
    let near = Hint {
        range: 50_150..50_300,
        places: 1,
    };
    let sparse = Hint {
        range: 600_000..700_000,
        places: 10,
    };
    let ask = Ask {
        wants: &wants,
        hints: vec![near, sparse.clone()],
        what: "three".to_owned(),
        ..Ask::default()
    };
    let mut wave = object.wave(ask).await.unwrap();
    assert_eq!(wave.fetched(), [50_000..50_300, 90_000..90_050]);
    assert_eq!(wave.hints_left(), [sparse]);
    let mut times = Vec::new();
    let mut pieces = Vec::new();
    while let Some(more) = wave.next().await.unwrap() {
        times.push(more.len());
        pieces.extend(more);
    }
    // What was there before, and then one after another.
    assert_eq!(times, [1, 1, 1]);
    for (start, bytes) in &pieces {
        let end = start + u64::try_from(bytes.len()).unwrap();
        assert_eq!(*bytes, part(&all, &(*start..end)));
    }
    assert_eq!(server.max_in_flight(), 1);
    let hint = std::slice::from_ref(&(50_150..50_300));
    assert_eq!(object.kept(hint).len(), 1);
    let waves = client.log().waves();
    assert_eq!(waves.len(), 2);
    assert_eq!(waves[0].what, "start of the file");
    assert_eq!(
        (waves[1].what.as_str(), waves[1].wanted, waves[1].missing),
        ("three", 250, 150)
    );
    assert_eq!(waves[1].requests, [50_000..50_300, 90_000..90_050]);
    assert!(waves[1].took >= Duration::from_millis(40));
}

#[tokio::test]
async fn a_wrong_hint_does_no_harm() {
    let server = RangeServer::builder()
        .object("/a", content(1000))
        .start()
        .await;
    let client = Client::new(ClientOptions::default().with_head_read(10));
    let object = client.open(&server.url_of("a")).await.unwrap();
    object.size().await.unwrap();
    let beyond = |range: Range<u64>| Hint { range, places: 1 };
    let ask = Ask {
        wants: &[20..30],
        hints: vec![beyond(990..1001), beyond(1 << 40..1 << 41), beyond(40..40)],
        ..Ask::default()
    };
    let mut wave = object.wave(ask).await.unwrap();
    while wave.next().await.unwrap().is_some() {}
    assert_eq!(wave.fetched(), [20..30]);
}

/// Many tasks on several threads that read the same at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_comes_twice_whoever_asks() {
    let all = content(1 << 20);
    let server = RangeServer::builder()
        .object("/a", all.clone())
        .latency(Duration::from_millis(5))
        .start()
        .await;
    let options = ClientOptions::default()
        .with_head_read(10)
        .with_merge_gap(0);
    let client = Client::new(options);
    let object = client.open(&server.url_of("a")).await.unwrap();
    object.size().await.unwrap();
    let tasks = (0..200_u64).map(|n| {
        let (object, all) = (object.clone(), all.clone());
        tokio::spawn(async move {
            let start = 100 + n % 40 * 500;
            let want = start..start + 700;
            let got = object.read(std::slice::from_ref(&want)).await.unwrap();
            assert_eq!(got[0], part(&all, &want));
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // All of 100..20300, and the start.
    assert_eq!(server.bytes(), 39 * 500 + 700 + 10);
}

#[tokio::test]
async fn much_data_at_once_is_not_kept() {
    let server = RangeServer::builder()
        .object("/a", content(1 << 20))
        .start()
        .await;
    let options = ClientOptions::default()
        .with_head_read(0)
        .with_cache_bytes(800_000);
    let client = Client::new(options);
    let object = client.open(&server.url_of("a")).await.unwrap();
    let requests = async |range: Range<u64>| {
        server.reset();
        object.read(&[range]).await.unwrap();
        server.requests()
    };
    assert_eq!(requests(0..90_000).await, 1);
    assert_eq!(requests(0..90_000).await, 0);
    assert_eq!(requests(500_000..700_000).await, 1);
    assert_eq!(requests(500_000..700_000).await, 1);
    // What was kept before still is.
    assert_eq!(requests(10_000..90_000).await, 0);
}

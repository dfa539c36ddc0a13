//! Servers that do not behave.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::time::{Duration, Instant};

use chunkref_io::{Client, ClientOptions, Error};
use chunkref_testkit::{Fault, RangeServer, When, content};

fn options() -> ClientOptions {
    ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_head_read(100)
        .with_merge_gap(0)
}

fn status(code: u16, retry_after: Option<&str>) -> Fault {
    Fault::Status {
        code,
        retry_after: retry_after.map(str::to_owned),
    }
}

async fn serve(fault: Fault, when: When) -> RangeServer {
    RangeServer::builder()
        .object("/a", content(10_000))
        .fault(fault, when)
        .start()
        .await
}

async fn read_error(server: &RangeServer, options: ClientOptions) -> Error {
    let client = Client::new(options);
    let object = client.open(&server.url_of("a?token=secret")).await.unwrap();
    let error = object.read(&[0..200]).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert_eq!(error.url(), server.url_of("a"));
    let asked = server.log().pop().unwrap();
    assert_eq!(asked.query.as_deref(), Some("token=secret"));
    error
}

#[tokio::test]
async fn passing_faults_are_got_over() {
    for fault in [
        Fault::Reset,
        Fault::Truncate(7),
        status(408, None),
        status(429, None),
        status(500, None),
        status(503, Some("0")),
    ] {
        let server = serve(fault.clone(), When::First(3)).await;
        let client = Client::new(options());
        let object = client.open(&server.url_of("a")).await.unwrap();
        let got = object.read(&[0..200]).await.unwrap();
        assert_eq!(got[0], content(10_000)[0..200], "{fault:?}");
        assert_eq!(server.requests(), 4, "{fault:?}");
        let stats = client.log().snapshot();
        assert_eq!((stats.requests, stats.retries), (4, 3), "{fault:?}");
    }
}

#[tokio::test]
async fn answers_that_stop_coming_are_got_over() {
    let options = || {
        options()
            .with_read_timeout(Duration::from_millis(60))
            .with_attempt_timeout(Duration::from_millis(200))
    };
    for (fault, at_most) in [
        // Nothing after the head; after the first bytes.
        (Fault::Stall(0), 140),
        (Fault::Stall(50), 140),
        // Never silent for long, and never done.
        (
            Fault::Drip {
                piece: 1,
                pause: Duration::from_millis(20),
            },
            280,
        ),
        (Fault::Delay(Duration::from_mins(1)), 140),
    ] {
        let server = serve(fault.clone(), When::First(1)).await;
        let client = Client::new(options());
        let object = client.open(&server.url_of("a")).await.unwrap();
        let started = Instant::now();
        let got = object.read(&[0..200]).await.unwrap();
        let took = started.elapsed();
        assert_eq!(got[0], content(10_000)[0..200], "{fault:?}");
        assert!(took >= Duration::from_millis(60), "{fault:?}: {took:?}");
        // Not once on a machine that is slow itself.
        let stats = client.log().snapshot();
        assert!(stats.retries >= 1, "{fault:?}");
        assert_eq!(stats.requests, stats.retries + 1, "{fault:?}");
        let bound = Duration::from_millis(at_most + 3000);
        assert!(took < bound, "{fault:?}: {took:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_late_is_gone_on_with() {
    let size = 300_000_u64;
    for fault in [Fault::Truncate(100_000), Fault::Stall(100_000)] {
        let server = RangeServer::builder()
            .object("/a", content(300_000))
            .fault(fault.clone(), When::First(2))
            .start()
            .await;
        let options = options().with_read_timeout(Duration::from_millis(400));
        let client = Client::new(options);
        let object = client.open(&server.url_of("a")).await.unwrap();
        assert_eq!(object.read(&[0..size]).await.unwrap()[0], content(300_000));
        let asked: Vec<_> = server.log().into_iter().filter_map(|e| e.range).collect();
        assert_eq!(asked, [0..size, 100_000..size, 200_000..size], "{fault:?}");
        let stats = client.log().snapshot();
        assert_eq!((stats.bytes, stats.retries), (size, 2), "{fault:?}");
    }
    // An object that is replaced in between is not put together of two.
    let server = RangeServer::builder()
        .object("/a", content(300_000))
        .fault(Fault::Truncate(100_000), When::First(1))
        .fault(Fault::Replace, When::After(1))
        .start()
        .await;
    let client = Client::new(options());
    let object = client.open(&server.url_of("a")).await.unwrap();
    let error = object.read(&[0..size]).await.unwrap_err();
    assert!(
        matches!(&error, Error::Changed { what: "ETag", .. }),
        "{error}"
    );
    // One that breaks off forever is given up.
    server.set_fault(Fault::Truncate(100), When::Always);
    let error = read_error(&server, options().with_retries(3)).await;
    assert!(error.to_string().contains("(attempts: 4)"), "{error}");
}

#[tokio::test]
async fn every_other_request_may_fail() {
    let server = serve(Fault::Truncate(3), When::Every(3)).await;
    // Which ranges meet the fault is chance: one of 400 may meet it six times in a row.
    let client = Client::new(options().with_retries(40));
    let object = client.open(&server.url_of("a")).await.unwrap();
    let wants: Vec<_> = (0..400).map(|n| n * 25..n * 25 + 20).collect();
    let got = object.read(&wants).await.unwrap();
    assert_eq!(got[399], content(10_000)[9975..9995]);
}

#[tokio::test]
async fn retries_end() {
    let server = serve(status(503, None), When::Always).await;
    let error = read_error(&server, options().with_retries(2)).await;
    assert_eq!(server.requests(), 3);
    assert!(
        error
            .to_string()
            .ends_with("bytes 0..200: status 503 Service Unavailable (attempts: 3)"),
        "{error}"
    );
    // 100 objects on a host that is down: 600 requests, were it not for the budget.
    server.reset();
    let client = Client::new(options().with_retry_budget(100));
    let reads = (0..100).map(|n| {
        let (client, url) = (client.clone(), server.url_of(&n.to_string()));
        async move { client.open(&url).await.unwrap().size().await.unwrap_err() }
    });
    let errors = futures::future::join_all(reads).await;
    let spent = errors
        .iter()
        .filter(|error| error.to_string().contains("too many requests to this host"));
    assert!(spent.count() >= 80);
    assert_eq!(server.requests(), 200);
}

#[tokio::test]
async fn retry_after_is_kept_to() {
    let server = serve(status(503, Some("1")), When::First(1)).await;
    let client = Client::new(options());
    let object = client.open(&server.url_of("a")).await.unwrap();
    let started = Instant::now();
    object.size().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    // One that is longer than anyone waits is said at once.
    server.set_fault(status(429, Some("86400")), When::Always);
    let error = read_error(&server, options()).await;
    assert!(
        error.to_string().contains("asked to wait 86400 s"),
        "{error}"
    );
}

#[tokio::test]
async fn a_host_that_is_busy_is_left_alone_for_a_while() {
    // All of 300 requests would run into the pause: 32 at once do.
    let server = serve(status(503, Some("1")), When::First(32)).await;
    let client = Client::new(options().with_retry_budget(40));
    let object = client.open(&server.url_of("a")).await.unwrap();
    let wants: Vec<_> = (10..310).map(|n| n * 30..n * 30 + 20).collect();
    object.read(&wants).await.unwrap();
    assert_eq!(client.log().snapshot().retries, 32);
    assert_eq!(server.requests(), 332);
}

#[tokio::test]
async fn refusals_are_said_at_once() {
    for (code, text) in [
        (404, ": not found"),
        (410, ": not found"),
        (401, ": access was denied: status 401 Unauthorized"),
        (403, ": access was denied: status 403 Forbidden"),
        (400, ": bytes 0..200: status 400 Bad Request"),
        (501, ": bytes 0..200: status 501 Not Implemented"),
    ] {
        let server = serve(status(code, None), When::Always).await;
        let error = read_error(&server, options()).await;
        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn wrong_answers_are_refused() {
    for (fault, text) in [
        (
            Fault::ContentRange("bytes 1-200/10000".into()),
            "another range",
        ),
        (
            Fault::ContentRange("bytes 0-100/10000".into()),
            "another range",
        ),
        (
            Fault::ContentRange("bytes 0-199/*".into()),
            "expected \"bytes first-last/size\"",
        ),
        (
            Fault::ContentRange("nonsense".into()),
            "expected \"bytes first-last/size\"",
        ),
        (
            Fault::Header("Content-Encoding".into(), "gzip".into()),
            "Content-Encoding gzip",
        ),
        (Fault::Gzip, "Content-Encoding gzip"),
        (Fault::ShiftRange, "another range: bytes 1-200/10000"),
    ] {
        let server = serve(fault, When::Always).await;
        let error = read_error(&server, options()).await;
        assert!(matches!(error, Error::Response { .. }), "{error:?}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(server.requests(), 1);
    }
    // Without a size, or with a wrong one, the body is longer or shorter than it says.
    let server = serve(Fault::ContentRange("bytes 0-149/150".into()), When::Always).await;
    let error = read_error(&server, options()).await;
    assert!(
        error
            .to_string()
            .contains("longer than the 150 bytes expected"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_ranges_serves_small_objects() {
    let server = serve(Fault::IgnoreRange, When::Always).await;
    let client = Client::new(options());
    let object = client.open(&server.url_of("a")).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 10_000);
    let got = object
        .read(&[9000..9010, 100..200, 0..10_000])
        .await
        .unwrap();
    assert_eq!(got[0], content(10_000)[9000..9010]);
    assert_eq!(server.requests(), 1);
    let error = object.read(&[9000..10_001]).await.unwrap_err();
    assert!(matches!(error, Error::PastEnd { size: 10_000, .. }));
    let error = read_error(&server, options().with_whole_object(9_999)).await;
    assert!(error.to_string().contains("ignores Range"), "{error}");
    assert!(error.to_string().contains("(10000 bytes)"), "{error}");
}

#[tokio::test]
async fn a_changed_object_is_named() {
    let server = RangeServer::builder()
        .object("/a", content(10_000))
        .start()
        .await;
    for (now, what) in [(content(9_000), "size"), (vec![9; 10_000], "ETag")] {
        server.put("/a", content(10_000));
        let client = Client::new(options());
        let object = client.open(&server.url_of("a")).await.unwrap();
        object.read(&[0..10]).await.unwrap();
        server.put("/a", now);
        let error = object.read(&[500..600]).await.unwrap_err();
        assert!(
            matches!(&error, Error::Changed { what: found, .. } if *found == what),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains("/a: changed since it was first read")
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_given_up() {
    let server = RangeServer::builder().start().await;
    let url = server.url_of("a");
    drop(server);
    let client = Client::new(options());
    let error = client.open(&url).await.unwrap().size().await.unwrap_err();
    assert!(
        matches!(error, Error::Unavailable { attempts: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_silent_times_out() {
    let server = serve(Fault::Delay(Duration::from_mins(1)), When::First(1)).await;
    let client = Client::new(options().with_attempt_timeout(Duration::from_secs(1)));
    let object = client.open(&server.url_of("a")).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 10_000);
    assert_eq!(client.log().snapshot().retries, 1);
}

//! HTTPS: certificates, HTTP/2, and redirects that may not leave it.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::path::PathBuf;
use std::time::Duration;

use chunkref_io::{Client, ClientOptions, Error};
use chunkref_testkit::{Fault, RangeServer, When, content};

/// A server, and the options of a client that trusts it.
async fn serve(http2: bool, fault: Option<(Fault, When)>) -> (RangeServer, Trusted) {
    let mut builder = RangeServer::builder()
        .object("/a", content(1 << 20))
        .tls(http2);
    if let Some((fault, when)) = fault {
        builder = builder.fault(fault, when);
    }
    let server = builder.start().await;
    let trusted = Trusted::new(&[&server]);
    (server, trusted)
}

/// Certificates in a file.
struct Trusted {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Trusted {
    fn new(servers: &[&RangeServer]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.pem");
        let bundle: String = servers.iter().filter_map(|s| s.certificate()).collect();
        std::fs::write(&path, bundle).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    fn options(&self) -> ClientOptions {
        ClientOptions::default()
            .with_backoff(Duration::from_millis(2))
            .with_head_read(100)
            .with_merge_gap(0)
            .with_concurrency(8)
            .with_ca_bundle(Some(self.path.clone()))
    }
}

fn spread() -> Vec<std::ops::Range<u64>> {
    (0..24).map(|n| n * 40_000..n * 40_000 + 100).collect()
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered_over_one_connection() {
    let all = content(1 << 20);
    for (offered, http1_only) in [(true, false), (true, true), (false, false)] {
        let (server, trusted) = serve(offered, None).await;
        let options = trusted.options().with_http1_only(http1_only);
        let client = Client::new(options);
        let object = client.open(&server.url_of("a")).await.unwrap();
        object.size().await.unwrap();
        let got = object.read(&spread()).await.unwrap();
        for (range, got) in spread().iter().zip(got) {
            let start = usize::try_from(range.start).unwrap();
            assert_eq!(got, all[start..start + 100]);
        }
        let http2 = offered && !http1_only;
        assert!(server.log().iter().all(|entry| entry.http2 == http2));
        assert!(server.max_in_flight() <= 8, "{}", server.max_in_flight());
        if http2 {
            assert_eq!(server.connections(), 1);
        }
    }
}

#[tokio::test]
async fn faults_of_http2_are_got_over_too() {
    for fault in [
        Fault::Reset,
        Fault::Truncate(7),
        Fault::Status {
            code: 503,
            retry_after: Some("0".into()),
        },
    ] {
        let (server, trusted) = serve(true, Some((fault.clone(), When::First(3)))).await;
        let client = Client::new(trusted.options());
        let object = client.open(&server.url_of("a")).await.unwrap();
        let got = object.read(&[0..200]).await.unwrap();
        assert_eq!(got[0], content(1 << 20)[0..200], "{fault:?}");
        assert_eq!(client.log().snapshot().retries, 3, "{fault:?}");
        assert!(server.log().iter().all(|entry| entry.http2));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_gone_on_with() {
    for http2 in [false, true] {
        let (server, trusted) =
            serve(http2, Some((Fault::Truncate(100_000), When::First(2)))).await;
        let client = Client::new(trusted.options().with_keep_records(true));
        let object = client.open(&server.url_of("a")).await.unwrap();
        let got = object.read(&[0..1 << 20]).await.unwrap();
        assert_eq!(got[0], content(1 << 20), "{http2}");
        let ranges: Vec<_> = server.log().into_iter().filter_map(|e| e.range).collect();
        assert_eq!(
            ranges,
            [0..1 << 20, 100_000..1 << 20, 200_000..1 << 20],
            "{http2}"
        );
        assert_eq!(client.log().snapshot().retries, 2);
        assert_eq!(client.log().snapshot().bytes, 1 << 20);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named() {
    let (server, _) = serve(true, None).await;
    let client = Client::new(ClientOptions::default().with_retries(0));
    let object = client.open(&server.url_of("a")).await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(server.requests(), 0);
    // A bundle that is none.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing.pem");
    for (content, reason) in [(None, "No such file"), (Some("text"), "none found")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let options = ClientOptions::default().with_ca_bundle(Some(path.clone()));
        let object = Client::new(options).open(&server.url_of("a")).await;
        let error = object.unwrap().size().await.unwrap_err();
        assert!(error.to_string().contains("nothing.pem"), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn https_never_leads_to_http() {
    let plain = RangeServer::builder()
        .object("/a", content(1000))
        .start()
        .await;
    let to_plain = (Fault::Redirect(plain.url_of("a")), When::Always);
    let (server, trusted) = serve(true, Some(to_plain)).await;
    let client = Client::new(trusted.options());
    let object = client.open(&server.url_of("a")).await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(matches!(error, Error::Response { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("redirects from https to http, which is not followed"),
        "{error}"
    );
    assert_eq!(plain.requests(), 0);
    assert_eq!(server.requests(), 1);
    // The other way is followed.
    server.clear_faults();
    plain.set_fault(Fault::Redirect(server.url_of("a")), When::Always);
    let object = client.open(&plain.url_of("a")).await.unwrap();
    assert_eq!(object.size().await.unwrap(), 1 << 20);
}

#[tokio::test]
async fn between_hosts_of_https_the_login_stays_behind() {
    let data = RangeServer::builder()
        .object("/data", content(1 << 20))
        .tls(true)
        .start()
        .await;
    let front = RangeServer::builder()
        .fault(
            Fault::Redirect(data.url_of("data?key=secret")),
            When::Always,
        )
        .tls(false)
        .start()
        .await;
    let trusted = Trusted::new(&[&data, &front]);
    let client = Client::new(trusted.options().with_keep_records(true));
    let url = front
        .url_of("a")
        .replace("https://", "https://user:secret@");
    let object = client.open(&url).await.unwrap();
    object.size().await.unwrap();
    object.read(&spread()).await.unwrap();
    assert_eq!(front.requests(), 1);
    assert!(front.log()[0].authorization.is_some());
    assert!(data.log().iter().all(|entry| entry.authorization.is_none()));
    let shown = format!("{object:?} {client:?} {:?}", client.log().entries());
    assert!(!shown.contains("secret"), "{shown}");
}

//! Who asks: what an authority gives goes to the hosts that it is for, and to no other.

#![expect(
    clippy::single_range_in_vec_init,
    reason = "a wave of one range is meant"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chunkref_io::{
    Authority, AwsCredential, BucketKeys, Client, ClientOptions, Error, HeaderValue, Request, Url,
};
use chunkref_testkit::{Fault, RangeServer, S3Server, When};

/// Gives `Bearer secret-N` to the servers it trusts; N counts renewals.
#[derive(Debug, Default)]
struct Badge {
    trusted: Vec<u16>,
    renewals: AtomicU32,
    most_renewals: u32,
    keys: Option<Arc<Renewed>>,
}

impl Badge {
    fn for_servers(servers: &[&RangeServer]) -> Self {
        Self {
            trusted: servers.iter().map(|one| one.address().port()).collect(),
            ..Self::default()
        }
    }

    fn trusts(&self, url: &Url) -> bool {
        url.port().is_some_and(|port| self.trusted.contains(&port))
    }
}

#[async_trait]
impl Authority for Badge {
    async fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, String> {
        if url.path() == "/lost" {
            return Err("no login: log in first".to_owned());
        }
        let number = self.renewals.load(Ordering::SeqCst);
        let value = HeaderValue::from_str(&format!("Bearer secret-{number}")).unwrap();
        Ok(self.trusts(url).then_some(value))
    }

    async fn refused(&self, _url: &Url, sent: &HeaderValue) -> bool {
        assert!(sent.to_str().unwrap().starts_with("Bearer secret-"));
        self.renewals.fetch_add(1, Ordering::SeqCst) < self.most_renewals
    }

    fn keeps_cookies(&self, url: &Url) -> bool {
        self.trusts(url)
    }

    fn advice(&self, _url: &Url, status: Option<u16>, _body: &str) -> Option<String> {
        Some(format!("do what helps with {status:?}"))
    }

    fn keys(&self, bucket: &str, _key: &str) -> Option<Arc<dyn BucketKeys>> {
        let keys: Arc<dyn BucketKeys> = self.keys.clone()?;
        (bucket == "granules").then_some(keys)
    }
}

fn client(badge: Badge) -> Client {
    let options = ClientOptions::default()
        .with_backoff(Duration::from_millis(2))
        .with_head_read(100)
        .with_merge_gap(0)
        .with_keep_records(true)
        .with_authority(Arc::new(badge));
    Client::new(options)
}

fn status(code: u16) -> Fault {
    Fault::Status {
        code,
        retry_after: None,
    }
}

fn data() -> Vec<u8> {
    vec![5; 10_000]
}

#[tokio::test]
async fn neither_token_nor_cookie_goes_to_a_host_that_is_not_trusted() {
    let elsewhere = RangeServer::builder().object("/data", data()).start().await;
    let front = RangeServer::builder()
        .fault(
            Fault::Redirect(elsewhere.url_of("data?signature=secret")),
            When::Always,
        )
        .fault(
            Fault::Header("Set-Cookie".into(), "session=secret; Path=/".into()),
            When::Always,
        )
        .start()
        .await;
    let client = client(Badge::for_servers(&[&front]));
    for name in ["a", "b"] {
        let object = client.open(&front.url_of(name)).await.unwrap();
        assert_eq!(object.size().await.unwrap(), 10_000);
        object.read(&[0..10, 5000..5010]).await.unwrap();
        let shown = format!("{object:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    let log = front.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].cookie, None);
    assert_eq!(log[1].cookie.as_deref(), Some("session=secret"));
    for entry in log {
        assert_eq!(entry.authorization.as_deref(), Some("Bearer secret-0"));
    }
    assert!(elsewhere.requests() >= 4);
    for entry in elsewhere.log() {
        assert_eq!((entry.authorization, entry.cookie), (None, None));
    }
    let shown = format!("{client:?} {:?}", client.log().entries());
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_host_that_is_trusted_is_told_also_after_a_redirect() {
    let second = RangeServer::builder().object("/data", data()).start().await;
    let first = RangeServer::builder()
        .fault(Fault::Redirect(second.url_of("data")), When::Always)
        .start()
        .await;
    let client = client(Badge::for_servers(&[&second]));
    let object = client.open(&first.url_of("a")).await.unwrap();
    object.read(&[0..10]).await.unwrap();
    assert_eq!(first.log()[0].authorization, None);
    let sent = second.log()[0].authorization.clone();
    assert_eq!(sent.as_deref(), Some("Bearer secret-0"));
}

#[tokio::test]
async fn a_login_in_the_url_goes_before() {
    let server = RangeServer::builder().object("/a", data()).start().await;
    let client = client(Badge::for_servers(&[&server]));
    let url = server.url_of("a").replace("http://", "http://user:pass@");
    client.open(&url).await.unwrap().size().await.unwrap();
    let sent = server.log()[0].authorization.clone();
    assert_eq!(sent.as_deref(), Some("Basic dXNlcjpwYXNz"));
}

#[tokio::test]
async fn what_is_not_accepted_is_renewed_once() {
    let server = RangeServer::builder().object("/a", data()).start().await;
    for (refusals, most_renewals, requests, is_read) in
        [(1, 9, 2, true), (2, 9, 2, false), (1, 0, 1, false)]
    {
        server.reset();
        server.set_fault(status(401), When::First(refusals));
        let badge = Badge {
            most_renewals,
            ..Badge::for_servers(&[&server])
        };
        let client = client(badge);
        let object = client.open(&server.url_of("a")).await.unwrap();
        let read = object.size().await;
        assert_eq!(read.is_ok(), is_read, "{read:?}");
        assert_eq!(server.requests(), requests);
        let log = server.log();
        if requests == 2 {
            assert_eq!(log[1].authorization.as_deref(), Some("Bearer secret-1"));
        }
        if let Err(error) = read {
            assert!(matches!(error, Error::Denied { .. }), "{error}");
            let text = error.to_string();
            assert!(text.ends_with("do what helps with Some(401)"), "{text}");
        }
        // The same for a service.
        server.reset();
        server.set_fault(status(401), When::First(refusals));
        let request = Request::get(&server.url_of("a")).unwrap().with_login();
        let response = client.request(&request).await.unwrap();
        assert_eq!(server.requests(), requests);
        assert_eq!(response.is_success(), is_read);
    }
}

#[tokio::test]
async fn where_there_is_no_use_in_asking_nothing_is_asked() {
    let server = RangeServer::builder().object("/lost", data()).start().await;
    let client = client(Badge::for_servers(&[&server]));
    let object = client.open(&server.url_of("lost")).await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(error.to_string().ends_with("log in first"), "{error}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_page_in_place_of_data_is_an_error_that_says_so() {
    let page = b"\n<!DOCTYPE html><title>Terms</title>".to_vec();
    let html = Fault::Header("Content-Type".into(), "text/html; charset=utf-8".into());
    for ignores_range in [true, false] {
        let mut builder = RangeServer::builder()
            .object("/a", page.clone())
            .object("/data", data())
            .fault(html.clone(), When::Always);
        if ignores_range {
            builder = builder.fault(Fault::IgnoreRange, When::Always);
        }
        let server = builder.start().await;
        let client = client(Badge::for_servers(&[&server]));
        let object = client.open(&server.url_of("a")).await.unwrap();
        let error = object.size().await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("an HTML page in place of data"), "{text}");
        assert!(text.ends_with("do what helps with None"), "{text}");
        assert_eq!(object.pin().size, None);
        // A server that calls everything HTML may have data all the same.
        let object = client.open(&server.url_of("data")).await.unwrap();
        assert_eq!(object.size().await.unwrap(), 10_000);
    }
}

#[tokio::test]
async fn services_are_asked_through_redirects_where_a_login_is_meant() {
    let end = RangeServer::builder().object("/end", "keys").start().await;
    let start = RangeServer::builder()
        .fault(Fault::Redirect(end.url_of("end")), When::Always)
        .start()
        .await;
    let client = client(Badge::for_servers(&[&start]));
    let request = Request::get(&start.url_of("s3credentials")).unwrap();
    assert_eq!(client.request(&request).await.unwrap().status(), 302);
    assert_eq!(start.log()[0].authorization, None);
    let response = client.request(&request.with_login()).await.unwrap();
    assert_eq!(response.body().as_ref(), b"keys");
    let sent = start.log()[1].authorization.clone();
    assert_eq!(sent.as_deref(), Some("Bearer secret-0"));
    assert_eq!(end.log()[0].authorization, None);
}

/// Keys whose session token is the number of renewals.
#[derive(Debug)]
struct Renewed {
    renewals: AtomicU32,
}

#[async_trait]
impl BucketKeys for Renewed {
    async fn get(&self) -> Result<Arc<AwsCredential>, String> {
        match self.renewals.load(Ordering::SeqCst) {
            9.. => Err("no keys: log in first".to_owned()),
            number => Ok(Arc::new(AwsCredential {
                key_id: "id".to_owned(),
                secret_key: "s3cr3t-key".to_owned(),
                token: Some(format!("s3cr3t-token-{number}")),
            })),
        }
    }

    async fn refused(&self, keys: &AwsCredential) -> bool {
        let now = self.get().await.unwrap();
        if *now == *keys {
            self.renewals.fetch_add(1, Ordering::SeqCst);
        }
        true
    }

    fn region(&self) -> Option<String> {
        Some("us-west-2".to_owned())
    }
}

fn bucket_client(server: &S3Server, renewals: u32) -> Client {
    let badge = Badge {
        keys: Some(Arc::new(Renewed {
            renewals: AtomicU32::new(renewals),
        })),
        ..Badge::default()
    };
    let options = ClientOptions::default()
        .with_head_read(100)
        .with_merge_gap(0)
        .with_store_option("aws_endpoint", server.endpoint())
        .with_store_option("aws_allow_http", "true")
        .with_authority(Arc::new(badge));
    Client::new(options)
}

#[tokio::test]
async fn keys_of_a_bucket_are_renewed_when_the_server_calls_them_expired() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::builder(folder.path())
        .object("granules", "a.h5", data())
        .keys("id", "s3cr3t-key")
        .token("s3cr3t-token-1")
        .start()
        .await;
    let client = bucket_client(&server, 0);
    let object = client.open("s3://granules/a.h5").await.unwrap();
    let wants: Vec<_> = (0..20).map(|n| n * 400..n * 400 + 10).collect();
    object.read(&wants).await.unwrap();
    let log = server.log();
    assert!(log.iter().any(|one| one.status == 206));
    assert!(log.iter().any(|one| one.status == 403));
    for one in &log {
        assert_eq!(one.signed_for.as_deref(), Some("us-west-2"));
    }
    let shown = format!("{client:?} {object:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
    // Keys that are never right end in an error that says so, after one more try.
    server.reset();
    let client = bucket_client(&server, 2);
    let object = client.open("s3://granules/a.h5").await.unwrap();
    let error = object.size().await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    assert!(error.to_string().contains("InvalidToken"), "{error}");
    assert_eq!(server.log().len(), 2);
    // Without keys the reason is theirs.
    let client = bucket_client(&server, 9);
    let object = client.open("s3://granules/a.h5").await.unwrap();
    let error = object.size().await.unwrap_err().to_string();
    assert!(error.ends_with("no keys: log in first"), "{error}");
    // Buckets of which the authority knows nothing are opened as before.
    let error = client.open("s3://others/a.h5").await.unwrap_err();
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
}

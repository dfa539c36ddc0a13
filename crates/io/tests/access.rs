//! Objects to which two ways lead: from a bucket, and over http.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chunkref_io::{
    Access, Authority, BucketInfo, Client, ClientOptions, Credentials, Error, HeaderValue, Notices,
    Pin, Url,
};
use chunkref_testkit::{Fault, RangeServer, S3Server, When, content};

const SECRET: &str = "s3cr3t-key";

/// One folder behind two servers.
struct Archive {
    _folder: tempfile::TempDir,
    bucket: S3Server,
    web: RangeServer,
    told: Arc<Mutex<Vec<String>>>,
}

impl Archive {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = S3Server::builder(folder.path())
            .object("archive", "a.h5", content(100_000))
            .object("archive", "b.h5", content(100_000))
            .object("other", "c.h5", content(100_000))
            .keys("id", SECRET)
            .start()
            .await;
        let web = RangeServer::builder().root(folder.path()).start().await;
        Self {
            _folder: folder,
            bucket,
            web,
            told: Arc::default(),
        }
    }

    fn urls(&self, name: &str) -> [String; 2] {
        [format!("s3://{name}"), self.web.url_of(name)]
    }

    fn options(&self, access: Access) -> ClientOptions {
        let told = Arc::clone(&self.told);
        let notices = Notices::new(move |text| told.lock().unwrap().push(text.to_owned()));
        ClientOptions::default()
            .with_access(access)
            .with_notices(Some(notices))
            .with_head_read(100)
            .with_retries(0)
            .with_store_option("aws_endpoint", self.bucket.endpoint())
            .with_store_option("aws_allow_http", "true")
    }

    fn client(&self, access: Access) -> Client {
        Client::new(
            self.options(access)
                .with_store_option("aws_access_key_id", "id")
                .with_store_option("aws_secret_access_key", SECRET),
        )
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

/// Reads a piece of an object by the way that is chosen.
async fn read(client: &Client, urls: &[String; 2], pin: Pin) -> Result<String, Error> {
    let urls = urls.each_ref().map(String::as_str);
    let object = client.open_any(&urls, pin).await?;
    let read = object.read(&[70_000..70_050, 90_000..90_050]).await?;
    assert_eq!(read[0], content(100_000)[70_000..70_050]);
    Ok(object.url().to_owned())
}

#[tokio::test]
async fn a_bucket_is_proved_once_and_then_read() {
    let archive = Archive::new().await;
    let client = archive.client(Access::Auto);
    for name in ["archive/a.h5", "archive/b.h5", "archive/a.h5", "other/c.h5"] {
        let url = read(&client, &archive.urls(name), Pin::default()).await;
        assert_eq!(url.unwrap(), format!("s3://{name}"));
    }
    let log = archive.bucket.log();
    let proofs = log
        .iter()
        .filter(|one| one.range.as_deref() == Some("bytes=0-0"));
    assert_eq!(proofs.count(), 2, "{log:?}");
    assert_eq!(archive.web.requests(), 0);
    assert_eq!(archive.told(), [""; 0]);
    let stats = client.log().snapshot();
    assert_eq!(stats.external_bytes, 0);
    assert_eq!(stats.direct_bytes, stats.bytes);
    assert!(stats.direct_bytes >= 200);
}

#[tokio::test]
async fn a_bucket_that_refuses_is_asked_once_and_told_of_once() {
    let archive = Archive::new().await;
    archive.bucket.set_denied(true);
    let client = archive.client(Access::Auto);
    let urls = archive.urls("archive/a.h5");
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (client, urls) = (client.clone(), urls.clone());
            tokio::spawn(async move { read(&client, &urls, Pin::default()).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), urls[1]);
    }
    assert_eq!(archive.bucket.log().len(), 1);
    let told = archive.told();
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "s3://archive ",
        "AccessDenied",
        "https",
        "--access external",
    ] {
        assert!(told[0].contains(part), "{told:?}");
    }
    let stats = client.log().snapshot();
    assert_eq!(stats.direct_bytes + stats.external_bytes, stats.bytes);
    assert!(stats.external_bytes >= 32 * 50);
}

#[tokio::test]
async fn without_keys_nothing_is_asked_and_nothing_told() {
    let archive = Archive::new().await;
    let client = Client::new(archive.options(Access::Auto));
    let urls = archive.urls("archive/a.h5");
    assert_eq!(read(&client, &urls, Pin::default()).await.unwrap(), urls[1]);
    assert_eq!(archive.bucket.log().len(), 0);
    assert_eq!(archive.told(), [""; 0]);
}

#[tokio::test]
async fn one_way_alone_can_be_asked_for() {
    let archive = Archive::new().await;
    let urls = archive.urls("archive/a.h5");
    let external = archive.client(Access::External);
    assert_eq!(
        read(&external, &urls, Pin::default()).await.unwrap(),
        urls[1]
    );
    assert_eq!(archive.bucket.log().len(), 0);
    let direct = archive.client(Access::Direct);
    assert_eq!(read(&direct, &urls, Pin::default()).await.unwrap(), urls[0]);
    archive.bucket.set_denied(true);
    let before = archive.web.requests();
    let denied = archive.client(Access::Direct);
    let error = read(&denied, &urls, Pin::default()).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert_eq!(archive.web.requests(), before);
    // Where the way that is asked for is not known, it is said so.
    for (client, url) in [(&direct, &urls[1]), (&external, &urls[0])] {
        let error = client.choose(&[url.as_str()]).await.unwrap_err();
        assert!(error.to_string().contains("--access auto"), "{error}");
    }
}

#[tokio::test]
async fn an_object_that_is_not_in_the_bucket_says_nothing_of_others() {
    let archive = Archive::new().await;
    let client = archive.client(Access::Auto);
    archive.web.put("archive/new.h5", content(100_000));
    let urls = archive.urls("archive/new.h5");
    assert_eq!(read(&client, &urls, Pin::default()).await.unwrap(), urls[1]);
    let urls = archive.urls("archive/a.h5");
    assert_eq!(read(&client, &urls, Pin::default()).await.unwrap(), urls[0]);
    assert_eq!(archive.told(), [""; 0]);
}

#[tokio::test]
async fn the_size_is_pinned_by_every_way_and_an_etag_where_it_is_one_of_content() {
    let archive = Archive::new().await;
    let client = archive.client(Access::External);
    let mut urls = archive.urls("archive/a.h5");
    let mut pin = Pin::default();
    pin.size = Some(100_000);
    // Another server, another ETag: that of a file and not of content.
    pin.etag = Some("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned());
    pin.last_modified = Some("Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
    let url = read(&client, &urls, pin.clone()).await.unwrap();
    assert_eq!(url, urls[1]);
    // At the URL of which it was said, it counts.
    urls.reverse();
    let error = read(&client, &urls, pin.clone()).await.unwrap_err();
    assert!(
        matches!(error, Error::Changed { what: "ETag", .. }),
        "{error:?}"
    );
    urls.reverse();
    pin.size = Some(99_999);
    let error = read(&client, &urls, pin.clone()).await.unwrap_err();
    assert!(
        matches!(error, Error::Changed { what: "size", .. }),
        "{error:?}"
    );
    // A pin without a size can't be compared elsewhere.
    pin.size = None;
    let error = read(&client, &urls, pin.clone()).await.unwrap_err();
    assert!(error.to_string().contains("--access auto"), "{error}");
    // Content of which both have the sum is compared.
    let direct = archive.client(Access::Direct);
    urls.reverse();
    pin.size = Some(100_000);
    let error = read(&direct, &urls, pin).await.unwrap_err();
    assert!(
        matches!(error, Error::Changed { what: "ETag", .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_region_that_a_record_tells_is_signed_for() {
    let archive = Archive::new().await;
    let client = archive.client(Access::Direct);
    let told = [
        ("s3://archive/b/", "eu-central-1"),
        ("s3://other", "not a region!"),
    ];
    for (prefix, region) in told {
        client.learn(&BucketInfo::new(prefix).with_region(region));
    }
    for name in ["archive/a.h5", "other/c.h5"] {
        read(&client, &archive.urls(name), Pin::default())
            .await
            .unwrap();
    }
    let log = archive.bucket.log();
    let regions: Vec<_> = log.iter().map(|one| one.signed_for.as_deref()).collect();
    assert_eq!(regions[0], Some("eu-central-1"));
    assert_eq!(regions[regions.len() - 1], Some("us-east-1"));
}

/// A metadata service that knows a region, and what it was asked.
fn metadata_service(region: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            let has_token = head
                .iter()
                .any(|line| line.eq_ignore_ascii_case("x-aws-ec2-metadata-token: t1"));
            let body = match head[0].split(' ').next() {
                Some("PUT") => "t1",
                Some("GET") if has_token => region,
                _ => "",
            };
            log.lock().unwrap().push(head[0].clone());
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_machine_in_another_region_tries_https_first() {
    if std::env::var("AWS_REGION")
        .or(std::env::var("AWS_DEFAULT_REGION"))
        .is_ok()
    {
        // It would say where this machine is.
        return;
    }
    for (is_permitted, region, direct_first) in [
        (true, "us-east-1", false),
        (true, "us-west-2", true),
        (true, "what?", true),
        (false, "us-east-1", true),
    ] {
        let archive = Archive::new().await;
        let (service, asked) = metadata_service(region);
        let credentials = if is_permitted {
            Credentials::Instance
        } else {
            Credentials::Environment
        };
        let options = archive
            .options(Access::Auto)
            .with_credentials(credentials)
            .with_store_option("aws_metadata_endpoint", service)
            .with_store_option("aws_access_key_id", "id")
            .with_store_option("aws_secret_access_key", SECRET);
        let client = Client::new(options);
        client.learn(&BucketInfo::new("s3://archive/").with_region("us-west-2"));
        let urls = archive.urls("archive/a.h5");
        for _ in 0..2 {
            let url = read(&client, &urls, Pin::default()).await.unwrap();
            assert_eq!(url.starts_with("s3"), direct_first, "{region}");
        }
        let asked = asked.lock().unwrap().clone();
        assert_eq!(asked.len(), if is_permitted { 2 } else { 0 }, "{asked:?}");
        assert_eq!(archive.bucket.log().is_empty(), !direct_first);
        if direct_first {
            continue;
        }
        // The order is all that follows of it.
        let refused = Fault::Status {
            code: 403,
            retry_after: None,
        };
        archive.web.set_fault(refused, When::Always);
        let urls = archive.urls("archive/b.h5");
        let error = read(&client, &urls, Pin::default()).await.unwrap_err();
        let urls = urls.each_ref().map(String::as_str);
        let other = client.other_way(&urls, urls[1], &error).await;
        assert_eq!(other, Some(urls[0]));
        assert_eq!(archive.told(), [""; 0]);
    }
}

/// What is told of buckets.
#[derive(Debug, Default)]
struct Hears(Mutex<Vec<Option<String>>>);

#[async_trait]
impl Authority for Hears {
    async fn authorization(&self, _url: &Url) -> Result<Option<HeaderValue>, String> {
        Ok(None)
    }

    fn learn(&self, known: &BucketInfo) {
        self.0.lock().unwrap().push(known.region.clone());
    }
}

/// It would become a part of the name of the host that is sent the keys.
#[test]
fn a_region_that_is_none_is_not_taken() {
    let hears = Arc::new(Hears::default());
    let client = Client::new(ClientOptions::default().with_authority(hears.clone()));
    for region in ["a@localhost:1/", "evil.example/", "", "US", "us-west-2"] {
        client.learn(&BucketInfo::new("s3://bucket/").with_region(region));
    }
    let told = hears.0.lock().unwrap().clone();
    let expected = [None, None, None, None, Some("us-west-2".to_owned())];
    assert_eq!(told, expected);
}

//! Temporary keys, from endpoints behind a login, for buckets that check them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chunkref_earthdata::BucketAuthority;
use chunkref_io::{Authority, BucketInfo, Client, ClientOptions, Error, HeaderValue, Notices, Url};
use chunkref_testkit::{LoginPlace, LoginRefusal, LoginServer, S3Server, TemporaryKeys};

/// All secrets of the servers have this in them.
const SECRET: &str = "s3cr3t";
const HOUR: Duration = Duration::from_hours(1);

fn content() -> Vec<u8> {
    (0..100_000_u32)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// A token for one host.
#[derive(Debug)]
struct Token {
    host: String,
    bearer: HeaderValue,
}

#[async_trait]
impl Authority for Token {
    async fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, String> {
        let host = format!(
            "{}:{}",
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(0)
        );
        Ok((host == self.host).then(|| self.bearer.clone()))
    }
}

/// Two data centres, their buckets, and the login that both want.
struct Archive {
    _folder: tempfile::TempDir,
    login: LoginServer,
    bucket: S3Server,
    podaac: TemporaryKeys,
    nsidc: TemporaryKeys,
    told: Arc<Mutex<Vec<String>>>,
}

impl Archive {
    async fn new(lifetime: Duration, clock: i64) -> Self {
        let podaac = TemporaryKeys::new("podaac", &["sst"], lifetime);
        let nsidc = TemporaryKeys::new("nsidc", &["ice"], lifetime);
        if let Ok(ahead) = u64::try_from(clock) {
            podaac.advance(Duration::from_secs(ahead));
            nsidc.advance(Duration::from_secs(ahead));
        }
        let mut login = LoginServer::builder()
            .user("someone", "s3cr3t-password")
            .clock(clock);
        for (path, keys) in [("/podaac", &podaac), ("/nsidc", &nsidc)] {
            let keys = keys.clone();
            login = login.guarded(path, move |_| keys.answer());
        }
        let folder = tempfile::tempdir().unwrap();
        let bucket = S3Server::builder(folder.path())
            .object("sst", "a.h5", content())
            .object("ice", "b.h5", content())
            .temporary_keys(&podaac)
            .temporary_keys(&nsidc)
            .start()
            .await;
        Self {
            _folder: folder,
            login: login.start().await,
            bucket,
            podaac,
            nsidc,
            told: Arc::default(),
        }
    }

    fn authority(&self) -> BucketAuthority {
        let host = self.login.host(LoginPlace::Archive);
        let bearer = format!("Bearer {}", self.login.token("someone"));
        let mut bearer = HeaderValue::from_str(&bearer).unwrap();
        bearer.set_sensitive(true);
        let port = host.rsplit(':').next().unwrap().parse().unwrap();
        let login = Token { host, bearer };
        let trusts = move |url: &Url| url.port() == Some(port);
        let authority = BucketAuthority::new(Arc::new(login), &ClientOptions::default(), trusts);
        for (bucket, path) in [("sst", "podaac"), ("ice", "nsidc")] {
            let known = BucketInfo::new(format!("s3://{bucket}/"))
                .with_region("us-west-2")
                .with_credentials_endpoint(self.login.data_url(path));
            authority.learn(&known);
        }
        authority
    }

    fn client(&self) -> (Client, BucketAuthority) {
        let authority = self.authority();
        let told = Arc::clone(&self.told);
        let notices = Notices::new(move |text| told.lock().unwrap().push(text.to_owned()));
        let options = ClientOptions::default()
            .with_head_read(100)
            .with_merge_gap(0)
            .with_keep_records(true)
            .with_notices(Some(notices))
            .with_backoff(Duration::from_millis(1))
            .with_authority(Arc::new(authority.clone()))
            .with_store_option("aws_endpoint", self.bucket.endpoint())
            .with_store_option("aws_allow_http", "true");
        (Client::new(options), authority)
    }

    fn handed_out(&self) -> (u32, u32) {
        (self.podaac.handed_out(), self.nsidc.handed_out())
    }
}

/// Reads pieces that lie apart, one after another or all at once.
async fn read(client: &Client, url: &str, at_once: bool) -> Result<(), Error> {
    let object = client.open(url).await?;
    let ranges: Vec<_> = (0..20).map(|at| at * 4000..at * 4000 + 50).collect();
    let waves: Vec<_> = if at_once {
        vec![ranges]
    } else {
        ranges.into_iter().map(|range| vec![range]).collect()
    };
    for wave in waves {
        for (range, bytes) in wave.iter().zip(object.read(&wave).await?) {
            let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
            assert_eq!(bytes, content()[range]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn keys_of_two_centres_open_each_their_buckets() {
    let archive = Archive::new(HOUR, 0).await;
    let (client, authority) = archive.client();
    assert_eq!(archive.handed_out(), (0, 0));
    for _ in 0..2 {
        read(&client, "s3://sst/a.h5", false).await.unwrap();
        read(&client, "s3://ice/b.h5", true).await.unwrap();
    }
    assert_eq!(archive.handed_out(), (1, 1));
    assert_eq!(authority.renewals(), 2);
    let log = archive.bucket.log();
    assert!(log.iter().all(|one| one.status == 206), "{log:?}");
    let regions = log.iter().map(|one| one.signed_for.as_deref());
    assert!(regions.eq(log.iter().map(|_| Some("us-west-2"))));
    let shown = format!(
        "{client:?} {authority:?} {:?} {:?}",
        client.options(),
        client.log().entries()
    );
    assert!(
        !shown.contains(SECRET) && !shown.contains("ASIA"),
        "{shown}"
    );
}

#[tokio::test]
async fn many_tasks_at_once_ask_for_keys_once() {
    let archive = Archive::new(HOUR, 0).await;
    let (client, _) = archive.client();
    for round in 1..=2 {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    let object = client.open("s3://sst/a.h5").await?;
                    object.read(&[0..50, 50_000..50_050]).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(archive.handed_out(), (round, 0));
        // All at once find out that they have ended.
        archive.podaac.end_all();
    }
}

#[tokio::test]
async fn keys_that_end_in_the_middle_of_a_read_are_renewed() {
    for at_once in [false, true] {
        let archive = Archive::new(HOUR, 0).await;
        let (client, _) = archive.client();
        archive.podaac.end_all_after(7);
        read(&client, "s3://sst/a.h5", at_once).await.unwrap();
        assert_eq!(archive.handed_out(), (2, 0));
        let refused = archive.bucket.log();
        assert!(refused.iter().any(|one| one.status == 400), "{refused:?}");
    }
}

#[tokio::test]
async fn keys_that_the_server_no_longer_knows_are_renewed() {
    let archive = Archive::new(HOUR, 0).await;
    let (client, _) = archive.client();
    read(&client, "s3://sst/a.h5", false).await.unwrap();
    archive.podaac.forget_all();
    read(&client, "s3://sst/a.h5", false).await.unwrap();
    assert_eq!(archive.handed_out(), (2, 0));
}

#[tokio::test]
async fn a_clock_that_is_wrong_changes_nothing() {
    // Ours is a day and an hour behind that of the endpoint and of S3.
    let archive = Archive::new(HOUR, 90_000).await;
    let (client, _) = archive.client();
    for _ in 0..3 {
        read(&client, "s3://sst/a.h5", true).await.unwrap();
    }
    assert_eq!(archive.handed_out(), (1, 0));
    // As theirs goes on, keys end by it.
    archive.podaac.advance(2 * HOUR);
    read(&client, "s3://sst/a.h5", true).await.unwrap();
}

#[tokio::test]
async fn who_gets_no_keys_is_told_what_to_do() {
    let archive = Archive::new(HOUR, 0).await;
    let endpoint = archive.login.data_url("podaac");
    for (refusal, words) in [
        (LoginRefusal::Licence, ["status 403", "in a browser"]),
        (LoginRefusal::Terms, ["HTML", "terms"]),
    ] {
        archive.login.set_refusal(Some(refusal));
        let (client, _) = archive.client();
        let error = read(&client, "s3://sst/a.h5", true).await.unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, Error::Store { .. }), "{error:?}");
        for word in words.iter().chain([&endpoint.as_str()]) {
            assert!(told.contains(word), "{told}");
        }
        assert!(!told.contains(SECRET) && !told.contains('\n'), "{told}");
        // Who asks again at once hears the same, and the endpoint hears nothing.
        let before = archive.login.log().len();
        assert!(read(&client, "s3://sst/a.h5", true).await.is_err());
        assert_eq!(archive.login.log().len(), before);
    }
    archive.login.set_refusal(None);
    archive.login.revoke_tokens();
    archive.podaac.set_refusal(Some((500, "no")));
    let (client, _) = archive.client();
    let told = read(&client, "s3://sst/a.h5", true).await.unwrap_err();
    assert!(!told.to_string().contains(SECRET), "{told}");
    assert_eq!(archive.handed_out(), (0, 0));
}

#[tokio::test]
async fn where_there_are_no_keys_https_is_the_way() {
    let archive = Archive::new(HOUR, 0).await;
    archive.login.set_refusal(Some(LoginRefusal::Licence));
    let (client, _) = archive.client();
    let web = chunkref_testkit::RangeServer::builder()
        .object("a.h5", content())
        .start()
        .await;
    let urls = ["s3://sst/a.h5".to_owned(), web.url_of("a.h5")];
    for _ in 0..3 {
        let urls = urls.each_ref().map(String::as_str);
        assert_eq!(client.choose(&urls).await.unwrap(), urls[1]);
    }
    let told = archive.told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("no temporary keys from"), "{told:?}");
    assert!(archive.bucket.log().is_empty());
}

#[tokio::test]
async fn the_token_goes_to_the_endpoint_alone() {
    let archive = Archive::new(HOUR, 0).await;
    let evil = chunkref_testkit::RangeServer::builder()
        .object("s3credentials", "{}")
        .start()
        .await;
    let (client, authority) = archive.client();
    authority.learn(
        &BucketInfo::new("s3://evil/").with_credentials_endpoint(evil.url_of("s3credentials")),
    );
    assert!(read(&client, "s3://evil/a.h5", true).await.is_err());
    assert_eq!(evil.requests(), 0);
    read(&client, "s3://sst/a.h5", true).await.unwrap();
    let log = archive.login.log_of(LoginPlace::Login);
    assert!(log.is_empty(), "{log:?}");
}

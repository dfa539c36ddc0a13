//! Sets made where data are in reach one way, and read where they are in reach another way; with no
//! search to ask.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chunkref::earthdata::{BucketAuthority, Cmr, FileChoice, Granules};
use chunkref::io::{Authority, HeaderValue, Notices, Url};
use chunkref::manifest::{Location, Manifest, Prefix};
use chunkref::store::{ReadOptions, Selection};
use chunkref::verify::{VerifyOptions, verify};
use chunkref::{
    Access, Client, ClientOptions, Counter, GranuleFile, ManyOptions, ScanOptions, open, read_set,
    scan, scan_many, write,
};
use chunkref_testkit::{
    CmrCollection, CmrServer, LoginServer, RangeServer, S3Server, TemporaryKeys,
};
use futures::StreamExt as _;

const HOUR: Duration = Duration::from_hours(1);

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/granules");
    std::fs::read(path.join(name)).unwrap()
}

/// Nobody logs in.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Authority for Nobody {
    async fn authorization(&self, _: &Url) -> Result<Option<HeaderValue>, String> {
        Ok(None)
    }
}

/// Two buckets with an endpoint each, and the same files over http.
struct Archive {
    folder: tempfile::TempDir,
    bucket: S3Server,
    web: RangeServer,
    endpoints: RangeServer,
    keys: [TemporaryKeys; 2],
    told: Arc<Mutex<Vec<String>>>,
}

impl Archive {
    async fn new() -> Self {
        let keys = [
            TemporaryKeys::new("one", &["one"], HOUR),
            TemporaryKeys::new("two", &["two"], HOUR),
        ];
        let folder = tempfile::tempdir().unwrap();
        let days = ["20200601", "20200602"].map(|day| fixture(&format!("mur_like_{day}.nc")));
        let bucket = S3Server::builder(folder.path())
            .object("one", "2020/a b.nc", days[0].clone())
            .object("two", "2020/b.nc", days[1].clone())
            .temporary_keys(&keys[0])
            .temporary_keys(&keys[1])
            .start()
            .await;
        let web = RangeServer::builder().root(folder.path()).start().await;
        let endpoints = RangeServer::builder().start().await;
        Self {
            folder,
            bucket,
            web,
            endpoints,
            keys,
            told: Arc::default(),
        }
    }

    /// A client of a machine, which may or may not be where the buckets are.
    fn client(&self, access: Access) -> Client {
        let told = Arc::clone(&self.told);
        let notices = Notices::new(move |text| told.lock().unwrap().push(text.to_owned()));
        let options = ClientOptions::default()
            .with_access(access)
            .with_notices(Some(notices))
            .with_retries(0)
            .with_head_read(1000)
            .with_store_option("aws_endpoint", self.bucket.endpoint())
            .with_store_option("aws_allow_http", "true");
        let port = self.endpoints.address().port();
        let trusts = move |url: &Url| url.port() == Some(port);
        let authority = BucketAuthority::new(Arc::new(Nobody), &options, trusts);
        Client::new(options.with_authority(Arc::new(authority)))
    }

    /// Where keys are handed out: anew for each test that needs them anew.
    fn hand_out(&self) {
        for (name, keys) in ["one", "two"].iter().zip(&self.keys) {
            let (_, body) = keys.answer();
            self.endpoints.put(name, body);
        }
    }

    fn file(&self, bucket: &str, key: &str) -> GranuleFile {
        let name = format!("{bucket}/{key}");
        let web = self.web.url_of(&name.replace(' ', "%20"));
        let location = Location::new(web).with_alternates([format!("s3://{name}")]);
        let prefix = Prefix::new(format!("s3://{bucket}/"))
            .with_region("us-west-2")
            .with_credentials_endpoint(self.endpoints.url_of(bucket));
        GranuleFile::of_location(location, vec![prefix])
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

/// All of an array.
async fn values(client: &Client, set: &str) -> Vec<u8> {
    let store = open(client, set).await.unwrap();
    let read = store
        .read("/analysed_sst", &Selection::All, ReadOptions::default())
        .await;
    format!("{:?}", read.unwrap()).into_bytes()
}

async fn scanned(client: &Client, file: &GranuleFile) -> (String, Manifest) {
    let url = file.choose(client).await.unwrap();
    let scanned = scan(client, &url, &ScanOptions::default()).await;
    let mut manifest = scanned.unwrap().manifest;
    file.describe(&mut manifest);
    (url, manifest)
}

#[tokio::test]
async fn a_set_made_one_way_is_read_the_other() {
    for name in ["set.json", "set.parquet"] {
        for (here, there) in [
            (Access::Direct, Access::External),
            (Access::External, Access::Direct),
        ] {
            let archive = Archive::new().await;
            archive.hand_out();
            let file = archive.file("one", "2020/a b.nc");
            let (url, manifest) = scanned(&archive.client(here), &file).await;
            assert_eq!(url.starts_with("s3://"), here == Access::Direct);
            let location = manifest.locations.iter().next().unwrap().1;
            assert_eq!(location.url, url);
            assert_eq!(location.alternates.len(), 1);
            assert!(location.pin.size.is_some() && location.pin.etag.is_some());
            let set = archive.folder.path().join(name);
            let set = set.to_str().unwrap();
            write(&manifest, set).unwrap();

            let expected = values(&archive.client(here), set).await;
            archive.bucket.reset();
            archive.web.reset();
            // Where it is read there is but the other way.
            if there == Access::External {
                archive.bucket.set_denied(true);
            }
            let client = archive.client(there);
            assert_eq!(values(&client, set).await, expected);
            let stats = client.log().snapshot();
            let (came, not) = match there {
                Access::External => (stats.external_bytes, stats.direct_bytes),
                _ => (stats.direct_bytes, stats.external_bytes),
            };
            assert!(came > 0 && not == 0, "{stats:?}");
            // And by itself that is found out.
            let auto = archive.client(Access::Auto);
            assert_eq!(values(&auto, set).await, expected);
            let refused = usize::from(there == Access::External);
            assert_eq!(archive.told().len(), refused, "{:?}", archive.told());
            // Sets are proved the same way.
            let manifest = read_set(&client, set, None).await.unwrap().manifest;
            let options = VerifyOptions::default();
            let proof = verify(&client, &Arc::new(manifest), &options, &Counter::new()).await;
            assert!(proof.is_sound(), "{proof:?}");
        }
    }
}

#[tokio::test]
async fn what_changed_is_found_by_every_way() {
    let archive = Archive::new().await;
    archive.hand_out();
    let file = archive.file("one", "2020/a b.nc");
    let (_, manifest) = scanned(&archive.client(Access::Direct), &file).await;
    let set = archive.folder.path().join("set.json");
    write(&manifest, &set).unwrap();
    let mut longer = fixture("mur_like_20200601.nc");
    longer.push(0);
    archive.web.put("one/2020/a b.nc", longer);
    let store = open(&archive.client(Access::External), set.to_str().unwrap()).await;
    let read = store
        .unwrap()
        .read("/analysed_sst", &Selection::All, ReadOptions::default())
        .await;
    let error = read.unwrap_err().to_string();
    assert!(error.contains("size was"), "{error}");
    assert!(error.contains(&archive.web.url()), "{error}");
}

#[tokio::test]
async fn a_bucket_that_begins_to_refuse_is_left_in_the_middle() {
    let archive = Archive::new().await;
    archive.hand_out();
    let file = archive.file("one", "2020/a b.nc");
    let (_, manifest) = scanned(&archive.client(Access::External), &file).await;
    let set = archive.folder.path().join("set.json");
    let set = set.to_str().unwrap();
    write(&manifest, set).unwrap();
    let client = archive.client(Access::Auto);
    let store = open(&client, set).await.unwrap();
    let read = |name: &'static str| {
        let store = store.clone();
        async move {
            let all = Selection::All;
            let read = store.read(name, &all, ReadOptions::default()).await;
            read.map(|read| format!("{read:?}"))
        }
    };
    let first = read("/analysed_sst").await.unwrap();
    assert!(client.log().snapshot().direct_bytes > 0);
    archive.bucket.set_denied(true);
    read("/mask").await.unwrap();
    assert_eq!(archive.told().len(), 1, "{:?}", archive.told());
    assert!(client.log().snapshot().external_bytes > 0);
    assert_eq!(read("/analysed_sst").await.unwrap(), first);
    assert_eq!(archive.told().len(), 1);
}

#[tokio::test]
async fn keys_that_end_in_the_middle_of_scans_are_renewed() {
    let archive = Archive::new().await;
    let login = {
        let keys = archive.keys.clone();
        let mut login = LoginServer::builder().user("someone", "s3cr3t-password");
        for (path, keys) in ["/one", "/two"].iter().zip(keys) {
            login = login.guarded(path, move |_| keys.answer());
        }
        login.start().await
    };
    let bearer = HeaderValue::from_str(&format!("Bearer {}", login.token("someone"))).unwrap();
    let options = ClientOptions::default()
        .with_access(Access::Direct)
        .with_head_read(1000)
        .with_store_option("aws_endpoint", archive.bucket.endpoint())
        .with_store_option("aws_allow_http", "true");
    let authority = BucketAuthority::new(Arc::new(Bearer(bearer)), &options, |_| true);
    let client = Client::new(options.with_authority(Arc::new(authority)));
    let files = [("one", "2020/a b.nc"), ("two", "2020/b.nc")];
    let mut urls = Vec::new();
    for (bucket, key) in files {
        let mut file = archive.file(bucket, key);
        file.prefixes[0].credentials_endpoint = Some(login.data_url(bucket));
        urls.push(file.choose(&client).await.unwrap());
    }
    for keys in &archive.keys {
        keys.end_all_after(2);
    }
    let mut scans = scan_many(
        &client,
        urls,
        &ScanOptions::default(),
        &ManyOptions::default(),
    );
    while let Some(finished) = scans.next().await {
        finished.result.unwrap();
    }
    let handed_out = archive.keys.each_ref().map(TemporaryKeys::handed_out);
    assert_eq!(handed_out, [2, 2]);
}

/// The same for every host: a test's servers are all on this machine.
#[derive(Debug)]
struct Bearer(HeaderValue);

#[async_trait]
impl Authority for Bearer {
    async fn authorization(&self, _: &Url) -> Result<Option<HeaderValue>, String> {
        Ok(Some(self.0.clone()))
    }
}

#[tokio::test]
async fn records_of_a_search_say_all_that_a_set_should() {
    let server = CmrServer::builder()
        .collection(CmrCollection::daily(1, "TEST", "2020-06-01", 24, 2))
        .start();
    let cmr = Cmr::new(Client::default()).with_url(&server.url());
    let found = Granules::search().short_name("TEST").run(&cmr).await;
    let found = found.unwrap();
    let granule = &found.granules[0];
    let files = granule.choose(&FileChoice::default()).unwrap();
    let file = GranuleFile::new(granule, &files[0], found.collections.first());
    assert!(file.location.url.starts_with("https://data.example.org/"));
    assert_eq!(file.location.alternates.len(), 1);
    assert!(file.location.alternates[0].starts_with("s3://test-protected/TEST/"));
    let pin = &file.location.pin;
    assert_eq!(pin.concept_id.as_ref(), Some(&granule.concept_id));
    assert_eq!((pin.revision, pin.size), (Some(1), None));
    let prefix = &file.prefixes[0];
    assert!(prefix.prefix.starts_with("s3://test-protected/"));
    assert_eq!(
        prefix.credentials_endpoint.as_deref(),
        Some("https://data.example.org/s3credentials")
    );
}

//! A build that lasts longer than its keys: how often they are renewed.
//!
//! ```sh
//! cargo run --release --example measure_build_keys -- GRANULE.nc [SECONDS [LIFETIME]]
//! ```
//!
//! Granules, all of them this file, lie in two buckets of a server, for each of which an endpoint behind a
//! login hands out keys that live for `LIFETIME` seconds (5). The server answers so slowly that the build
//! lasts about `SECONDS` (60).

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chunkref::build::{Build, Sources};
use chunkref::earthdata::{
    BucketAuthority, EarthdataAuthority, Login, LoginService, LoginSources, Secret, Trust,
};
use chunkref::io::BucketInfo;
use chunkref::{Client, ClientOptions, ManyOptions};
use chunkref_testkit::{LoginPlace, LoginServer, S3Server, TemporaryKeys};

type Error = Box<dyn std::error::Error + Send + Sync>;

const BUCKETS: [&str; 2] = ["one", "two"];
/// Scans under way at once, and how long each takes.
const JOBS: u64 = 8;
const LATENCY: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let granule = arguments.next().ok_or("expected a granule")?;
    let granule = std::fs::read(granule)?;
    let mut number = |default: u64| -> Result<u64, std::num::ParseIntError> {
        arguments.next().map_or(Ok(default), |text| text.parse())
    };
    let (seconds, lifetime) = (number(60)?, number(5)?);
    let count = seconds * JOBS * 4;

    let keys = BUCKETS.map(|name| {
        let lifetime = Duration::from_secs(lifetime);
        TemporaryKeys::new(name, &[name], lifetime)
    });
    let folder = tempfile::tempdir()?;
    let mut bucket = S3Server::builder(folder.path()).latency(LATENCY);
    let mut login = LoginServer::builder().user("someone", "password");
    for (name, keys) in BUCKETS.into_iter().zip(&keys) {
        for at in 0..count / 2 {
            bucket = bucket.object(name, &format!("{at:05}.nc"), granule.clone());
        }
        bucket = bucket.temporary_keys(keys);
        let keys = keys.clone();
        login = login.guarded(&format!("/{name}"), move |_| keys.answer());
    }
    let (bucket, login) = (bucket.start().await, login.start().await);

    let options = ClientOptions::default()
        .with_store_option("aws_endpoint", bucket.endpoint())
        .with_store_option("aws_allow_http", "true")
        .with_retries(0);
    let service: LoginService = login.url(LoginPlace::Login).parse()?;
    let sources = LoginSources::none().with_token(Secret::new(login.token("someone")));
    let trust = Trust::new().with_host(&login.host(LoginPlace::Archive))?;
    let user = Login::new(service, sources, options.clone());
    let user = EarthdataAuthority::new(user).with_trust(trust);
    let authority = BucketAuthority::of_login(user, &options);
    let client = Client::new(options.with_authority(Arc::new(authority)));
    for name in BUCKETS {
        let known = BucketInfo::new(format!("s3://{name}/"));
        client.learn(&known.with_credentials_endpoint(login.data_url(name)));
    }

    let files = (0..count / 2).flat_map(|at| BUCKETS.map(|name| format!("s3://{name}/{at:05}.nc")));
    let output = folder.path().join("out/").display().to_string();
    let jobs = usize::try_from(JOBS)?;
    let build = Build::new(output).with_many(ManyOptions::default().with_jobs(jobs));
    let start = Instant::now();
    let sources = Sources::Files(files.collect());
    let summary = build.run(&client, &sources, &mut |_| ()).await?;
    let log = bucket.log();
    let refused = log.iter().filter(|one| one.status >= 400).count();
    println!(
        "a build of {} granules, {:.0} s, keys of {lifetime} s: {} scanned; {} requests to the buckets, \
         {refused} refused",
        summary.granules,
        start.elapsed().as_secs_f64(),
        summary.scanned,
        log.len()
    );
    for (name, keys) in BUCKETS.into_iter().zip(&keys) {
        println!(
            "endpoint {name}: keys handed out {} times",
            keys.handed_out()
        );
    }
    Ok(())
}

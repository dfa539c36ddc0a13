//! Temporary keys that live for seconds, and a job that lasts longer: how often they are renewed.
//!
//! Two endpoints behind a login hand out keys for a bucket each; tasks read from both buckets until the
//! time is over. Run with `cargo run --release --example measure_keys [SECONDS [LIFETIME [TASKS]]]`, by
//! default 60, 5 and 32.

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chunkref_earthdata::BucketAuthority;
use chunkref_io::{Authority, BucketInfo, Client, ClientOptions, HeaderValue, Url};
use chunkref_testkit::{LoginServer, S3Server, TemporaryKeys};

/// The token for all servers of this program.
#[derive(Debug)]
struct Bearer(HeaderValue);

#[async_trait]
impl Authority for Bearer {
    async fn authorization(&self, _: &Url) -> Result<Option<HeaderValue>, String> {
        Ok(Some(self.0.clone()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| -> Result<u64, std::num::ParseIntError> {
        arguments.next().map_or(Ok(default), |text| text.parse())
    };
    let (seconds, lifetime, tasks) = (number(60)?, number(5)?, number(32)?);
    let length = Duration::from_secs(lifetime);
    let centres = ["one", "two"].map(|name| TemporaryKeys::new(name, &[name], length));

    let folder = tempfile::tempdir()?;
    let mut bucket = S3Server::builder(folder.path()).latency(Duration::from_millis(20));
    let mut login = LoginServer::builder().user("someone", "password");
    for (name, keys) in ["one", "two"].into_iter().zip(&centres) {
        bucket = bucket
            .object(name, "a.h5", vec![7; 1 << 20])
            .temporary_keys(keys);
        let keys = keys.clone();
        login = login.guarded(&format!("/{name}"), move |_| keys.answer());
    }
    let (bucket, login) = (bucket.start().await, login.start().await);

    let bearer = HeaderValue::from_str(&format!("Bearer {}", login.token("someone")))?;
    let options = ClientOptions::default()
        .with_store_option("aws_endpoint", bucket.endpoint())
        .with_store_option("aws_allow_http", "true")
        .with_retries(0);
    let authority = BucketAuthority::new(Arc::new(Bearer(bearer)), &options, |_| true);
    for name in ["one", "two"] {
        let known = BucketInfo::new(format!("s3://{name}/"));
        authority.learn(&known.with_credentials_endpoint(login.data_url(name)));
    }
    let client = Client::new(options.with_authority(Arc::new(authority.clone())));

    let start = Instant::now();
    let end = Duration::from_secs(seconds);
    let readers = (0..tasks).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            let name = if task % 2 == 0 { "one" } else { "two" };
            let mut read = 0_u64;
            while start.elapsed() < end {
                // Opened anew, so that nothing is kept.
                let object = client.open(&format!("s3://{name}/a.h5")).await?;
                object.read(&[500_000..500_100, 900_000..900_100]).await?;
                read += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok::<_, chunkref_io::Error>(read)
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut reads = 0;
    for reader in readers {
        reads += reader.await??;
    }
    let log = bucket.log();
    let refused = log.iter().filter(|one| one.status >= 400).count();
    println!(
        "{seconds} s, keys of {lifetime} s, {tasks} tasks: {reads} reads, none failed; {} requests to \
         the bucket, {refused} of them refused",
        log.len()
    );
    for (name, keys) in ["one", "two"].into_iter().zip(&centres) {
        let start = format!("ASIA{}", name.to_ascii_uppercase());
        let ids = log.iter().filter_map(|one| one.key_id.as_deref());
        let used: BTreeSet<_> = ids.filter(|id| id.starts_with(&start)).collect();
        println!(
            "endpoint {name}: keys handed out {} times, all of them used: {}; they ended {} times",
            keys.handed_out(),
            usize::try_from(keys.handed_out())? == used.len(),
            keys.handed_out().saturating_sub(1),
        );
    }
    Ok(())
}

//! How cold do the Great Lakes get in December?
//!
//! ```sh
//! cargo run --release --example great_lakes -- lakes
//! ```
//!
//! Finds the maps of sea surface temperature (MUR) of December 24 and 25 in ten years, reads of each only
//! the chunks around the lakes, leaves out what is covered by ice, and writes the mean of each year into
//! the folder: `great_lakes.npy`, 10 x 870 x 2111 in degrees Celsius, and a picture of each year. Nothing
//! is downloaded but that. The data are for people with an account at NASA Earthdata: docs/login.md.
//!
//! A second argument is the URL of another CMR to search.

#![expect(clippy::print_stdout, reason = "a program's results go there")]

mod day;
mod means;
mod picture;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chunkref::earthdata::{
    BucketAuthority, Cmr, EarthdataAuthority, Granules, Login, LoginSources, Season, System,
};
use chunkref::{Client, ClientOptions};
use futures::{StreamExt as _, TryStreamExt as _};

use day::Day;
use means::Means;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

const COLLECTION: &str = "MUR-JPL-L4-GLOB-v4.1";
const YEARS: std::ops::RangeInclusive<i32> = 2013..=2022;
/// West, south, east and north of the Great Lakes, in degrees.
const BOX: [f64; 4] = [-94.93, 40.26, -73.83, 48.95];
/// Maps that are read at one time.
const AT_ONCE: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, cmr_url) = match arguments.as_slice() {
        [folder] => (Path::new(folder), None),
        [folder, url] => (Path::new(folder), Some(url)),
        _ => return Err("usage: great_lakes FOLDER [URL of a CMR]".into()),
    };
    let started = Instant::now();
    let client = Client::new(logged_in());
    let mut cmr = Cmr::new(client.clone());
    if let Some(url) = cmr_url {
        cmr = cmr.with_url(url);
    }

    let christmas = Season::new((12, 24), (12, 25))?;
    let search = Granules::search()
        .short_name(COLLECTION)
        .season(christmas, YEARS);
    let granules = search.run(&cmr).await?.granules;
    println!("{} granules of {COLLECTION}", granules.len());

    // Of each granule two variables, all at once.
    let reads = granules.iter().map(|granule| Day::read(&client, granule));
    let days: Vec<Day> = futures::stream::iter(reads)
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let means = Means::of(&days)?;
    let took = started.elapsed();

    std::fs::create_dir_all(folder)?;
    means.write(&folder.join("great_lakes.npy"))?;
    for (year, map) in means.years() {
        picture::write(&folder.join(format!("great_lakes_{year}.png")), map)?;
        let (coldest, mean, covered) = means::summary(map);
        println!(
            "{year}: coldest {coldest:.2} °C, mean {mean:.2} °C; {covered} of {} places are land or ice",
            map.len()
        );
    }
    let stats = client.log().snapshot();
    println!(
        "{} x {} x {} in degrees C, from {:.1} MB in {} requests ({:.1} MB from within the region, {:.1} MB of egress)",
        means.years().count(),
        means.shape.0,
        means.shape.1,
        in_mb(stats.bytes),
        stats.requests,
        in_mb(stats.direct_bytes),
        in_mb(stats.external_bytes),
    );
    println!("time to science: {:.1} s", took.as_secs_f64());
    println!(
        "(blocks of 8 MB through fsspec: 1,008 MB, 157 s; a whole granule of ATL03: 3,199 MB, 954 s, and 112 MB, \
         31 s with a smart open)"
    );
    Ok(())
}

/// Archives are told who asks, where the environment or `.netrc` has a login; nobody else is.
fn logged_in() -> ClientOptions {
    let options = ClientOptions::default();
    let login = Login::new(System::Prod, LoginSources::environment(), options.clone());
    let authority = BucketAuthority::of_login(EarthdataAuthority::new(login), &options);
    options.with_authority(Arc::new(authority))
}

#[expect(clippy::cast_precision_loss, reason = "to be read by people")]
fn in_mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

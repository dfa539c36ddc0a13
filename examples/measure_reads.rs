//! What `cargo xtask bench read` measures of chunkref, one step a process.
//!
//! ```text
//! measure_reads scan OUT.json URL ARRAY...          references of arrays
//! measure_reads join OUT.json DIMENSION ARRAY URL...  of granules, joined
//! measure_reads ragged OUT.json ARRAY URL...        of granules whose last chunks are not full
//! measure_reads set SET ARRAY [START:STOP,...]      reads, with references at hand
//! measure_reads box SET ARRAY LAT LON W,S,E,N       reads what lies in a box, with references at hand
//! measure_reads file URL ARRAY                      reads of which nothing is known
//! measure_reads keys SET ARRAY                      reads key by key, through zarrs
//! ```
//!
//! The last line of standard output is JSON: the seconds of the work alone, requests and bytes, waves, and
//! the bytes of what was read with their checksum (Adler-32), so that it can be compared.

#![expect(clippy::print_stdout, reason = "a program's results go there")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use chunkref::combine::{ConcatOptions, concat};
use chunkref::manifest::{ConcatBuilder, Encoding, Layout};
use chunkref::store::{BoundingBox, Query, ReadOptions, Selection, Slice};
use chunkref::{Client, ClientOptions, Manifest, ScanOptions, Stats, Store, read_set, scan, write};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["scan", out, url, arrays @ ..] => {
            write(&scanned(&Client::default(), url, arrays).await?, out)?;
        }
        ["join", out, dimension, array, urls @ ..] => join(out, dimension, array, urls).await?,
        ["ragged", out, array, urls @ ..] => ragged(out, array, urls).await?,
        ["set", set, array] => from_set(set, array, &Selection::All).await?,
        ["set", set, array, slices] => from_set(set, array, &selection(slices)?).await?,
        ["box", set, array, lat, lon, bounds] => in_box(set, array, [lat, lon], bounds).await?,
        ["file", url, array] => from_file(url, array).await?,
        ["keys", set, array] => by_keys(set, array).await?,
        _ => return Err("see the first lines of this example".into()),
    }
    Ok(())
}

/// The references of arrays of a file. Nothing is inlined, so that all of it is read where it lies.
async fn scanned(client: &Client, url: &str, arrays: &[&str]) -> Result<Manifest> {
    let mut options = ScanOptions::default()
        .with_variables(arrays.iter().copied())
        .with_inline_threshold(0);
    options.attributes = false;
    Ok(scan(client, url, &options).await?.manifest)
}

async fn join(out: &str, dimension: &str, array: &str, urls: &[&str]) -> Result<()> {
    let client = Client::default();
    let mut granules = Vec::new();
    for url in urls {
        granules.push(scanned(&client, url, &[array]).await?);
    }
    let (joined, _) = concat(granules, dimension, &ConcatOptions::new())?;
    Ok(write(&joined, out)?)
}

/// Joins along the first axis, each granule from a chunk of its own on.
async fn ragged(out: &str, array: &str, urls: &[&str]) -> Result<()> {
    let client = Client::default();
    let mut joined = Manifest::default();
    let mut builder: Option<ConcatBuilder> = None;
    let mut length = 0;
    for url in urls {
        let granule = scanned(&client, url, &[array]).await?;
        let here = granule.array(array).ok_or("no such array")?;
        let Layout::Chunked {
            chunk_shape,
            codecs,
            chunks,
            ..
        } = &here.layout
        else {
            return Err("not in chunks".into());
        };
        let (_, location) = granule.locations.iter().next().ok_or("no location")?;
        let id = joined.locations.intern(location.clone());
        let id = id.ok_or("too many locations")?;
        let encoding = Encoding {
            chunk_shape: chunk_shape.clone(),
            codecs: codecs.clone(),
            packing: None,
        };
        let rows = *here.shape.first().ok_or("a scalar")?;
        let builder = if let Some(builder) = &mut builder {
            builder
        } else {
            joined.root = granule.root.clone();
            builder.insert(ConcatBuilder::new(&here.shape, 0)?)
        };
        builder.push(rows, encoding, chunks.clone().map_locations(|_| id))?;
        length += rows;
    }
    let concat = builder.ok_or("no granules")?.concat()?;
    let (groups, name) = array.rsplit_once('/').unwrap_or(("", array));
    let mut group = &mut joined.root;
    for name in groups.split('/').filter(|name| !name.is_empty()) {
        group = group.groups.get_mut(name).ok_or("no such group")?;
    }
    let array = group.arrays.get_mut(name).ok_or("no such array")?;
    if let Some(first) = array.shape.first_mut() {
        *first = length;
    }
    array.layout = Layout::Concat(Box::new(concat));
    Ok(write(&joined, out)?)
}

/// `0:20,500:600`: where each axis starts and stops.
fn selection(slices: &str) -> Result<Selection> {
    let slices = slices.split(',').map(|slice| {
        let (start, stop) = slice.split_once(':').ok_or("expected START:STOP")?;
        Ok(Slice::new(start.parse()?, stop.parse()?))
    });
    Ok(Selection::slices(slices.collect::<Result<Vec<_>>>()?))
}

/// A store over a set that was read whole, and its client, which has read nothing yet.
async fn ready(set: &str) -> Result<(Store, Client)> {
    let read = read_set(&Client::default(), set, None).await?;
    let client = Client::new(ClientOptions::default());
    Ok((Store::new(Arc::new(read.manifest), client.clone()), client))
}

async fn from_set(set: &str, array: &str, selection: &Selection) -> Result<()> {
    let (store, client) = ready(set).await?;
    let start = Instant::now();
    let read = store.read(array, selection, ReadOptions::default()).await?;
    print(start, &client.log().snapshot(), &read.bytes);
    Ok(())
}

async fn in_box(set: &str, array: &str, [lat, lon]: [&str; 2], bounds: &str) -> Result<()> {
    let query = Query::new()
        .with_bounding_box(BoundingBox::parse(bounds)?)
        .with_latitude_longitude(Some(format!("/{lat}")), Some(format!("/{lon}")));
    let options = ReadOptions::default();
    let (store, client) = ready(set).await?;
    let start = Instant::now();
    let subset = store.subset(array, &query, options).await?;
    let read = store.read_subset(array, &subset, options).await?;
    print(start, &client.log().snapshot(), &read.bytes);
    Ok(())
}

async fn from_file(url: &str, array: &str) -> Result<()> {
    let client = Client::new(ClientOptions::default());
    let start = Instant::now();
    let manifest = scanned(&client, url, &[array]).await?;
    let store = Store::new(Arc::new(manifest), client.clone());
    let all = Selection::All;
    let read = store.read(array, &all, ReadOptions::default()).await?;
    print(start, &client.log().snapshot(), &read.bytes);
    Ok(())
}

async fn by_keys(set: &str, array: &str) -> Result<()> {
    let (store, client) = ready(set).await?;
    let start = Instant::now();
    let path = format!("/{}", array.trim_start_matches('/'));
    let array = zarrs::array::Array::async_open(Arc::new(store), &path).await?;
    let all = array.subset_all();
    let read: zarrs::array::ArrayBytes = array.async_retrieve_array_subset(&all).await?;
    print(start, &client.log().snapshot(), &read.into_fixed()?);
    Ok(())
}

fn print(start: Instant, stats: &Stats, read: &[u8]) {
    let seconds = start.elapsed().as_secs_f64();
    let Stats {
        requests,
        bytes,
        waves,
        ..
    } = stats;
    println!(
        "{{\"seconds\": {seconds:.4}, \"requests\": {requests}, \"bytes\": {bytes}, \"waves\": {waves}, \
         \"read\": {}, \"adler32\": {}}}",
        read.len(),
        adler32(read)
    );
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    // So many sums fit into 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

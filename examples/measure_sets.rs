//! What `cargo xtask bench manifest` measures of chunkref, one step a process.
//!
//! ```text
//! measure_sets write OUT REFERENCES
//! measure_sets first SET
//! measure_sets random SET LOOKUPS
//! measure_sets stream OUT.parquet REFERENCES
//! ```
//!
//! The last line of standard output is the seconds of the work alone, and what was found.

#![expect(clippy::print_stdout, reason = "a program's results go there")]
#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "bytes per reference are printed"
)]

use std::error::Error;
use std::hint::black_box;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use chunkref::manifest::kerchunk::{Blobs, DEFAULT_RECORD_SIZE, SetWriter};
use chunkref::manifest::{
    Array, Attributes, ByteOrder, ChunkRef, ChunkTableBuilder, Codec, DataType, Layout, Location,
    LocationId, Locations, Manifest,
};
use chunkref::{Client, ClientOptions, LazySet, SetFormat, read_set, write};

/// Files that the references lie in, one after the other.
const FILES: u64 = 100;

/// Seconds of the work alone, and what was found.
type Measured = Result<(f64, String), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (seconds, found) = match arguments.as_slice() {
        ["write", out, count] => write_set(out, count.parse()?)?,
        ["first", set] => first(set).await?,
        ["random", set, lookups] => random(set, lookups.parse()?).await?,
        ["stream", out, count] => stream(out, count.parse()?)?,
        _ => return Err("see the first lines of this example".into()),
    };
    println!("{seconds:.4} {found}");
    Ok(())
}

fn locations() -> Result<Locations, Box<dyn Error>> {
    let mut locations = Locations::default();
    for file in 0..FILES {
        let url = format!("s3://podaac-ops-cumulus-protected/collection/granule-{file:05}.nc");
        locations
            .intern(Location::new(url))
            .ok_or("too many locations")?;
    }
    Ok(locations)
}

/// Where chunk `index` of so many lies: the chunks of a file one after the other.
fn place(index: u64, count: u64) -> (LocationId, u64, u64) {
    let each = count.div_ceil(FILES);
    let location = LocationId(u32::try_from(index / each).unwrap_or(0));
    (location, 4096 + index % each * 2000, 1000 + index % 1000)
}

/// An array in so many chunks of one element.
fn array(count: u64, layout: Layout) -> Array {
    Array {
        shape: vec![count],
        data_type: DataType::Float {
            size: 4,
            order: ByteOrder::Little,
        },
        dimension_names: vec!["x".to_owned()],
        fill_value: None,
        attributes: Attributes::new(),
        layout,
    }
}

/// Writes a set of one array. What is found is the bytes of memory per reference.
fn write_set(out: &str, count: u64) -> Measured {
    let mut table = ChunkTableBuilder::new(vec![count]);
    for index in 0..count {
        let (location, offset, length) = place(index, count);
        table.push(index, location, offset, length)?;
    }
    let chunks = table.finish();
    let bytes = chunks.heap_bytes();
    let layout = Layout::Chunked {
        chunk_shape: vec![1],
        codecs: vec![Codec::Zlib { level: 4 }],
        chunks,
        fill_chunk: None,
    };
    let mut manifest = Manifest::default();
    manifest.locations = locations()?;
    let arrays = &mut manifest.root.arrays;
    arrays.insert("a".to_owned(), array(count, layout));
    let start = Instant::now();
    write(&manifest, out)?;
    let seconds = start.elapsed().as_secs_f64();
    Ok((seconds, format!("{}", bytes as f64 / count as f64)))
}

/// Opens a set and looks up its first chunk.
async fn first(set: &str) -> Measured {
    let start = Instant::now();
    let client = Client::new(ClientOptions::default());
    let found = if SetFormat::of_name(set) == Some(SetFormat::Parquet) {
        let lazy = LazySet::open(&client, set).await?;
        format!("{:?}", lazy.chunk("a", 0).await?)
    } else {
        let read = read_set(&client, set, None).await?;
        let array = read.manifest.array("a").ok_or("no array")?;
        format!("{:?}", array.chunk(0))
    };
    Ok((start.elapsed().as_secs_f64(), found))
}

/// Opens a Parquet set and looks up chunks at random.
async fn random(set: &str, lookups: u64) -> Measured {
    let start = Instant::now();
    let client = Client::new(ClientOptions::default());
    let lazy = LazySet::open(&client, set).await?;
    let cells = lazy
        .manifest()
        .array("a")
        .ok_or("no array")?
        .shape
        .iter()
        .product::<u64>();
    let mut random = 1_u64;
    let mut found = 0_u64;
    for _ in 0..lookups {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let chunk = lazy.chunk("a", (random >> 33) % cells).await?;
        found += u64::from(black_box(chunk).is_some());
    }
    Ok((start.elapsed().as_secs_f64(), found.to_string()))
}

/// A folder of files.
struct Folder<'a>(&'a str);

impl Blobs for Folder<'_> {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        let path = std::path::Path::new(self.0).join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        std::fs::write(path, bytes)
    }
}

/// Writes a Parquet set without a manifest of its references.
fn stream(out: &str, count: u64) -> Measured {
    let locations = locations()?;
    let layout = Layout::Absent {
        chunk_shape: vec![1],
        fill_chunk: None,
    };
    let chunks = (0..count).map(|index| {
        let (location, offset, length) = place(index, count);
        let range = ChunkRef::Range {
            location,
            offset,
            length,
        };
        Ok((index, range))
    });
    let start = Instant::now();
    let mut blobs = Folder(out);
    let mut set = SetWriter::new(&mut blobs, DEFAULT_RECORD_SIZE)?;
    set.array("/a", &array(count, layout), &locations, chunks)?;
    set.finish()?;
    Ok((start.elapsed().as_secs_f64(), count.to_string()))
}

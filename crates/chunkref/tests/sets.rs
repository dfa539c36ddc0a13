//! Sets opened from wherever they lie: compressed, streamed, and lazily.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chunkref::manifest::{
    Array, Attributes, ByteOrder, ChunkRef, ChunkTableBuilder, Codec, DataType, Layout, Location,
    LocationId, Manifest, Pin, Segment,
};
use chunkref::{
    ChunkPlace, Client, ClientOptions, LazySet, OpenError, WriteOptions, read_set, write,
    write_with,
};
use chunkref_testkit::RangeServer;

const CHUNKS: u64 = 5_000;

/// Chunk 3 is inline, chunk 4 is absent, and chunks from 2,000 to 2,999 are absent as well.
fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    for number in 0..3 {
        let url = format!("s3://bucket/{number}.nc");
        manifest.locations.intern(Location::new(url)).unwrap();
    }
    let mut table = ChunkTableBuilder::new(vec![CHUNKS]);
    for index in 0..CHUNKS {
        match index {
            3 => table
                .push_inline(index, Bytes::from_static(b"here"))
                .unwrap(),
            4 | 2_000..=2_999 => {}
            _ => {
                let location = LocationId(u32::try_from(index % 3).unwrap());
                table.push(index, location, index * 10, 10).unwrap();
            }
        }
    }
    let array = Array {
        shape: vec![CHUNKS],
        data_type: DataType::Int {
            size: 4,
            order: ByteOrder::Little,
        },
        dimension_names: vec!["x".to_owned()],
        fill_value: None,
        attributes: Attributes::new(),
        layout: Layout::Chunked {
            chunk_shape: vec![1],
            codecs: vec![Codec::Zlib { level: 1 }],
            chunks: table.finish(),
            fill_chunk: None,
        },
    };
    let group = manifest.root.groups.entry("g".to_owned()).or_default();
    group.arrays.insert("a".to_owned(), array);
    manifest
}

/// As (URL, first byte, length) or inline bytes.
fn expected(index: u64) -> Option<Result<(String, u64, u64), Bytes>> {
    let manifest = manifest();
    let url = |id| manifest.locations.get(id).unwrap().url.clone();
    manifest
        .array("g/a")
        .unwrap()
        .chunk(index)
        .map(|chunk| match chunk {
            ChunkRef::Range {
                location,
                offset,
                length,
            } => Ok((url(location), offset, length)),
            ChunkRef::Inline(data) => Err(data.clone()),
            ChunkRef::Whole { .. } => panic!("none is a whole object"),
        })
}

fn found(place: Option<ChunkPlace>) -> Option<Result<(String, u64, u64), Bytes>> {
    place.map(|place| match place {
        ChunkPlace::Range {
            location,
            offset,
            length,
        } => Ok((location.url.clone(), offset, length)),
        ChunkPlace::Inline(data) => Err(data),
        other => panic!("{other:?}"),
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn json_is_read_however_it_is_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(ClientOptions::default());
    let manifest = manifest();
    for name in ["a.json", "a.json.gz", "a.json.zst"] {
        let path = folder.path().join(name);
        write(&manifest, &path).unwrap();
        assert!(chunkref::is_set(text(&path)), "{name}");
        let read = read_set(&client, text(&path), None).await.unwrap();
        assert_eq!(read.manifest.array("g/a"), manifest.array("g/a"), "{name}");
        // What it is tell its bytes, not its name.
        let other = folder.path().join("other.json");
        std::fs::copy(&path, &other).unwrap();
        let read = read_set(&client, text(&other), None).await.unwrap();
        assert_eq!(read.manifest.array("g/a"), manifest.array("g/a"), "{name}");
    }
    let sizes: Vec<_> = ["a.json", "a.json.gz", "a.json.zst"]
        .map(|name| std::fs::metadata(folder.path().join(name)).unwrap().len())
        .to_vec();
    assert!(
        sizes[1] * 4 < sizes[0] && sizes[2] * 4 < sizes[0],
        "{sizes:?}"
    );
}

#[tokio::test]
async fn json_is_streamed_from_a_server() {
    let folder = tempfile::tempdir().unwrap();
    write(&manifest(), folder.path().join("a.json.gz")).unwrap();
    let server = RangeServer::builder().root(folder.path()).start().await;
    let client = Client::new(ClientOptions::default());
    let read = read_set(&client, &server.url_of("a.json.gz"), None)
        .await
        .unwrap();
    assert_eq!(read.manifest.array("g/a"), manifest().array("g/a"));
    let error = read_set(&client, &server.url_of("not-there.json"), None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, OpenError::Io(chunkref::io::Error::NotFound { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn lazy_sets_say_what_whole_sets_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let options = WriteOptions::new().with_record_size(Some(1000));
    write_with(&manifest(), &path, &options).unwrap();
    let client = Client::new(ClientOptions::default());
    let lazy = LazySet::open(&client, text(&path)).await.unwrap();
    // Room for about one file of references: they are dropped and read again.
    for bytes in [64 << 20, 20_000, 0] {
        lazy.set_cache_bytes(bytes);
        for index in (0..CHUNKS + 10)
            .step_by(7)
            .chain([3, 4, 2_000, 2_999, 3_000, u64::MAX])
        {
            let place = lazy.chunk("g/a", index).await.unwrap();
            assert_eq!(found(place), expected(index), "{index}");
        }
    }
    let array = lazy.manifest().array("g/a").unwrap();
    assert_eq!(
        (array.shape.as_slice(), array.stored_chunks()),
        (&[CHUNKS][..], 0)
    );
    assert!(lazy.report().refused.is_empty());
    let error = lazy.chunk("/g/b", 0).await.unwrap_err().to_string();
    assert_eq!(error, format!("{}: /g/b: not an array", path.display()));
}

#[tokio::test]
async fn a_lazy_set_reads_only_what_is_asked_for_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parq");
    let options = WriteOptions::new().with_record_size(Some(1000));
    write_with(&manifest(), &path, &options).unwrap();
    let server = RangeServer::builder().root(folder.path()).start().await;
    let client = Client::new(ClientOptions::default());
    let lazy = LazySet::open(&client, &server.url_of("a.parq"))
        .await
        .unwrap();
    let paths = || -> Vec<String> {
        let log = server.log();
        log.iter().map(|entry| entry.path.clone()).collect()
    };
    let opened = ["/a.parq/.zmetadata", "/a.parq/.chunkref/extras.json"];
    assert_eq!(paths(), opened);
    let lazy = Arc::new(lazy);
    let asked = (0..50).map(|index| {
        let lazy = Arc::clone(&lazy);
        tokio::spawn(async move { found(lazy.chunk("g/a", 1000 + index).await.unwrap()) })
    });
    for (index, asked) in (1000..).zip(asked.collect::<Vec<_>>()) {
        assert_eq!(asked.await.unwrap(), expected(index));
    }
    assert_eq!(paths()[..2], opened);
    assert_eq!(paths()[2..], ["/a.parq/g/a/refs.1.parq"]);
    // A file of absent chunks is not there.
    assert_eq!(lazy.chunk("g/a", 2_500).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_file_of_references_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parq");
    let options = WriteOptions::new().with_record_size(Some(1000));
    write_with(&manifest(), &path, &options).unwrap();
    std::fs::write(path.join("g/a/refs.1.parq"), b"no Parquet").unwrap();
    let client = Client::new(ClientOptions::default());
    let lazy = LazySet::open(&client, text(&path)).await.unwrap();
    assert!(lazy.chunk("g/a", 0).await.unwrap().is_some());
    for _ in 0..2 {
        let error = lazy.chunk("g/a", 1_000).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.starts_with("key \"g/a/refs.1.parq\": not a Parquet file"),
            "{source}"
        );
    }
}

#[test]
fn absent_chunks_are_encoded_as_the_array_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parq");
    let manifest = manifest();
    let options = WriteOptions::new().with_densify(true);
    assert_eq!(options.cautions(&manifest).len(), 1);
    let cautions = WriteOptions::new().cautions(&manifest);
    assert!(
        cautions[0].starts_with("/g/a: absent chunks, "),
        "{cautions:?}"
    );
    write_with(&manifest, &path, &options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(ClientOptions::default());
    let read = runtime
        .block_on(read_set(&client, text(&path), None))
        .unwrap()
        .manifest;
    let a = read.array("g/a").unwrap();
    assert!(a.is_complete());
    // zlib of four zeros.
    let Some(ChunkRef::Inline(data)) = a.chunk(2_500) else {
        panic!("not inline")
    };
    assert!(data.starts_with(&[0x78]), "{data:?}");
}

#[tokio::test]
async fn a_lazy_set_knows_what_references_can_not_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parq");
    let mut manifest = manifest();
    let pin = Pin {
        size: Some(1 << 20),
        ..Pin::default()
    };
    let pinned = Location::new("s3://bucket/pinned.nc").with_pin(pin);
    let id = manifest.locations.intern(pinned.clone()).unwrap();
    let mut table = ChunkTableBuilder::new(vec![2]);
    table.push(1, id, 7, 8).unwrap();
    let mut full = manifest.array("g/a").unwrap().clone();
    full.shape = vec![2];
    full.layout = Layout::Chunked {
        chunk_shape: vec![1],
        codecs: vec![Codec::Hdf5 {
            id: 4,
            parameters: vec![1],
        }],
        chunks: table.finish(),
        fill_chunk: None,
    };
    let mut external = full.clone();
    external.layout = Layout::External {
        segments: vec![Segment {
            place: Some((id, 0)),
            length: 8,
        }],
        chunk_shape: vec![2],
    };
    let group = manifest.root.groups.get_mut("g").unwrap();
    group.arrays.insert("full".to_owned(), full);
    group.arrays.insert("external".to_owned(), external);
    write(&manifest, &path).unwrap();
    let client = Client::new(ClientOptions::default());
    let lazy = LazySet::open(&client, text(&path)).await.unwrap();
    assert_eq!(lazy.chunk("/g/full", 0).await.unwrap(), None);
    assert_eq!(
        lazy.chunk("/g/full", 1).await.unwrap(),
        Some(ChunkPlace::Range {
            location: Arc::new(pinned),
            offset: 7,
            length: 8
        })
    );
    let error = lazy.chunk("/g/external", 0).await.unwrap_err().to_string();
    assert!(
        error.ends_with("/g/external: its chunks lie nowhere as such, only a store makes them"),
        "{error}"
    );
    let whole = read_set(&client, text(&path), None).await.unwrap();
    assert_eq!(whole.manifest, manifest);
    let one = read_set(&client, text(&path), Some("/g/full"))
        .await
        .unwrap();
    assert_eq!(one.manifest.array("g/full"), manifest.array("g/full"));
    assert!(one.report.refused.is_empty());
}

//! Parquet sets from streams of chunks, their record size, and absent chunks written out.

mod sample;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;

use bytes::Bytes;
use chunkref_manifest::kerchunk::{
    Blobs, ParquetOptions, SetWriter, read_parquet, record_size_for, write_parquet,
    write_parquet_with,
};
use chunkref_manifest::{Array, ChunkRef, Codec, Error, Layout, LocationId, Locations, Manifest};
use proptest::prelude::*;
use sample::{F4, chunked, manifest};
use serde_json::Value as Json;

#[derive(Default)]
struct Files(BTreeMap<String, Bytes>);

impl Blobs for Files {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        assert!(self.0.insert(path.to_owned(), bytes).is_none(), "{path}");
        Ok(())
    }
}

impl chunkref_manifest::kerchunk::BlobSource for Files {
    fn get(&mut self, path: &str) -> io::Result<Option<Bytes>> {
        Ok(self.0.get(path).cloned())
    }
}

fn zlib(mut array: Array) -> Array {
    if let Layout::Chunked { codecs, .. } = &mut array.layout {
        codecs.push(Codec::Zlib { level: 1 });
    }
    array
}

fn of_one(array: Array) -> Manifest {
    let mut manifest = manifest();
    manifest.root.groups.clear();
    manifest.root.arrays.clear();
    manifest.root.arrays.insert("a".into(), array);
    manifest
}

fn streamed(manifest: &Manifest, record_size: usize) -> Files {
    let mut files = Files::default();
    let mut set = SetWriter::new(&mut files, record_size).unwrap();
    set.group("/", &manifest.root.attributes).unwrap();
    for (path, array) in manifest.arrays() {
        let chunks = array.chunks().map(Ok);
        set.array(&path, array, &manifest.locations, chunks)
            .unwrap();
    }
    set.finish().unwrap();
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_makes_the_files_of_its_manifest(
        stored in prop::collection::btree_set(0..30_u64, 0..30),
        record_size in 1..40_usize,
    ) {
        let stored: Vec<u64> = stored.into_iter().collect();
        let manifest = of_one(zlib(chunked(&[30], &[1], F4, &stored)));
        let mut files = Files::default();
        write_parquet(&manifest, &mut files, record_size).unwrap();
        // Of a stream there are no extras.
        files.0.remove(".chunkref/extras.json").unwrap();
        prop_assert_eq!(streamed(&manifest, record_size).0, files.0);
    }
}

#[test]
fn groups_above_an_array_are_made() {
    let manifest = manifest();
    let mut files = Files::default();
    let mut set = SetWriter::new(&mut files, 10).unwrap();
    let text = manifest.array("g/text").unwrap();
    let chunks = text.chunks().map(Ok);
    set.array("/x/y/text", text, &manifest.locations, chunks)
        .unwrap();
    set.finish().unwrap();
    let metadata: Json = serde_json::from_slice(&files.0[".zmetadata"]).unwrap();
    for key in [
        ".zgroup",
        ".zattrs",
        "x/.zgroup",
        "x/y/.zgroup",
        "x/y/text/.zarray",
    ] {
        assert!(!metadata["metadata"][key].is_null(), "{key}");
    }
    let read = read_parquet(&mut files).unwrap();
    assert_eq!(read.manifest.array("x/y/text").unwrap().stored_chunks(), 1);
}

#[test]
fn documents_stand_group_by_group_whatever_the_order_of_arrays() {
    let manifest = manifest();
    let text = manifest.array("g/text").unwrap();
    let mut files = Files::default();
    let mut set = SetWriter::new(&mut files, 10).unwrap();
    for path in ["/b/y", "/a/y", "/b/c/z", "/b/x", "/a/x"] {
        let chunks = text.chunks().map(Ok);
        set.array(path, text, &manifest.locations, chunks).unwrap();
    }
    set.finish().unwrap();
    let metadata: Json = serde_json::from_slice(&files.0[".zmetadata"]).unwrap();
    let keys = metadata["metadata"].as_object().unwrap().keys();
    let nodes: Vec<_> = keys.filter(|key| !key.ends_with(".zattrs")).collect();
    assert_eq!(
        nodes,
        [
            ".zgroup",
            "a/.zgroup",
            "a/x/.zarray",
            "a/y/.zarray",
            "b/.zgroup",
            "b/c/.zgroup",
            "b/c/z/.zarray",
            "b/x/.zarray",
            "b/y/.zarray",
        ]
    );
}

/// The message of what a stream is refused for.
fn refused(array: &Array, locations: &Locations, chunks: &[(u64, ChunkRef<'_>)]) -> String {
    let mut files = Files::default();
    let mut set = SetWriter::new(&mut files, 10).unwrap();
    let error = set
        .array("/a", array, locations, chunks.iter().copied().map(Ok))
        .unwrap_err();
    assert_eq!(error.to_string(), "/a");
    error.source().unwrap().to_string()
}

#[test]
fn what_a_stream_may_not_be_is_an_error() {
    let manifest = manifest();
    let locations = &manifest.locations;
    let array = zlib(chunked(&[3], &[1], F4, &[]));
    let chunk = |index, location| {
        let range = ChunkRef::Range {
            location: LocationId(location),
            offset: 0,
            length: 1,
        };
        (index, range)
    };
    assert_eq!(
        refused(&array, locations, &[chunk(1, 0), chunk(1, 0)]),
        "chunk 1 after chunk 1: expected ascending numbers"
    );
    assert_eq!(
        refused(&array, locations, &[chunk(3, 0)]),
        "chunk 3: outside the grid [3], which has 3 cells"
    );
    assert_eq!(
        refused(&array, locations, &[chunk(0, 7)]),
        "location 7: not among the 1 of the manifest"
    );
    let mut filled = array.clone();
    filled.fill_value = Some(Bytes::from_static(&[0, 0, 128, 63]));
    assert!(refused(&filled, locations, &[chunk(0, 0)]).contains("without an encoded chunk of it"));
    // All are there: nothing has to be said of absent ones.
    let mut files = Files::default();
    let mut set = SetWriter::new(&mut files, 10).unwrap();
    let chunks = [chunk(0, 0), chunk(1, 0), chunk(2, 0)];
    set.array("/a", &filled, locations, chunks.map(Ok)).unwrap();

    let failed = [
        Ok(chunk(0, 0)),
        Err(Error::Unsupported {
            what: "this".into(),
        }),
    ];
    let error = set.array("/b", &array, locations, failed).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "not supported: this");
    for path in ["/..", "/a/../b", "/.zgroup"] {
        assert!(
            set.array(path, &array, locations, [chunk(0, 0)].map(Ok))
                .is_err(),
            "{path}"
        );
    }
    for size in [0, usize::MAX] {
        let error = SetWriter::new(&mut Files::default(), size).unwrap_err();
        assert!(
            error.to_string().contains("expected 1 to 1048576"),
            "{error}"
        );
    }
}

#[test]
fn absent_chunks_are_written_out_where_that_is_asked_for() {
    let manifest = of_one(zlib(chunked(&[2500], &[2], F4, &[0, 7, 1249])));
    let encode = |array: &Array, plain: &[u8]| {
        assert_eq!(array.chunk_shape().as_ref(), [2]);
        assert_eq!(plain, [0; 8]);
        Ok(Bytes::from_static(b"encoded"))
    };
    let options = ParquetOptions::new().with_densify(&encode);
    let mut files = Files::default();
    write_parquet_with(&manifest, &mut files, &options).unwrap();
    let read = read_parquet(&mut files).unwrap().manifest;
    let a = read.array("a").unwrap();
    assert!(a.is_complete());
    assert_eq!(
        a.chunk(8),
        Some(ChunkRef::Inline(&Bytes::from_static(b"encoded")))
    );
    assert!(matches!(a.chunk(7), Some(ChunkRef::Range { .. })));

    let fails = |_: &Array, _: &[u8]| Err("no such codec".to_owned());
    let options = ParquetOptions::new().with_densify(&fails);
    let error = write_parquet_with(&manifest, &mut Files::default(), &options).unwrap_err();
    let reason = error.source().unwrap().to_string();
    assert!(
        reason.ends_with("chunks of fill values: no such codec"),
        "{reason}"
    );

    for (shape, chunk, reason) in [
        (1 << 50, 1, "expected at most 100000000"),
        (1 << 50, 1 << 49, "a chunk of 2251799813685248 bytes"),
    ] {
        let huge = of_one(chunked(&[shape], &[chunk], F4, &[0]));
        let ok = |_: &Array, _: &[u8]| Ok(Bytes::new());
        let options = ParquetOptions::new().with_densify(&ok);
        let error = write_parquet_with(&huge, &mut Files::default(), &options).unwrap_err();
        let found = error.source().unwrap().to_string();
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn a_chunk_of_fill_values_is_in_a_file_once() {
    let manifest = of_one(chunked(&[300_000, 20], &[300_000, 1], F4, &[0]));
    let encode = |_: &Array, plain: &[u8]| Ok(Bytes::copy_from_slice(plain));
    let options = ParquetOptions::new().with_densify(&encode);
    let mut files = Files::default();
    write_parquet_with(&manifest, &mut files, &options).unwrap();
    // 19 chunks of 1.2 MB, of which zstd makes some hundred bytes.
    assert!(files.0["a/refs.0.parq"].len() < 10_000);
}

#[test]
fn the_record_size_follows_the_arrays() {
    assert_eq!(record_size_for([100_000_000]), 100_000);
    assert_eq!(record_size_for([5_000; 100]), 10_000);
    let mixed = std::iter::repeat_n(22, 999).chain([1_000_000]);
    assert_eq!(record_size_for(mixed), 10_000);
    assert_eq!(record_size_for([u64::MAX, 1]), 100_000);

    let mut files = Files::default();
    write_parquet_with(&manifest(), &mut files, &ParquetOptions::new()).unwrap();
    let metadata: Json = serde_json::from_slice(&files.0[".zmetadata"]).unwrap();
    assert_eq!(metadata["record_size"], 1000);
}

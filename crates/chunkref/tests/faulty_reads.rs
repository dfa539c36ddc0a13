//! What a server does on the way does not change what is read: right values or an error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chunkref::manifest::{
    Array, ChunkRef, ChunkTableBuilder, ConcatBuilder, Encoding, Layout, Location, Pin, zarr,
};
use chunkref::store::{ReadOptions, Selection, Slice};
use chunkref::{Client, ClientOptions, Manifest, ScanOptions, Store, scan};
use chunkref_testkit::{Fault, RangeServer, Schedule, When};
use futures::StreamExt as _;
use zarrs::storage::byte_range::ByteRange;
use zarrs::storage::{AsyncReadableStorageTraits as _, StoreKey};

/// Schedules of faults, each for one kind of read.
const SEEDS: u64 = 1000;
/// Reads at one time: most of them wait most of the time.
const AT_ONCE: usize = 40;
/// Bytes after which answers break off.
const SOME: u64 = 2000;
/// No read takes longer: it is far more than all retries may.
const HUNG: Duration = Duration::from_secs(45);

/// Compressed, plain in chunks, plain in one run, and joined from two granules whose ends lie within
/// chunks.
const ARRAYS: [&str; 4] = ["/deflated", "/plain", "/run", "/joined"];
const FILES: [&str; 2] = ["mur_like_20200601.nc", "atl03_like.h5"];

fn granule(name: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../fixtures/granules/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(path).unwrap()
}

/// Small patience.
fn options(merge_gap: u64) -> ClientOptions {
    ClientOptions::default()
        .with_head_read(0)
        .with_merge_gap(merge_gap)
        .with_concurrency(64)
        .with_retries(6)
        .with_retry_budget(100_000)
        .with_backoff(Duration::from_millis(1))
        .with_read_timeout(Duration::from_millis(400))
        .with_attempt_timeout(Duration::from_secs(2))
}

/// One path for each seed.
fn path(seed: u64, name: &str) -> String {
    format!("/{seed}/{name}")
}

/// Arrays of files at these URLs, pinned by what they are.
async fn manifest(client: &Client, server: &RangeServer, folder: &str) -> Manifest {
    let options = ScanOptions::default().with_inline_threshold(0);
    let mut manifest = Manifest::default();
    let mut arrays = Vec::new();
    for (file, names) in FILES.iter().zip([
        &["/analysed_sst"][..],
        &["/gt1l/heights/h_ph", "/ancillary_data/data_start_utc"],
    ]) {
        let url = server.url_of(&format!("/{folder}/{file}"));
        let scanned = scan(client, &url, &options).await.unwrap().manifest;
        let (_, location) = scanned.locations.iter().next().unwrap();
        // Each path of the server has a time of its own.
        let pin = Pin {
            last_modified: None,
            ..location.pin.clone()
        };
        assert!(pin.etag.is_some() && pin.size.is_some());
        let id = manifest
            .locations
            .intern(Location::new(url).with_pin(pin))
            .unwrap();
        for name in names {
            arrays.push((id, scanned.array(name).unwrap().clone()));
        }
    }
    let [(mur, sst), (atl03, heights), (_, run)] = arrays.try_into().unwrap();
    let in_second = |array: Array| {
        let mut array = array;
        match &mut array.layout {
            Layout::Chunked { chunks, .. } => {
                *chunks = std::mem::take(chunks).map_locations(|_| atl03);
            }
            Layout::Contiguous { location, .. } => *location = atl03,
            _ => panic!("chunks"),
        }
        array
    };
    let (heights, run) = (in_second(heights), in_second(run));
    let root = &mut manifest.root.arrays;
    root.insert("joined".into(), joined(&heights));
    root.insert("run".into(), run);
    root.insert("plain".into(), plain(&sst, mur));
    root.insert("deflated".into(), sst);
    manifest
}

/// The compressed bytes of an array, taken for plain ones: 20 chunks of 97 bytes, every fifth absent.
fn plain(array: &Array, location: chunkref::manifest::LocationId) -> Array {
    let first = array.chunks().find_map(|(_, chunk)| match chunk {
        ChunkRef::Range { offset, .. } => Some(offset),
        _ => None,
    });
    let mut chunks = ChunkTableBuilder::new(vec![4, 5]);
    for index in (0..20).filter(|index| index % 5 != 4) {
        let offset = first.unwrap() + index * 130;
        chunks.push(index, location, offset, 97).unwrap();
    }
    Array {
        shape: vec![4, 5 * 97],
        data_type: chunkref::manifest::DataType::UInt {
            size: 1,
            order: chunkref::manifest::ByteOrder::Little,
        },
        dimension_names: vec!["y".into(), "x".into()],
        fill_value: Some(Bytes::from_static(&[0xee])),
        attributes: array.attributes.clone(),
        layout: Layout::Chunked {
            chunk_shape: vec![1, 97],
            codecs: Vec::new(),
            chunks: chunks.finish(),
            fill_chunk: None,
        },
    }
}

/// An array twice over, whose end lies within a chunk.
fn joined(array: &Array) -> Array {
    let Layout::Chunked {
        chunk_shape,
        codecs,
        chunks,
        ..
    } = &array.layout
    else {
        panic!("chunks");
    };
    let encoding = Encoding {
        chunk_shape: chunk_shape.clone(),
        codecs: codecs.clone(),
        packing: None,
    };
    let mut builder = ConcatBuilder::new(&[0], 0).unwrap();
    for _ in 0..2 {
        builder
            .push(array.shape[0], encoding.clone(), chunks.clone())
            .unwrap();
    }
    Array {
        shape: vec![2 * array.shape[0]],
        layout: Layout::Concat(Box::new(builder.concat().unwrap())),
        ..array.clone()
    }
}

/// What is read of an array; all that comes is one list of bytes, `None` for keys that are not there.
async fn read(
    (store, manifest): (&Store, &Manifest),
    array: &str,
    kind: u64,
) -> Result<Vec<Option<Bytes>>, String> {
    let shape = manifest.array(array).unwrap().shape.clone();
    let elements = async |selection: Selection| {
        let read = store.read(array, &selection, ReadOptions::default()).await;
        read.map(|elements| vec![Some(elements.bytes)])
            .map_err(|error| format!("{error:?}"))
    };
    match kind {
        0 => elements(Selection::All).await,
        1 => {
            let slices = shape.iter().map(|length| {
                Slice::new(length / 7, length - length / 5).with_step(1 + length / 9)
            });
            elements(Selection::slices(slices.collect::<Vec<_>>())).await
        }
        2 => {
            let points = (0..40_u64).map(|number| {
                let axes = shape.iter().enumerate();
                axes.map(|(axis, length)| (number * 37 + axis as u64 * 11) % length)
                    .collect::<Vec<_>>()
            });
            elements(Selection::points(points.collect::<Vec<_>>())).await
        }
        3 => {
            let keys = keys(manifest, array);
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            let read = store.get_many(&keys).await;
            read.map_err(|error| format!("{error:?}"))
        }
        _ => {
            let mut all = Vec::new();
            for key in keys(manifest, array).iter().take(6) {
                let key = StoreKey::new(key).unwrap();
                let parts = [ByteRange::FromStart(1, Some(5)), ByteRange::Suffix(7)];
                let read = store.get_partial_many(&key, Box::new(parts.into_iter()));
                let read = read.await.map_err(|error| error.to_string())?;
                let Some(mut parts) = read else {
                    all.push(None);
                    continue;
                };
                while let Some(part) = parts.next().await {
                    all.push(Some(part.map_err(|error| error.to_string())?));
                }
            }
            Ok(all)
        }
    }
}

/// The keys of all chunks of the grid.
fn keys(manifest: &Manifest, array: &str) -> Vec<String> {
    let grid = manifest.array(array).unwrap().chunk_grid().unwrap();
    let cells: u64 = grid.iter().product();
    let places = (0..cells).filter_map(|index| chunkref::manifest::chunk_coordinates(index, &grid));
    let name = array.trim_start_matches('/');
    places
        .map(|place| format!("{name}/{}", zarr::v3::chunk_key(&place)))
        .collect()
}

const KINDS: u64 = 5;

/// Reads under faults; for each seed the array, the kind of read, and what came.
async fn under(faults: &[Fault]) -> (u64, u64, u64) {
    let files = FILES.map(|name| Bytes::from(granule(name)));
    let mut builder = RangeServer::builder();
    for (name, bytes) in FILES.iter().zip(&files) {
        builder = builder.object(&format!("/clean/{name}"), bytes.clone());
        for seed in 0..SEEDS {
            let mut faults = faults.to_vec();
            faults.push(Fault::Redirect(format!("/clean/{name}")));
            let schedule = Schedule::new(seed, faults).percent(30).in_a_row(4);
            let path = path(seed, name);
            builder = builder
                .object(&path, bytes.clone())
                .schedule(&path, schedule);
        }
    }
    let server = builder.start().await;
    // A client takes time to make, so that many seeds share one.
    let clients: Vec<_> = [0, 300, 64 << 10]
        .map(|gap| Client::new(options(gap)))
        .into();
    let clean = manifest(&Client::default(), &server, "clean").await;
    let clean_store = Store::new(Arc::new(clean.clone()), Client::default());
    let mut right = Vec::new();
    for array in ARRAYS {
        for kind in 0..KINDS {
            right.push(read((&clean_store, &clean), array, kind).await.unwrap());
        }
    }
    // Neither is all alike.
    assert!(
        right
            .iter()
            .flatten()
            .flatten()
            .any(|bytes| bytes.iter().any(|byte| *byte != 0xee))
    );
    assert!(
        right.iter().flatten().any(Option::is_none),
        "an absent chunk"
    );
    let (server, clients, clean, right) = (&server, &clients, &clean, &right);
    let runs = (0..SEEDS).map(|seed| async move {
        let mut manifest = clean.clone();
        manifest.locations = clean
            .locations
            .try_map(|location| {
                let url = location.url.replace("/clean/", &format!("/{seed}/"));
                Ok::<_, ()>(location.clone().with_url(url))
            })
            .unwrap();
        let number = usize::try_from(seed).unwrap();
        let client = clients[number % clients.len()].clone();
        let store = Store::new(Arc::new(manifest), client);
        let case = number / clients.len() % right.len();
        let kinds = usize::try_from(KINDS).unwrap();
        let array = ARRAYS[case / kinds];
        let kind = u64::try_from(case % kinds).unwrap();
        let got = tokio::time::timeout(HUNG, read((&store, clean), array, kind)).await;
        let got = got.unwrap_or_else(|_| panic!("seed {seed}: {array}, read {kind}: it hung"));
        match got {
            Ok(got) => {
                assert!(
                    got == right[case],
                    "seed {seed}: {array}, read {kind}: other values"
                );
                (1, 0)
            }
            Err(error) => {
                let folder = server.url_of(&format!("/{seed}/"));
                assert!(error.contains(&folder), "seed {seed}: {error}");
                (0, 1)
            }
        }
    });
    let mut runs = futures::stream::iter(runs).buffer_unordered(AT_ONCE);
    let (mut same, mut failed) = (0, 0);
    while let Some((one, other)) = runs.next().await {
        same += one;
        failed += other;
    }
    let retries = clients.iter().map(|one| one.log().snapshot().retries).sum();
    (same, failed, retries)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_any_faults_values_are_right_or_there_are_none() {
    let started = Instant::now();
    let faults = [Fault::passing(SOME), Fault::staying()].concat();
    let (same, failed, retries) = under(&faults).await;
    eprintln!(
        "{same} right, {failed} failed, {retries} retries in {:?}",
        started.elapsed()
    );
    assert_eq!(same + failed, SEEDS);
    assert!(same > SEEDS / 10 && failed > SEEDS / 10, "{same} {failed}");
    assert!(retries > SEEDS / 10, "{retries}");
}

#[tokio::test]
async fn an_object_that_is_replaced_in_the_middle_of_a_read_is_named() {
    let mut failed = 0;
    for array in ARRAYS {
        for kind in 0..KINDS {
            // A server for each read: one that fails leaves requests behind, which others would count.
            let server = RangeServer::builder()
                .object("/clean/mur_like_20200601.nc", granule(FILES[0]))
                .object("/clean/atl03_like.h5", granule(FILES[1]))
                .start()
                .await;
            let manifest = Arc::new(manifest(&Client::default(), &server, "clean").await);
            server.reset();
            // The first request gives the bytes that were pinned; all others are of another object.
            server.set_fault(Fault::Replace, When::After(1));
            let store = Store::new(Arc::clone(&manifest), Client::new(options(0)));
            match read((&store, &manifest), array, kind).await {
                Ok(_) => assert!(server.requests() < 2, "{array} {kind}"),
                Err(error) => {
                    failed += 1;
                    assert!(error.contains("ETag"), "{array} {kind}: {error}");
                    assert!(error.contains(&server.url()), "{array} {kind}: {error}");
                }
            }
        }
    }
    assert!(failed > 5, "{failed}");
}

//! What a set says beside what libhdf5 reads.

use std::sync::Arc;

use chunkref::manifest::{Array, Codec, Layout, Manifest};
use chunkref::verify::{FindingKind, Verified, VerifyOptions, verify};
use chunkref::{Counter, ScanOptions, scan};

use crate::references::{codecs, exchanged, moved, table};
use crate::sets::{FILES, alone, client, granule, joined, scanned, told};

/// All chunks, without a new scan, or some.
async fn compared(manifest: &Manifest, sample: Option<u64>) -> Verified {
    let options = VerifyOptions::new()
        .with_sample(sample)
        .with_scan(false)
        .with_libhdf5(true);
    verify(
        &client(),
        &Arc::new(manifest.clone()),
        &options,
        &Counter::new(),
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_sound_sets_are_libhdf5s() {
    let (mut chunks, mut all) = (0, 0);
    for name in FILES {
        let path = granule(name);
        for inlined in [false, true] {
            let manifest = if inlined {
                let (client, options) = (client(), ScanOptions::default());
                let scanned = scan(&client, path.to_str().unwrap(), &options).await;
                scanned.unwrap().manifest
            } else {
                scanned(&path).await
            };
            for sample in [None, Some(30)] {
                let found = compared(&manifest, sample).await;
                assert_eq!(told(&found), [""; 0], "{name}");
                chunks += found.compared;
                all += found.decoded;
                for reason in &found.not_compared {
                    eprintln!("{name}: not compared: {reason}");
                }
            }
        }
    }
    for sample in [None, Some(30)] {
        let found = compared(&joined().await, sample).await;
        assert_eq!(told(&found), [""; 0]);
        assert_eq!(found.compared, found.decoded, "{:?}", found.not_compared);
        chunks += found.compared;
        all += found.decoded;
    }
    eprintln!("{chunks} of {all} chunks compared with libhdf5");
    assert!(chunks * 10 > all * 8, "{chunks} of {all}");
}

/// The changes that decoding can't find.
fn changes(array: &Array) -> Vec<(&'static str, Array)> {
    let shuffled = codecs(array, |codecs| {
        codecs.retain(|codec| !matches!(codec, Codec::Shuffle { .. }));
    });
    let mut shorter = array.clone();
    if let Some(length) = shorter.shape.last_mut() {
        *length -= 1;
    }
    let same_grid = matches!(&shorter.layout, Layout::Chunked { chunks, .. }
        if shorter.chunk_grid().is_ok_and(|grid| grid == chunks.grid()));
    let plain = array.codecs().is_empty();
    [
        (
            "two chunks are exchanged",
            exchanged(array).map(|changed| changed.0),
        ),
        ("shuffle is missing", shuffled),
        (
            "a plain chunk lies elsewhere",
            plain
                .then(|| moved(array, 8, 0))
                .flatten()
                .map(|changed| changed.0),
        ),
        ("the last axis is shorter", same_grid.then_some(shorter)),
    ]
    .into_iter()
    .filter_map(|(what, changed)| Some((what, changed?)))
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_decoding_can_not_find_libhdf5_finds() {
    let mut found = 0;
    let sets = [
        (
            "layouts_latest.h5",
            scanned(&granule("layouts_latest.h5")).await,
        ),
        ("joined", joined().await),
    ];
    for (name, manifest) in sets {
        for (path, array) in manifest.arrays() {
            if table(array).is_none_or(|chunks| chunks.stored() < 2) {
                continue;
            }
            for (what, changed) in changes(array) {
                let case = format!("{name}: {path}: {what}");
                // Strings are not compared, and chunks that hold the same may be exchanged.
                let sound = compared(&alone(&manifest, &path, array.clone()), None).await;
                // The order of granules is no matter of their files.
                if sound.compared == 0 || path.contains("masks") || path == "/time" {
                    continue;
                }
                let one = compared(&alone(&manifest, &path, changed), None).await;
                let values = |finding: &chunkref::verify::Finding| {
                    matches!(
                        finding.kind,
                        FindingKind::Values | FindingKind::Chunk | FindingKind::Overlap
                    )
                };
                assert!(one.findings.iter().any(values), "{case}: {:?}", told(&one));
                found += 1;
            }
        }
    }
    eprintln!("{found} changes found by libhdf5");
    assert!(found > 30, "{found}");
}

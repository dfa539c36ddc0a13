//! Sound sets, and how they are verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chunkref::combine::ConcatOptions;
use chunkref::manifest::{Array, Group};
use chunkref::verify::{Verified, VerifyOptions, verify};
use chunkref::{Client, ClientOptions, Counter, Manifest, ScanOptions, concat, scan};

/// Files of all kinds of storage.
pub(crate) const FILES: [&str; 10] = [
    "mur_like_20200601.nc",
    "atl03_like.h5",
    "layouts_earliest.h5",
    "layouts_latest.h5",
    "types.h5",
    "elements_numbers.h5",
    "fills.h5",
    "external_segments.h5",
    "virtual.h5",
    "attrs_latest.h5",
];

pub(crate) fn granule(name: &str) -> PathBuf {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules", name]
        .iter()
        .collect();
    path.canonicalize().unwrap()
}

pub(crate) fn client() -> Client {
    Client::new(ClientOptions::default())
}

/// What a file holds, nothing of it inlined.
pub(crate) async fn scanned(path: &Path) -> Manifest {
    let options = ScanOptions::default().with_inline_threshold(0);
    let scanned = scan(&client(), path.to_str().unwrap(), &options).await;
    scanned.unwrap().manifest
}

/// Three days as one.
pub(crate) async fn joined() -> Manifest {
    let mut days = Vec::new();
    for day in ["20200601", "20200602", "20200603"] {
        days.push(scanned(&granule(&format!("mur_like_{day}.nc"))).await);
    }
    concat(days, "time", &ConcatOptions::new()).unwrap().0
}

/// All chunks; references compared with a new scan, or not.
pub(crate) async fn verified(manifest: &Manifest, scan: bool) -> Verified {
    let options = VerifyOptions::new().with_sample(None).with_scan(scan);
    let counter = Counter::new();
    let manifest = Arc::new(manifest.clone());
    let verified = verify(&client(), &manifest, &options, &counter).await;
    let (done, total) = counter.get();
    assert_eq!((done, total), (verified.chunks, verified.chunks));
    verified
}

/// The findings as text.
pub(crate) fn told(verified: &Verified) -> Vec<String> {
    let findings = verified.findings.iter();
    findings
        .map(|finding| format!("{}: {finding}", finding.kind.name()))
        .collect()
}

/// A manifest of one array of another.
pub(crate) fn alone(manifest: &Manifest, path: &str, array: Array) -> Manifest {
    let mut names: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let mut group = Group::default();
    group.arrays.insert(names.pop().unwrap().to_owned(), array);
    for name in names.into_iter().rev() {
        let within = std::mem::take(&mut group);
        group.groups.insert(name.to_owned(), within);
    }
    let mut one = Manifest::new(group, manifest.locations.clone());
    one.provenance = manifest.provenance.clone();
    one
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_sets_are_sound() {
    for name in FILES {
        let manifest = scanned(&granule(name)).await;
        let verified = verified(&manifest, true).await;
        assert_eq!(told(&verified), [""; 0], "{name}");
        assert_eq!(
            verified.decoded + verified.unknown,
            verified.chunks,
            "{name}"
        );
        assert!(verified.arrays > 0 && verified.objects > 0, "{name}");
    }
    let joined = verified(&joined().await, true).await;
    assert_eq!(told(&joined), [""; 0]);
    assert_eq!((joined.objects, joined.decoded), (3, joined.chunks));
    assert!(joined.rescanned > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_reads_a_few_of_many() {
    let manifest = Arc::new(joined().await);
    let whole = verified(&manifest, false).await;
    let client = client();
    let options = VerifyOptions::new().with_sample(Some(7)).with_scan(false);
    let counter = Counter::new();
    let verified = verify(&client, &manifest, &options, &counter).await;
    assert_eq!((verified.decoded, counter.get()), (7, (7, 7)));
    assert!(whole.chunks > 20, "{}", whole.chunks);
    assert_eq!(verified.references, whole.references);
    assert_eq!(verified.chunks, whole.chunks);
}

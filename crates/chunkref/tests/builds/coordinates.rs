//! Coordinates that no threshold inlines: granules are sorted by them all the same.

use chunkref::build::{Build, BuildError, OnUnlike, Sources, Summary};
use chunkref::manifest::{Layout, Manifest};
use chunkref::{Client, ClientOptions, ScanOptions, read_set};
use chunkref_testkit::RangeServer;

use crate::archive::{client, fixtures, granule, tree};

/// A granule whose 180 latitudes, of 720 bytes, begin with this one.
fn north_of(first: f32) -> Vec<u8> {
    moved(
        std::fs::read(fixtures().join("mur_like_20200601.nc")).unwrap(),
        first,
    )
}

fn moved(mut bytes: Vec<u8>, first: f32) -> Vec<u8> {
    let latitudes = |first: f32| -> Vec<u8> {
        let all = (0..180_u8).map(|place| first + f32::from(place));
        all.flat_map(f32::to_le_bytes).collect()
    };
    let old = latitudes(-89.5);
    let mut places = bytes.windows(old.len());
    let at = places.position(|window| window == old).unwrap();
    bytes[at..at + old.len()].copy_from_slice(&latitudes(first));
    bytes
}

async fn built(
    files: &[(&str, Vec<u8>)],
    build: impl FnOnce(String) -> Build,
) -> (Result<Summary, BuildError>, Option<Manifest>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, bytes) in files {
        std::fs::write(path(name), bytes).unwrap();
    }
    let sources = Sources::Files(files.iter().map(|(name, _)| path(name)).collect());
    let build = build(path("set.json"));
    let result = build.run(&client(), &sources, &mut |_| ()).await;
    let set = match &result {
        Ok(_) => Some(read_set(&client(), &path("set.json"), None).await.unwrap()),
        Err(_) => None,
    };
    // From the journal it is the same.
    if let Ok(first) = &result {
        let again = build.run(&client(), &sources, &mut |_| ()).await.unwrap();
        assert_eq!((again.granules, again.scanned), (first.granules, 0));
        assert_eq!(again.joined, first.joined);
    }
    (result, set.map(|set| set.manifest))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_coordinates_are_sorted_by() {
    let files = [("a.nc", north_of(200.5)), ("b.nc", north_of(-89.5))];
    let along = |output: String| Build::new(output).with_concat_dim("lat");
    let (result, set) = built(&files, along).await;
    let report = result.unwrap().joined.unwrap();
    assert_eq!(report.ascending, Some(true));
    assert_eq!(report.lengths, [180, 180]);
    assert!(report.granules[0].ends_with("b.nc"), "{report:?}");
    let set = set.unwrap();
    let latitudes = set.array("lat").unwrap();
    assert_eq!(latitudes.shape, [360]);
    // As many are left in the file as before, where they are not joined along.
    let longitudes = set.array("lon").unwrap();
    assert!(!matches!(longitudes.layout, Layout::Inline { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_coordinates_that_repeat_are_found() {
    // All of them, and some.
    for first in [-89.5, 0.5] {
        let files = [("a.nc", north_of(first)), ("b.nc", north_of(-89.5))];
        let along = |output: String| Build::new(output).with_concat_dim("lat");
        let (result, _) = built(&files, along).await;
        let error = result.unwrap_err();
        assert!(matches!(error, BuildError::Twice { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_threshold_keeps_the_coordinate_out() {
    let files = [
        ("a.nc", granule(3)),
        ("b.nc", granule(1)),
        ("c.nc", granule(2)),
    ];
    let none = ScanOptions::default().with_inline_threshold(0);
    let along = |output: String| Build::new(output).with_concat_dim("time").with_scan(none);
    let (result, _) = built(&files, along).await;
    let report = result.unwrap().joined.unwrap();
    assert_eq!(report.ascending, Some(true));
    let names = ["b.nc", "c.nc", "a.nc"];
    let mut sorted = report.granules.iter().zip(names);
    assert!(sorted.all(|(name, end)| name.ends_with(end)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coordinates_are_read_where_the_file_was_scanned() {
    let server = RangeServer::builder().start_blocking();
    server.put("a.nc", north_of(200.5));
    server.put("b.nc", north_of(-89.5));
    let url = |name: &str| server.url_of(&format!("{name}?X-Amz-Signature=5ecre7"));
    let sources = Sources::Files(vec![url("a.nc"), url("b.nc")]);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("set.json");
    let build = Build::new(output.to_str().unwrap()).with_concat_dim("lat");
    // Nothing is kept of what the scan read.
    let options = ClientOptions::default().with_cache_bytes(0);
    let client = Client::new(options.with_head_read(0).with_merge_gap(0));
    let summary = build.run(&client, &sources, &mut |_| ()).await.unwrap();
    assert_eq!(summary.joined.unwrap().ascending, Some(true));
    let log = server.log();
    assert!(log.iter().all(|one| one.query.is_some()), "{log:?}");
    for (name, bytes) in tree(folder.path()) {
        assert!(
            !String::from_utf8_lossy(&bytes).contains("5ecre7"),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coordinates_of_other_dimensions_must_be_equal() {
    let file = |day: usize, first: f32| (["a.nc", "b.nc", "c.nc"][day], moved(granule(day), first));
    let along = |output: String| Build::new(output).with_concat_dim("time");
    // No threshold inlines them, but they were compared.
    let (result, set) = built(&[0, 1, 2].map(|day| file(day, -89.5)), along).await;
    let report = result.unwrap().joined.unwrap();
    assert_eq!(report.from_first, [""; 0]);
    assert_eq!(report.equal, ["lat", "lon"]);
    let set = set.unwrap();
    let latitudes = set.array("lat").unwrap();
    assert!(!matches!(latitudes.layout, Layout::Inline { .. }));
    // Whichever is another one, be it the first.
    for odd in 0..3 {
        let north = |day: usize| if day == odd { -89.5 + 1e-5 } else { -89.5 };
        let files = [0, 1, 2].map(|day| file(day, north(day)));
        let (result, _) = built(&files, along).await;
        let error = result.unwrap_err();
        assert!(matches!(error, BuildError::Unlike { .. }), "{error}");
        let expected = format!(
            "{}: /lat: its values are others than in most granules, and it has no dimension time",
            files[odd].0
        );
        assert!(error.to_string().contains(&expected), "{error}");
        let skip = |output| along(output).with_on_unlike(OnUnlike::Skip);
        let (result, set) = built(&files, skip).await;
        let summary = result.unwrap();
        assert_eq!((summary.granules, summary.unlike.len()), (2, 1));
        assert_eq!(summary.unlike[0].granule, files[odd].0);
        assert_eq!(set.unwrap().array("time").unwrap().shape, [2]);
    }
}

//! What a narrow scan says of an array is what the whole scan says of it.

use chunkref_io::{Client, ClientOptions};
use chunkref_scan::{Error, Granule, Manifest, Outcome, ScanOptions, Scanned, scan};

fn granule(name: &str) -> String {
    format!(
        "{}/../../fixtures/granules/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn run(name: &str, options: &ScanOptions) -> Result<Scanned, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(ClientOptions::default());
    runtime.block_on(scan(&client, &granule(name), options))
}

fn arrays(manifest: &Manifest) -> Vec<String> {
    manifest.arrays().map(|(path, _)| path).collect()
}

#[test]
fn each_variable_by_itself_is_as_in_the_whole() {
    for name in ["dims.nc", "phony.h5", "scales.h5", "atl03_like.h5"] {
        let whole = run(name, &ScanOptions::default()).unwrap();
        for path in arrays(&whole.manifest) {
            let (group, variable) = path.rsplit_once('/').unwrap();
            let options = ScanOptions::default()
                .with_group(format!("/{group}"))
                .with_variables([variable]);
            let narrow = run(name, &options).unwrap();
            let array = narrow.manifest.array(&path);
            assert_eq!(
                array,
                whole.manifest.array(&path),
                "{name}: {path}: {:?}",
                narrow.report
            );
        }
    }
}

#[test]
fn a_group_holds_what_is_below_it_and_nothing_else() {
    let options = ScanOptions::default().with_group("gt1l/heights");
    let narrow = run("atl03_like.h5", &options).unwrap();
    let paths = arrays(&narrow.manifest);
    assert!(!paths.is_empty());
    assert!(
        paths.iter().all(|path| path.starts_with("/gt1l/heights/")),
        "{paths:?}"
    );
}

#[test]
fn inlining_can_be_turned_off() {
    let options = ScanOptions::default().with_inline_threshold(0);
    let scanned = run("atl03_like.h5", &options).unwrap();
    let whole = run("atl03_like.h5", &ScanOptions::default()).unwrap();
    let inlined = |scanned: &Scanned| {
        let datasets = scanned.report.datasets.iter();
        datasets
            .filter(|one| one.outcome == Outcome::Inlined)
            .count()
    };
    assert!(inlined(&scanned) < inlined(&whole));
}

#[test]
fn small_data_of_paged_files_is_inlined_only_when_asked_for() {
    let inlined = |options| {
        let scanned = run("../hdf5/file_space_paged.h5", &options).unwrap();
        let datasets = scanned.report.datasets.into_iter();
        datasets
            .filter(|one| one.outcome == Outcome::Inlined)
            .map(|one| one.path)
            .collect::<Vec<_>>()
    };
    // Strings of variable length lie with the metadata, and no reference can say where.
    assert_eq!(inlined(ScanOptions::default()), ["/strings"]);
    assert_eq!(
        inlined(ScanOptions::default().with_inline_threshold(500)),
        [
            "/chunked",
            "/contiguous",
            "/group/inner",
            "/soft",
            "/strings"
        ]
    );
}

#[test]
fn what_is_not_there_is_an_error() {
    let group = run(
        "atl03_like.h5",
        &ScanOptions::default().with_group("/nowhere"),
    );
    assert!(group.unwrap_err().to_string().contains("nowhere"));
    let variable = run(
        "atl03_like.h5",
        &ScanOptions::default().with_variables(["nowhere"]),
    );
    assert!(variable.unwrap_err().to_string().contains("nowhere"));
}

#[test]
fn a_variable_is_a_path_from_the_group() {
    let paths = |scanned: &Scanned| -> Vec<String> {
        let datasets = scanned.report.datasets.iter();
        datasets.map(|one| one.path.clone()).collect()
    };
    let whole_file = ScanOptions::default().with_variables(["gt1l/heights/h_ph"]);
    let scanned = run("atl03_like.h5", &whole_file).unwrap();
    assert_eq!(paths(&scanned), ["/gt1l/heights/h_ph"]);
    let in_group = ScanOptions::default()
        .with_group("/gt1l")
        .with_variables(["heights/h_ph"]);
    let scanned = run("atl03_like.h5", &in_group).unwrap();
    assert_eq!(paths(&scanned), ["/gt1l/heights/h_ph"]);
    // A bare name is looked for in the group alone, not in those below.
    let bare = ScanOptions::default().with_variables(["h_ph"]);
    let error = run("atl03_like.h5", &bare).unwrap_err().to_string();
    assert!(error.contains("the root group"), "{error}");
}

#[tokio::test]
async fn each_group_on_demand_is_as_in_the_whole() {
    for name in ["dims.nc", "phony.h5", "scales.h5", "atl03_like.h5"] {
        let whole = run_async(name, &ScanOptions::default()).await;
        let client = Client::new(ClientOptions::default());
        let path = granule(name);
        let granule = Granule::open(&client, &path, ScanOptions::default()).await;
        let granule = granule.unwrap();
        let mut paths = vec![String::from("/")];
        let mut count = 0;
        while let Some(path) = paths.pop() {
            let scanned = granule.group(&path).await.unwrap();
            let found = scanned.manifest.group(&path).unwrap();
            let expected = whole.manifest.group(&path).unwrap();
            assert_eq!(found.attributes, expected.attributes, "{name}: {path}");
            assert_eq!(found.arrays, expected.arrays, "{name}: {path}");
            let names = |group: &chunkref_manifest::Group| -> Vec<String> {
                group.groups.keys().cloned().collect()
            };
            assert_eq!(names(found), names(expected), "{name}: {path}");
            for (below, group) in &found.groups {
                assert!(group.arrays.is_empty() && group.groups.is_empty());
                assert_eq!(group.attributes, expected.groups[below].attributes);
                paths.push(format!("{}/{below}", path.trim_end_matches('/')));
            }
            count += found.arrays.len();
        }
        assert_eq!(count, whole.manifest.arrays().count(), "{name}");
    }
}

async fn run_async(name: &str, options: &ScanOptions) -> Scanned {
    let client = Client::new(ClientOptions::default());
    scan(&client, &granule(name), options).await.unwrap()
}

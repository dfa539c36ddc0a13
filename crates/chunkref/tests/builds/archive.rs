//! An archive of daily granules like those of MUR.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chunkref::build::{Build, BuildError, Sources, Summary};
use chunkref::earthdata::{Cmr, FileChoice, GranuleSearch, Granules};
use chunkref::manifest::Manifest;
use chunkref::{Client, ClientOptions, read_set};
use chunkref_testkit::{CmrCollection, CmrServer, RangeServer};

pub(crate) const NAME: &str = "MUR-LIKE";

/// The granule of a day, counted from 2020-06-01: that day's time of 9:00 in a granule that is otherwise
/// that of the first.
pub(crate) fn granule(day: usize) -> Vec<u8> {
    let path = fixtures().join("mur_like_20200601.nc");
    let mut bytes = std::fs::read(path).unwrap();
    let first = 1_243_846_800_i32;
    let old = first.to_le_bytes();
    let places: Vec<_> = (0..bytes.len() - 4)
        .filter(|&at| bytes[at..at + 4] == old)
        .collect();
    assert_eq!(places.len(), 1);
    let new = first + 86_400 * i32::try_from(day).unwrap();
    bytes[places[0]..places[0] + 4].copy_from_slice(&new.to_le_bytes());
    bytes
}

pub(crate) fn fixtures() -> PathBuf {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fixtures/granules"]
        .iter()
        .collect();
    path.canonicalize().unwrap()
}

/// CMR, the granules, and a folder for what is built.
pub(crate) struct Archive {
    pub(crate) cmr: CmrServer,
    pub(crate) files: RangeServer,
    pub(crate) folder: tempfile::TempDir,
}

impl Archive {
    pub(crate) fn new(days: usize) -> Self {
        let files = RangeServer::builder().start_blocking();
        let collection = CmrCollection::daily(100, NAME, "2020-06-01", 21, days);
        for (day, granule) in collection.granules.iter().enumerate() {
            files.put(&granule.files[0], self::granule(day));
        }
        let collection = collection.with_links(&files.url(), None);
        Self {
            cmr: CmrServer::builder().collection(collection).start(),
            files,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes the collection longer.
    pub(crate) fn grow(&self, days: usize) {
        self.cmr.change(|all| {
            let longer = CmrCollection::daily(100, NAME, "2020-06-01", 21, days);
            let before = all[0].granules.len();
            for (day, granule) in longer.granules.into_iter().enumerate().skip(before) {
                self.files.put(&granule.files[0], self::granule(day));
                all[0].granules.push(granule);
            }
        });
    }

    pub(crate) fn output(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn sources(&self, search: GranuleSearch) -> Sources {
        Sources::Search {
            search: Box::new(search),
            cmr: Box::new(Cmr::new(client()).with_url(&self.cmr.url())),
            choice: FileChoice::default(),
        }
    }

    /// Builds `NAME` of all granules, joined along `time` unless it is a folder.
    pub(crate) async fn build(&self, name: &str) -> Result<Summary, BuildError> {
        self.build_with(name, |build| build).await
    }

    pub(crate) async fn build_with(
        &self,
        name: &str,
        change: impl FnOnce(Build) -> Build,
    ) -> Result<Summary, BuildError> {
        let sources = self.sources(Granules::search().short_name(NAME));
        let build = Build::new(self.output(name));
        let build = if name.ends_with('/') {
            build
        } else {
            build.with_concat_dim("time")
        };
        self.files.reset();
        change(build).run(&client(), &sources, &mut |_| ()).await
    }

    /// The files that were asked for since the last build began.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut paths: Vec<_> = self.files.log().into_iter().map(|one| one.path).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.output(name)).unwrap()
    }

    pub(crate) async fn manifest(&self, name: &str) -> Manifest {
        let set = read_set(&client(), &self.output(name), None).await.unwrap();
        assert!(set.report.refused.is_empty());
        set.manifest
    }
}

pub(crate) fn client() -> Client {
    let options = ClientOptions::default()
        .with_backoff(Duration::from_millis(1))
        .with_retries(1);
    Client::new(options)
}

/// All files of a folder and below, with their bytes.
pub(crate) fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(one) = folders.pop() {
        for entry in std::fs::read_dir(one).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

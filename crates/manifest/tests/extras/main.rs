//! Extras: what is written is read back, and nothing that contradicts it is taken.

mod contradictions;
mod every_layout;
mod manifests;
mod round_trip;
mod untrusted;

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use chunkref_manifest::Manifest;
use chunkref_manifest::kerchunk::{
    BlobSource, Blobs, JsonOptions, ReadSet, read_json, read_parquet, write_json, write_parquet,
};

/// The files of a Parquet set.
#[derive(Clone, Debug, Default)]
struct Files(BTreeMap<String, Bytes>);

impl Blobs for Files {
    fn put(&mut self, path: &str, bytes: Bytes) -> io::Result<()> {
        self.0.insert(path.to_owned(), bytes);
        Ok(())
    }
}

impl BlobSource for Files {
    fn get(&mut self, path: &str) -> io::Result<Option<Bytes>> {
        Ok(self.0.get(path).cloned())
    }
}

fn json_text(manifest: &Manifest) -> String {
    let mut text = Vec::new();
    write_json(manifest, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn from_json(text: &str) -> chunkref_manifest::Result<ReadSet> {
    read_json(text.as_bytes(), &JsonOptions::new())
}

fn parquet_files(manifest: &Manifest, record_size: usize) -> Files {
    let mut files = Files::default();
    write_parquet(manifest, &mut files, record_size).unwrap();
    files
}

fn from_parquet(mut files: Files) -> chunkref_manifest::Result<ReadSet> {
    read_parquet(&mut files)
}

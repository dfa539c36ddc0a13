//! One manifest a granule in a folder, and an index of them.

use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_io::Client;
use chunkref_manifest::Manifest;
use serde_json::{Value, json};
use twox_hash::XxHash64;

use super::error::BuildError;
use super::ours;
use super::provenance::Origin;
use super::source::Source;
use crate::format::is_file_url;
use crate::parquet::WriteOptions;
use crate::write::{WriteError, write_file, write_to};

/// The index.
pub(crate) const INDEX: &str = "index.json";

/// Names of manifests, by key: that of the file, made fit for any file system; of several that are
/// equal, each with a number that depends on its address alone.
pub(crate) fn file_names<'a>(
    sources: impl Iterator<Item = &'a Source> + Clone,
) -> BTreeMap<&'a str, String> {
    let plain = |source: &Source| {
        let fit = |letter: char| {
            let is_fit = letter.is_ascii_alphanumeric() || "-_+=@.".contains(letter);
            if is_fit { letter } else { '_' }
        };
        let name: String = source.file().chars().map(fit).collect();
        // No hidden files, none that is a folder's, and none that is the index.
        let name = name.trim_start_matches('.').to_owned();
        if name.is_empty() || name == "index" {
            format!("_{name}")
        } else {
            name
        }
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources.clone() {
        let name = plain(source).to_ascii_lowercase();
        *counts.entry(name).or_default() += 1;
    }
    let named = |source: &'a Source| {
        let name = plain(source);
        let is_alone = counts.get(&name.to_ascii_lowercase()) == Some(&1);
        let name = if is_alone {
            format!("{name}.json")
        } else {
            let mut hash = XxHash64::with_seed(0);
            hash.write(source.key.as_bytes());
            format!("{name}-{:016x}.json", hash.finish())
        };
        (source.key.as_str(), name)
    };
    sources.map(named).collect()
}

/// Writes the manifest of one granule.
pub(crate) async fn write_one(
    client: &Client,
    folder: &str,
    name: &str,
    manifest: Manifest,
) -> Result<(), BuildError> {
    let path = within(folder, name);
    write_to(client, &Arc::new(manifest), &path, &WriteOptions::default()).await?;
    Ok(())
}

/// Writes the index, last of all: what it names is there. Manifests that only the index before it names
/// are removed, where that lies on this machine.
pub(crate) async fn write_index(
    client: &Client,
    folder: &str,
    sources: &[&Source],
    names: &BTreeMap<&str, String>,
    origin: &Origin,
) -> Result<(), BuildError> {
    let name = |source: &Source| names.get(source.key.as_str());
    let granules: Vec<Value> = sources
        .iter()
        .map(|source| {
            let record = source.record.as_ref();
            json!({
                "granule": source.name(),
                "concept_id": record.map(|record| &record.concept_id),
                "revision": record.map(|record| record.revision),
                "file": source.url,
                "alternates": source.alternates,
                "manifest": name(source),
            })
        })
        .collect();
    let index = json!({
        "version": 1,
        "chunkref": env!("CARGO_PKG_VERSION"),
        "collection": origin.collection,
        "query": origin.query,
        "granules": granules,
    });
    let text = format!("{index:#}\n");
    if folder.contains("://") && !is_file_url(folder) {
        let object = |source| WriteError::Object { source };
        let bucket = client.folder(folder).map_err(object)?;
        let text = Bytes::from(text);
        bucket.put(INDEX, &text).await.map_err(object)?;
        return Ok(());
    }
    let path = within(folder, INDEX);
    let path = if is_file_url(&path) {
        chunkref_io::file_path(&path).map_err(BuildError::Io)?
    } else {
        Path::new(&path).to_owned()
    };
    let before = std::fs::read(&path).ok();
    let before = before.filter(|before| ours::is_index(before));
    write_file(&path, |out| out.write_all(text.as_bytes()))?;
    if let (Some(before), Some(folder)) = (before, path.parent()) {
        let kept: Vec<&String> = names.values().collect();
        for stale in named(&before).filter(|name| !kept.contains(&name)) {
            let stale = folder.join(stale);
            if ours::is_manifest(&stale) {
                // It may be gone already.
                let _ = std::fs::remove_file(stale);
            }
        }
    }
    Ok(())
}

/// The manifests that an index names, as far as they are names of files beside it.
fn named(index: &[u8]) -> impl Iterator<Item = String> {
    let index: Value = serde_json::from_slice(index).unwrap_or_default();
    let granules = index.get("granules").and_then(Value::as_array).cloned();
    let names = granules.unwrap_or_default().into_iter();
    let names = names.filter_map(|one| Some(one.get("manifest")?.as_str()?.to_owned()));
    names.filter(|name| {
        let is_plain = name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_+=@.".contains(letter));
        is_plain
            && name.rsplit('.').next() == Some("json")
            && name != INDEX
            && !name.starts_with('.')
    })
}

pub(crate) fn within(folder: &str, name: &str) -> String {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() {
        return format!("/{name}");
    }
    format!("{folder}/{name}")
}

#[cfg(test)]
mod tests {
    use super::{Source, file_names, named};

    #[test]
    fn names_are_fit_for_file_systems_and_differ() {
        let addresses = [
            "s3://b/2020/a.nc",
            "s3://b/2021/A.nc",
            "https://h/x%20y:z.nc",
            "s3://b/..",
            "s3://b/index",
        ];
        let sources: Vec<_> = addresses.map(Source::of_address).into();
        let names = file_names(sources.iter());
        let name = |address: &str| names[address].as_str();
        assert!(name("s3://b/2020/a.nc").starts_with("a.nc-"));
        assert_ne!(name("s3://b/2020/a.nc"), name("s3://b/2021/A.nc"));
        assert_eq!(name("https://h/x%20y:z.nc"), "x_20y_z.nc.json");
        assert_eq!(name("s3://b/.."), "_.json");
        assert_eq!(name("s3://b/index"), "_index.json");
        // What depends on the address alone stays the same when others come.
        let one = file_names(sources.iter().take(2));
        assert_eq!(one["s3://b/2020/a.nc"], name("s3://b/2020/a.nc"));
    }

    #[test]
    fn an_index_names_nothing_elsewhere() {
        let index = br#"{"granules": [{"manifest": "a.json"}, {"manifest": "../b.json"},
            {"manifest": "index.json"}, {"manifest": 1}, {"manifest": "/etc/c.json"}]}"#;
        assert_eq!(named(index).collect::<Vec<_>>(), ["a.json"]);
        assert_eq!(named(b"no index").count(), 0);
    }
}

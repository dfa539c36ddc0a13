//! What is written in the end, of the manifests in the journal.

use std::path::Path;
use std::sync::Arc;

use chunkref_io::Client;
use chunkref_manifest::Manifest;

use super::Build;
use super::error::BuildError;
use super::events::{Event, Summary, Tell};
use super::index;
use super::joining::{self, Joined, Member};
use super::journal::{Done, Journal};
use super::ours;
use super::provenance::{Origin, describe};
use super::source::Source;
use crate::format::SetFormat;
use crate::write::write_to;

/// Writes the set of these files, or one manifest for each.
pub(crate) async fn write(
    build: &Build,
    client: &Client,
    journal: &Journal,
    keys: &[String],
    origin: &Origin,
    summary: &mut Summary,
    tell: &mut Tell<'_>,
) -> Result<(), BuildError> {
    let mut entries: Vec<(&Source, &Done)> = keys
        .iter()
        .filter_map(|key| {
            let entry = journal.get(key)?;
            Some((&entry.source, entry.done()?))
        })
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
    for (source, done) in &entries {
        for one in &done.left_out {
            summary.lack(source.name(), &one.path, &one.reason, one.decoded);
        }
    }
    match &build.concat_dim {
        Some(dimension) => {
            let manifest = join(build, journal, &entries, dimension, summary, tell)?;
            write_set(build, client, manifest, origin, tell).await?;
        }
        None => each(build, client, journal, &entries, origin, tell).await?,
    }
    let left_out = summary
        .unlike_granules()
        .saturating_add(summary.superseded.len());
    summary.granules = entries.len().saturating_sub(left_out);
    if !build.output.contains("://") {
        tidy(Path::new(&build.output));
    }
    Ok(())
}

fn load(
    journal: &Journal,
    source: &Source,
    done: &Done,
    tell: &mut Tell<'_>,
) -> Result<Manifest, BuildError> {
    let manifest = journal.manifest(&source.key)?;
    tell(Event::Loaded);
    Ok(describe(manifest, source, done))
}

fn join(
    build: &Build,
    journal: &Journal,
    entries: &[(&Source, &Done)],
    dimension: &str,
    summary: &mut Summary,
    tell: &mut Tell<'_>,
) -> Result<Manifest, BuildError> {
    let sources: Vec<&Source> = entries.iter().map(|(source, _)| *source).collect();
    let names = joining::names(&sources);
    let mut members = Vec::with_capacity(entries.len());
    for ((source, done), name) in entries.iter().zip(names) {
        members.push(Member {
            name,
            source: (*source).clone(),
            coordinates: done.coordinates.clone(),
            manifest: load(journal, source, done, tell)?,
        });
    }
    let Joined {
        manifest,
        report,
        unlike,
        superseded,
    } = joining::join(members, dimension, build.on_unlike, build.supersede)?;
    if report.ascending.is_none() {
        tell(Event::Remark(&format!(
            "{dimension} has no coordinate of numbers in all granules, so these are not sorted by it, \
             but by the times of their records and by their names, and nothing tells whether they \
             repeat values"
        )));
    }
    summary.joined = Some(report);
    summary.unlike = unlike;
    summary.superseded = superseded;
    Ok(manifest)
}

async fn write_set(
    build: &Build,
    client: &Client,
    mut manifest: Manifest,
    origin: &Origin,
    tell: &mut Tell<'_>,
) -> Result<(), BuildError> {
    origin.put(&mut manifest);
    let output = build.output.as_str();
    if SetFormat::of_name(output) == Some(SetFormat::Parquet) {
        for caution in build.write.cautions(&manifest) {
            tell(Event::Remark(&caution));
        }
    }
    let is_local = |url: &str| !url.contains("://") || crate::format::is_file_url(url);
    let local = manifest
        .locations
        .iter()
        .find(|(_, one)| is_local(&one.url));
    if let (Some((_, local)), false) = (local, is_local(output)) {
        tell(Event::Remark(&format!(
            "{output}: names files of this machine, such as {}: it is not read from a URL; `chunkref \
             relocate` changes where they lie",
            local.url
        )));
    }
    if let (false, Some(folder)) = (output.contains("://"), Path::new(output).parent()) {
        make(folder)?;
    }
    write_to(client, &Arc::new(manifest), output, &build.write).await?;
    Ok(())
}

/// Makes a folder of this machine, if it is not there.
fn make(folder: &Path) -> Result<(), BuildError> {
    std::fs::create_dir_all(folder).map_err(|source| {
        BuildError::Write(crate::WriteError::Io {
            path: folder.into(),
            source,
        })
    })
}

async fn each(
    build: &Build,
    client: &Client,
    journal: &Journal,
    entries: &[(&Source, &Done)],
    origin: &Origin,
    tell: &mut Tell<'_>,
) -> Result<(), BuildError> {
    let folder = build.output.as_str();
    if !folder.contains("://") {
        make(Path::new(folder))?;
    }
    let names = index::file_names(entries.iter().map(|(source, _)| *source));
    ours::check(client, folder, names.values()).await?;
    for (source, done) in entries {
        let mut manifest = load(journal, source, done, tell)?;
        origin.put(&mut manifest);
        if let Some(name) = names.get(source.key.as_str()) {
            index::write_one(client, folder, name, manifest).await?;
        }
    }
    let sources: Vec<&Source> = entries.iter().map(|(source, _)| *source).collect();
    index::write_index(client, folder, &sources, &names, origin).await
}

/// Removes what builds that were killed while they wrote left beside the output: `.NAME.PID.tmp` and
/// `.old`, of processes that are not there any more.
fn tidy(output: &Path) {
    let folder = match output.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return,
    };
    let (Some(name), Ok(entries)) = (
        output.file_name().and_then(|name| name.to_str()),
        std::fs::read_dir(folder),
    ) else {
        return;
    };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let process = found
            .strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(name)?.strip_prefix('.'))
            .and_then(|rest| {
                rest.strip_suffix(".tmp")
                    .or_else(|| rest.strip_suffix(".old"))
            })
            .and_then(|process| process.parse::<u32>().ok());
        if let Some(process) = process
            && process != std::process::id()
            && has_ended(process)
        {
            // Next time, if not now.
            let path = entry.path();
            let _ = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
        }
    }
}

/// Whether a process is not there any more; where the system does not tell, it may be.
fn has_ended(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

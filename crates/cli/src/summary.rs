//! What `chunkref inspect` says of sizes, sources and what will be dear; and its picture.

use std::fmt::Write as _;
use std::path::Path;

use chunkref::manifest::{LocationId, Manifest, Provenance};
use chunkref::summary::{ArraySummary, SourceSummary, Summary};
use chunkref::{plot as draw, write_file};

use crate::arguments::Inspect;
use crate::failure::Failure;
use crate::inspect::{Inspected, Lines, ONLY_OURS, bytes, counted, sizes};

/// So many variables are listed with their bytes.
const VARIABLES: usize = 20;

/// The sections after the tree.
pub(crate) fn sections(
    lines: &mut Lines,
    inspected: &Inspected,
    summary: &Summary,
    with_sources: bool,
) {
    let mut sections = vec![("made from", provenance(&inspected.manifest.provenance))];
    if with_sources {
        let sources = summary.sources.iter().enumerate();
        sections.push(("sources", sources.map(source).collect()));
    }
    if summary.references() > 0 {
        sections.push(("stored", stored(summary)));
        let bins = summary.sizes.bins().into_iter();
        let bin = |from, to: Option<u64>, count| {
            let to = to.map_or_else(|| "and more".to_owned(), |to| format!("to {}", bytes(to)));
            format!("{} {to}: {count}", bytes(from))
        };
        let bins = bins.map(|one| bin(one.from, one.to, one.count)).collect();
        sections.push(("chunks by stored size", bins));
    }
    // Scans name these in a section of their own.
    let told = inspected
        .sections
        .iter()
        .any(|(title, entries)| *title == ONLY_OURS && !entries.is_empty());
    let warnings = summary.warnings.iter();
    let warnings = warnings.filter(|one| !(told && one.kind == "beyond-zarr"));
    let warnings = warnings.map(|one| format!("{}: {}", one.subject, one.text));
    sections.push(("warnings", warnings.collect()));
    lines.sections(&sections);
}

/// Bytes by variable, the largest first.
fn stored(summary: &Summary) -> Vec<String> {
    let all = summary.stored();
    let mut arrays: Vec<&ArraySummary> = summary
        .arrays
        .iter()
        .filter(|array| array.references > 0)
        .collect();
    arrays.sort_by(|a, b| b.stored.cmp(&a.stored).then(a.path.cmp(&b.path)));
    let line = |name: &str, references: u64, stored: u64, decoded: Option<u64>| {
        let percent = u128::from(stored) * 100 / u128::from(all.max(1));
        format!(
            "{name}: {percent} %, {}, {}",
            counted(references, "reference"),
            sizes(stored, decoded)
        )
    };
    let total = line("all", summary.references(), all, Some(summary.decoded()));
    let mut text = vec![total];
    for array in arrays.iter().take(VARIABLES) {
        text.push(line(
            &array.path,
            array.references,
            array.stored,
            array.decoded,
        ));
    }
    if arrays.len() > VARIABLES {
        text.push(format!("and {} more", arrays.len() - VARIABLES));
    }
    text
}

/// A source with what pins it.
fn source((number, source): (usize, &SourceSummary)) -> String {
    let location = &source.location;
    let pin = &location.pin;
    let mut text = format!(
        "{number}: {}: {}, {}",
        location.url,
        counted(source.references, "reference"),
        bytes(source.stored)
    );
    // Writing to a string can't fail.
    if let Some(size) = pin.size {
        let _ = write!(text, " of {size} bytes");
    }
    for (name, value) in [
        ("ETag", &pin.etag),
        ("Last-Modified", &pin.last_modified),
        ("concept id", &pin.concept_id),
    ] {
        if let Some(value) = value {
            let _ = write!(text, ", {name} {value}");
        }
    }
    if let Some(revision) = pin.revision {
        let _ = write!(text, ", revision {revision}");
    }
    if pin.size.is_none() && pin.etag.is_none() && pin.last_modified.is_none() {
        text.push_str(", not pinned");
    }
    for alternate in &location.alternates {
        let _ = write!(text, ", also {alternate}");
    }
    text
}

/// Where a set comes from.
fn provenance(provenance: &Provenance) -> Vec<String> {
    let mut text = Vec::new();
    if let Some(collection) = &provenance.collection {
        for (name, value) in [
            ("collection", &collection.concept_id),
            ("short name", &collection.short_name),
            ("version", &collection.version),
            ("title", &collection.title),
            ("DOI", &collection.doi),
            ("data center", &collection.data_center),
        ] {
            text.extend(value.as_ref().map(|value| format!("{name}: {value}")));
        }
    }
    text.extend(
        provenance
            .query
            .as_ref()
            .map(|query| format!("query: {query}")),
    );
    if let (Some(first), Some(last)) = (provenance.granules.first(), provenance.granules.last()) {
        let count = provenance.granules.len();
        text.push(if count == 1 {
            format!("granule: {}", first.name)
        } else {
            format!("granules: {count}, from {} to {}", first.name, last.name)
        });
    }
    let version = provenance.chunkref.as_ref();
    text.extend(version.map(|version| format!("by: chunkref {version}")));
    text
}

/// Draws one source into a file.
pub(crate) fn plot(
    arguments: &Inspect,
    manifest: &Manifest,
    summary: &Summary,
    path: &Path,
) -> Result<(), Failure> {
    let first = || {
        let holds = |source: &SourceSummary| source.references > 0;
        summary.sources.iter().position(holds)
    };
    let number = arguments.source.or_else(|| u32::try_from(first()?).ok());
    let file = &arguments.file;
    let Some(number) = number else {
        return Err(Failure::new(format!("{file}: no chunks to draw")));
    };
    let picture = draw(manifest, LocationId(number)).ok_or_else(|| {
        Failure::new(format!(
            "{file}: source {number}: no chunks to draw; --sources lists the {} sources",
            summary.sources.len()
        ))
    })?;
    Ok(write_file(path, |out| out.write_all(picture.as_bytes()))?)
}

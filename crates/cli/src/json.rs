//! What `chunkref inspect --json` prints.

use chunkref::manifest::{Array, Codec, Layout, Manifest, Provenance};
use chunkref::summary::{Access, ArraySummary, Cost, SourceSummary, Summary};
use serde_json::{Map, Value, json};

use crate::inspect::Inspected;

/// All that is known, for machines. Sizes are in bytes.
pub(crate) fn document(inspected: &Inspected, summary: &Summary) -> Value {
    let manifest = &inspected.manifest;
    let arrays = summary.arrays.iter();
    let arrays: Vec<_> = arrays.map(|one| array(manifest, one)).collect();
    let sources: Vec<_> = summary.sources.iter().map(source).collect();
    let groups: Vec<_> = manifest.groups().map(|(path, _)| path).collect();
    let bins: Vec<_> = summary
        .sizes
        .bins()
        .iter()
        .map(|bin| json!({"from": bin.from, "to": bin.to, "count": bin.count}))
        .collect();
    let warnings: Vec<_> = summary
        .warnings
        .iter()
        .map(|one| json!({"kind": one.kind, "subject": one.subject, "text": one.text}))
        .collect();
    let others: Map<_, _> = inspected
        .sections
        .iter()
        .map(|(title, entries)| ((*title).to_owned(), json!(entries)))
        .collect();
    json!({
        "groups": groups,
        "arrays": arrays,
        "sources": sources,
        "provenance": provenance(&manifest.provenance),
        "references": summary.references(),
        "stored_bytes": summary.stored(),
        "decoded_bytes": summary.decoded(),
        "chunk_sizes": bins,
        "warnings": warnings,
        "not_in_the_manifest": others,
    })
}

fn array(manifest: &Manifest, summary: &ArraySummary) -> Value {
    let model = manifest.array(&summary.path);
    json!({
        "path": summary.path,
        "dimensions": model.map(|array| &array.dimension_names),
        "shape": model.map(|array| &array.shape),
        "data_type": model.map(|array| array.data_type.to_string()),
        "layout": model.map(layout),
        "chunk_shape": model.map(|array| array.chunk_shape().into_owned()),
        "codecs": model.map(|array| array.codecs().iter().map(ToString::to_string).collect::<Vec<_>>()),
        "chunks": summary.chunks,
        "references": summary.references,
        "stored_bytes": summary.stored,
        "inline_bytes": summary.inline,
        "plain_bytes": summary.plain,
        "decoded_bytes": summary.decoded,
        "access": summary.access.as_ref().map(access),
        "beyond_zarr": summary.beyond_zarr,
    })
}

fn layout(array: &Array) -> &'static str {
    let decoded = |codecs: &[Codec]| {
        codecs
            .iter()
            .any(|codec| matches!(codec, Codec::Convert(_)))
    };
    match &array.layout {
        Layout::Chunked { codecs, .. } if decoded(codecs) => "converted",
        Layout::Chunked { .. } => "chunked",
        Layout::Contiguous { .. } => "contiguous",
        Layout::Inline { .. } => "inline",
        Layout::Absent { .. } => "absent",
        Layout::External { .. } => "external",
        Layout::Virtual { .. } => "virtual",
        _ => "other",
    }
}

fn access(access: &Access) -> Value {
    let cost = |cost: &Cost| {
        json!({
            "chunks": cost.chunks,
            "decoded_bytes": cost.touched,
            "wanted_bytes": cost.wanted,
        })
    };
    json!({"axis": access.axis, "map": cost(&access.map), "series": cost(&access.series)})
}

fn source(source: &SourceSummary) -> Value {
    let location = &source.location;
    let pin = &location.pin;
    json!({
        "url": location.url,
        "alternates": location.alternates,
        "size": pin.size,
        "etag": pin.etag,
        "last_modified": pin.last_modified,
        "concept_id": pin.concept_id,
        "revision": pin.revision,
        "references": source.references,
        "stored_bytes": source.stored,
        "end": source.end,
        "past_end": source.past_end,
    })
}

fn provenance(provenance: &Provenance) -> Value {
    let granules: Vec<_> = provenance
        .granules
        .iter()
        .map(|one| {
            let sources: Vec<_> = one.locations.iter().map(|id| id.0).collect();
            json!({
                "name": one.name,
                "concept_id": one.concept_id,
                "revision": one.revision,
                "start": one.start,
                "end": one.end,
                "sources": sources,
            })
        })
        .collect();
    json!({
        "collection": collection(provenance),
        "query": provenance.query,
        "granules": granules,
        "chunkref": provenance.chunkref,
    })
}

/// What is known of the collection; null, if nothing is.
pub(crate) fn collection(provenance: &Provenance) -> Option<Value> {
    let one = provenance.collection.as_ref()?;
    let citation = one.citation.as_ref().map(|cited| {
        json!({
            "creator": cited.creator,
            "title": cited.title,
            "release_date": cited.release_date,
            "publisher": cited.publisher,
        })
    });
    Some(json!({
        "concept_id": one.concept_id,
        "short_name": one.short_name,
        "version": one.version,
        "title": one.title,
        "doi": one.doi,
        "data_center": one.data_center,
        "citation": citation,
    }))
}

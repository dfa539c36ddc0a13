//! Granules and collections as JSON.

use chunkref::earthdata::{
    Collection, DataFile, DayNight, Found, Geometry, Granule, Point, TimeRange, Timestamp,
};
use serde_json::{Value, json};

/// What `--json` prints.
pub(crate) fn found(found: &Found) -> Value {
    json!({
        "query": found.query,
        "hits": found.progress.hits,
        "left_out": found.progress.left_out,
        "missing": found.missing,
        "collections": found.collections.iter().map(collection).collect::<Vec<_>>(),
        "granules": found.granules.iter().map(granule).collect::<Vec<_>>(),
    })
}

pub(crate) fn collection(one: &Collection) -> Value {
    let stores = one.virtual_stores();
    let stores = stores.iter().map(|store| {
        json!({
            "url": store.url,
            "format": store.format.to_string(),
            "can_be_opened": store.format.can_be_opened(),
        })
    });
    json!({
        "concept_id": one.concept_id,
        "revision": one.revision,
        "short_name": one.short_name,
        "version": one.version,
        "title": one.title,
        "provider": one.provider,
        "doi": one.doi,
        "data_center": one.data_center,
        "citation": {
            "creator": one.citation.creator,
            "title": one.citation.title,
            "release_date": one.citation.release_date,
            "publisher": one.citation.publisher,
        },
        "temporal": range(one.temporal),
        "region": one.region,
        "s3_credentials": one.s3_credentials,
        "s3_prefixes": one.s3_prefixes,
        "virtual_stores": stores.collect::<Vec<_>>(),
    })
}

fn granule(one: &Granule) -> Value {
    let links = one.links.iter().map(|link| {
        json!({
            "url": link.url,
            "kind": link.kind.name(),
        })
    });
    let (short_name, version) = one.collection.clone().unzip();
    json!({
        "concept_id": one.concept_id,
        "revision": one.revision,
        "native_id": one.native_id,
        "name": one.name,
        "provider": one.provider,
        "collection_concept_id": one.collection_concept_id,
        "short_name": short_name,
        "version": version,
        "temporal": range(one.temporal),
        "spatial": one.spatial.iter().map(geometry).collect::<Vec<_>>(),
        "size": one.size,
        "day_night": one.day_night.map(DayNight::name),
        "cloud_cover": one.cloud_cover,
        "production_date": moment(one.production_date),
        "revision_date": moment(one.revision_date),
        "files": one.data_files().iter().map(file).collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
    })
}

fn file(one: &DataFile) -> Value {
    let checksum = one
        .checksum
        .as_ref()
        .map(|checksum| json!({"algorithm": checksum.algorithm, "value": checksum.value}));
    json!({
        "name": one.name,
        "format": one.format.map(|format| format.to_string()),
        "size": one.size,
        "checksum": checksum,
        "https": one.https(),
        "s3": one.s3(),
    })
}

fn range(range: Option<TimeRange>) -> Value {
    range.map_or(Value::Null, |range| {
        json!([moment(range.start), moment(range.end)])
    })
}

fn moment(moment: Option<Timestamp>) -> Value {
    moment.map_or(Value::Null, |moment| json!(moment.to_string()))
}

fn geometry(geometry: &Geometry) -> Value {
    let points = |points: &[Point]| {
        let points = points
            .iter()
            .map(|one| json!([one.longitude, one.latitude]));
        points.collect::<Vec<_>>()
    };
    match geometry {
        Geometry::Box(edges) => json!({"box": [edges.west, edges.south, edges.east, edges.north]}),
        Geometry::Polygon(corners) => json!({"polygon": points(corners)}),
        Geometry::Line(line) => json!({"line": points(line)}),
        Geometry::Point(point) => json!({"point": [point.longitude, point.latitude]}),
        _ => Value::Null,
    }
}

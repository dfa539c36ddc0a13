//! `chunkref inspect --granules`.

use std::fmt::Write as _;

use chunkref::Client;
use chunkref::manifest::{GranuleRecord, Location, LocationId, Manifest};
use serde_json::{Value, json};

use crate::arguments::{Inspect, absolute};
use crate::failure::{Failure, one_line};
use crate::set;

/// Which granules are in a set, as a table or as JSON.
pub(crate) async fn listed(client: &Client, arguments: &Inspect) -> Result<String, Failure> {
    let name = &arguments.file;
    if !chunkref::is_set(name) {
        return Err(Failure::usage(format!(
            "{name}: --granules is for reference sets (.json, .parquet); this is one file"
        )));
    }
    let manifest = chunkref::read_description(client, &absolute(name)).await;
    let manifest = manifest.map_err(|error| set::failed(name, &error))?;
    let rows = rows(&manifest);
    if arguments.json {
        return Ok(format!("{:#}\n", document(&manifest, &rows)));
    }
    if manifest.provenance.granules.is_empty() {
        eprintln!(
            "note: {}",
            one_line(&format!(
                "{name}: does not say which granules it is of (`chunkref build` records them): these are \
                 its sources"
            ))
        );
    }
    Ok(table(&rows))
}

/// A granule, or a source of none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row<'a> {
    name: &'a str,
    /// Whether a record of a granule says so.
    is_granule: bool,
    concept_id: Option<&'a str>,
    revision: Option<u32>,
    start: Option<&'a str>,
    end: Option<&'a str>,
    /// Bytes of all its objects, where the sizes of all are known.
    size: Option<u64>,
    urls: Vec<&'a str>,
}

/// The granules in their order, then the sources that belong to none.
fn rows(manifest: &Manifest) -> Vec<Row<'_>> {
    let granules = &manifest.provenance.granules;
    let mut others: Vec<bool> = vec![true; manifest.locations.len()];
    for id in granules.iter().flat_map(|granule| &granule.locations) {
        let place = usize::try_from(id.0).ok();
        if let Some(other) = place.and_then(|place| others.get_mut(place)) {
            *other = false;
        }
    }
    let of_granules = granules.iter().map(|granule| of_granule(manifest, granule));
    let sources = manifest.locations.iter().zip(others);
    let sources = sources.filter(|(_, is_other)| *is_other);
    let sources = sources.map(|((_, location), _)| Row {
        name: file_name(&location.url),
        concept_id: location.pin.concept_id.as_deref(),
        revision: location.pin.revision,
        size: location.pin.size,
        urls: vec![&location.url],
        ..Row::default()
    });
    of_granules.chain(sources).collect()
}

fn of_granule<'a>(manifest: &'a Manifest, granule: &'a GranuleRecord) -> Row<'a> {
    let ids = granule.locations.iter();
    let objects: Vec<&Location> = ids
        .filter_map(|id: &LocationId| manifest.locations.get(*id))
        .collect();
    let sizes = objects.iter().map(|object| object.pin.size);
    let size = sizes.reduce(|all, one| Some(all?.saturating_add(one?)));
    Row {
        name: &granule.name,
        is_granule: true,
        concept_id: granule.concept_id.as_deref(),
        revision: granule.revision,
        start: granule.start.as_deref(),
        end: granule.end.as_deref(),
        size: size.flatten(),
        urls: objects.iter().map(|object| object.url.as_str()).collect(),
    }
}

/// The last name of a URL or path.
fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

/// One row a line; a granule of several objects has one line for each.
fn table(rows: &[Row<'_>]) -> String {
    let titles = ["granule", "revision", "start", "end", "bytes", "URL"];
    let mut cells = vec![titles.map(str::to_owned)];
    let shown = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), one_line);
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |one| one.to_string());
    for row in rows {
        cells.push([
            one_line(row.name),
            number(row.revision.map(u64::from)),
            shown(row.start),
            shown(row.end),
            number(row.size),
            shown(row.urls.first().copied()),
        ]);
        for url in row.urls.iter().skip(1) {
            let mut more = <[String; 6]>::default();
            if let Some(last) = more.last_mut() {
                *last = one_line(url);
            }
            cells.push(more);
        }
    }
    let mut widths = [0; 6];
    for line in &cells {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [name, revision, start, end, bytes, _] = widths;
    let mut text = String::new();
    for [a, b, c, d, e, f] in &cells {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{a:name$}  {b:>revision$}  {c:start$}  {d:end$}  {e:>bytes$}  {f}"
        );
    }
    text
}

fn document(manifest: &Manifest, rows: &[Row<'_>]) -> Value {
    let value = |row: &Row<'_>| {
        json!({
            "name": row.name,
            "concept_id": row.concept_id,
            "revision": row.revision,
            "start": row.start,
            "end": row.end,
            "size": row.size,
            "urls": row.urls,
        })
    };
    let of = |is_granule: bool| -> Vec<Value> {
        let rows = rows.iter().filter(|row| row.is_granule == is_granule);
        rows.map(value).collect()
    };
    json!({
        "collection": crate::json::collection(&manifest.provenance),
        "query": manifest.provenance.query,
        "granules": of(true),
        "other_sources": of(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chunkref::manifest::Pin;

    fn object(url: &str, size: Option<u64>) -> Location {
        Location::new(url).with_pin(Pin {
            size,
            ..Pin::default()
        })
    }

    #[test]
    fn granules_come_first_and_other_sources_after_them() {
        let mut manifest = Manifest::default();
        for (url, size) in [
            ("s3://b/a.nc", Some(5)),
            ("s3://b/a2.nc", Some(6)),
            ("/x/raw.bin?q", None),
        ] {
            manifest.locations.intern(object(url, size));
        }
        let mut granule = GranuleRecord::new("A\n");
        granule.revision = Some(3);
        granule.start = Some("2020-06-01T00:00:00Z".to_owned());
        granule.locations = vec![LocationId(0), LocationId(1)];
        manifest.provenance.granules.push(granule);
        manifest
            .provenance
            .granules
            .push(GranuleRecord::new("gone"));
        let rows = rows(&manifest);
        assert_eq!(
            (rows[0].size, rows[1].size, rows[2].name),
            (Some(11), None, "raw.bin")
        );
        let lines = "\
granule  revision  start                 end  bytes  URL
A\\n             3  2020-06-01T00:00:00Z  -       11  s3://b/a.nc
                                                     s3://b/a2.nc
gone            -  -                     -        -  -
raw.bin         -  -                     -        -  /x/raw.bin?q
";
        assert_eq!(table(&rows), lines);
        let document = document(&manifest, &rows);
        assert_eq!(
            document["granules"][0]["urls"],
            json!(["s3://b/a.nc", "s3://b/a2.nc"])
        );
        assert_eq!(document["other_sources"][0]["name"], "raw.bin");
    }
}

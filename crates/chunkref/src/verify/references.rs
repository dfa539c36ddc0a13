//! Whether references lie within their objects, and apart from one another.

use chunkref_manifest::{ChunkRef, Layout, LocationId, Manifest};

use super::finding::{Finding, FindingKind, Findings, Place};
use super::listed::{Listed, place_of};
use super::objects::ObjectState;

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// References, each a range of an object or a whole one.
    pub(super) references: u64,
    /// Chunks that are in the set.
    pub(super) inline: u64,
    /// Chunks that are absent.
    pub(super) absent: u64,
}

/// Checks all references of a table; those of at most so many are also checked for overlaps.
pub(super) fn check(
    manifest: &Manifest,
    listed: &Listed<'_>,
    objects: &[ObjectState],
    overlaps: usize,
    findings: &mut Findings,
) -> Counted {
    let mut counted = Counted {
        absent: listed.absent(),
        ..Counted::default()
    };
    if let Layout::External { segments, .. } = &listed.array.layout {
        for (number, segment) in segments.iter().enumerate() {
            let Some((location, offset)) = segment.place else {
                continue;
            };
            counted.references = counted.references.saturating_add(1);
            let length = segment.length;
            let place = Place {
                location,
                offset,
                length,
            };
            if let Err(reason) = within(place, objects) {
                let finding = Finding::of_array(FindingKind::Bounds, &listed.title, reason);
                let key = format!("segment {number}");
                findings.add(finding.with_chunk(key).at(manifest, Some(place)));
            }
        }
        return counted;
    }
    if listed.is_put_together() {
        return counted;
    }
    let few = usize::try_from(listed.count()).is_ok_and(|count| count <= overlaps);
    let mut places = Vec::new();
    for (index, chunk) in listed.chunks() {
        let checked = match chunk {
            Some(ChunkRef::Whole { location }) => known(location, objects).map(|_| ()),
            Some(ChunkRef::Range { .. }) => match place_of(chunk) {
                Some(place) => within(place, objects).map(|()| {
                    if few {
                        places.push((place, index));
                    }
                }),
                None => Ok(()),
            },
            _ => {
                counted.inline = counted.inline.saturating_add(1);
                continue;
            }
        };
        counted.references = counted.references.saturating_add(1);
        if let Err(reason) = checked {
            let finding = Finding::of_array(FindingKind::Bounds, &listed.title, reason);
            let key = listed.key(index);
            findings.add(finding.with_chunk(key).at(manifest, place_of(chunk)));
        }
    }
    places.sort_unstable();
    for pair in places.windows(2) {
        let [(before, other), (place, index)] = pair else {
            continue;
        };
        // The same bytes under two numbers may be meant.
        let same = (before.offset, before.length) == (place.offset, place.length);
        let end = before.offset.saturating_add(before.length);
        if before.location == place.location && !same && place.offset < end {
            let reason = format!(
                "overlaps {}, which has {} bytes at {}",
                listed.key(*other),
                before.length,
                before.offset
            );
            let finding = Finding::of_array(FindingKind::Overlap, &listed.title, reason);
            let key = listed.key(*index);
            findings.add(finding.with_chunk(key).at(manifest, Some(*place)));
        }
    }
    counted
}

fn known(location: LocationId, objects: &[ObjectState]) -> Result<ObjectState, String> {
    let number = usize::try_from(location.0).ok();
    let object = number.and_then(|number| objects.get(number)).copied();
    object.ok_or_else(|| format!("object {}, of {}", location.0, objects.len()))
}

fn within(place: Place, objects: &[ObjectState]) -> Result<(), String> {
    let object = known(place.location, objects)?;
    let end = place.offset.checked_add(place.length);
    match (end, object.size) {
        (None, _) => Err("ends past what 64 bits count".to_owned()),
        (Some(end), Some(size)) if end > size => Err(format!(
            "reaches past the end of the object, which has {size} bytes"
        )),
        // Where the size is not known, the object has a finding of its own.
        _ => Ok(()),
    }
}

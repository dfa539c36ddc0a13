//! Times that are counted in several units, made one.
//!
//! `seconds since 1981-01-01` in one granule and `days since 1970-01-01` in another are the same
//! coordinate. Values that manifests hold are counted anew in the unit of one of the granules: the
//! first in which every time stays what it is to the nanosecond, in the type that it is stored in.

use bytes::Bytes;
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, DataType, Group, Layout, Manifest,
};
use chunkref_store::{Elements, cf};

use crate::error::Difference;
use crate::inline;

/// Attributes that hold values in the units of the array, or pack them: with one of these an array is
/// not counted anew.
const IN_UNITS: [&str; 8] = [
    "_Unsigned",
    "actual_range",
    "add_offset",
    "climatology",
    "scale_factor",
    "valid_max",
    "valid_min",
    "valid_range",
];

/// What was counted anew, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Unified {
    /// Arrays that count in another unit now.
    pub(crate) changed: Vec<Difference>,
    /// Arrays whose unit is another and stays so.
    pub(crate) refused: Vec<Difference>,
}

/// Makes the units of times along a dimension those of one granule, array by array.
pub(crate) fn unify(granules: &mut [(String, Manifest)], dimension: &str) -> Unified {
    let mut unified = Unified::default();
    let Some((_, first)) = granules.first() else {
        return unified;
    };
    let paths: Vec<String> = first
        .arrays()
        .filter(|(_, array)| is_time_along(array, dimension))
        .map(|(path, _)| path.trim_start_matches('/').to_owned())
        .collect();
    for path in paths {
        let arrays: Option<Vec<&Array>> = granules
            .iter()
            .map(|(_, manifest)| manifest.array(&path))
            .collect();
        // One that lacks it, or counts no times, is refused where arrays are compared.
        let Some(arrays) = arrays.filter(|all| all.iter().all(|one| cf::is_time(&one.attributes)))
        else {
            continue;
        };
        let mut scales: Vec<Scale> = Vec::new();
        let of_each: Vec<Scale> = arrays.iter().map(|array| Scale::of(array)).collect();
        for scale in &of_each {
            if !scales.contains(scale) {
                scales.push(scale.clone());
            }
        }
        if scales.len() < 2 {
            continue;
        }
        match counted_anew(granules, &path, &of_each, &scales) {
            Ok((target, changes)) => apply(granules, &path, &target, changes, &mut unified),
            Err((granule, reason)) => unified.refused.push(Difference {
                granule: name(granules, granule),
                variable: path,
                reason: format!("its units differ and can't be made one: {reason}"),
            }),
        }
    }
    unified
}

fn is_time_along(array: &Array, dimension: &str) -> bool {
    array.dimension_names.iter().any(|name| name == dimension) && cf::is_time(&array.attributes)
}

fn name(granules: &[(String, Manifest)], granule: usize) -> String {
    let found = granules.get(granule);
    found.map(|(name, _)| name.clone()).unwrap_or_default()
}

/// How times are counted: the attributes that say it.
#[derive(Clone, Debug, PartialEq)]
struct Scale {
    units: String,
    calendar: Option<String>,
}

impl Scale {
    fn of(array: &Array) -> Self {
        let text = |name: &str| array.attributes.get(name).and_then(Attribute::as_text);
        Self {
            units: text("units").unwrap_or_default().to_owned(),
            calendar: text("calendar").map(str::to_owned),
        }
    }

    /// Puts it in place of another.
    fn put(&self, attributes: &mut Attributes) {
        attributes.insert("units".to_owned(), Attribute::text(&self.units));
        match &self.calendar {
            Some(calendar) => {
                attributes.insert("calendar".to_owned(), Attribute::text(calendar));
            }
            None => {
                attributes.remove("calendar");
            }
        }
    }

    /// What 0 stands for, and how long 1 is, in nanoseconds.
    fn origin(&self) -> Result<(i128, i128), String> {
        let mut attributes = Attributes::new();
        self.put(&mut attributes);
        let both = Elements {
            shape: vec![2],
            data_type: DataType::UInt {
                size: 1,
                order: ByteOrder::Little,
            },
            bytes: Bytes::from_static(&[0, 1]),
        };
        let times = cf::times(&both, &attributes)?.unwrap_or_default();
        let [zero, one] = times.as_slice() else {
            return Err("they are no times".to_owned());
        };
        let unit = one.checked_sub(*zero).filter(|unit| *unit > 0);
        let unit = unit.ok_or("its unit has no length")?;
        Ok((*zero, unit))
    }
}

/// The values of one granule that are counted anew: of the array, and of its bounds.
struct Change {
    granule: usize,
    data: Bytes,
    bounds: Option<(String, Bytes)>,
}

/// Why the times of a granule can't be counted anew.
type Refused = (usize, String);

/// Counts times in the first scale that takes them all as they are.
fn counted_anew(
    granules: &[(String, Manifest)],
    path: &str,
    of_each: &[Scale],
    scales: &[Scale],
) -> Result<(Scale, Vec<Change>), Refused> {
    let mut why = None;
    for scale in scales {
        let others = of_each.iter().enumerate().filter(|(_, own)| *own != scale);
        let changes: Result<Vec<Change>, Refused> = others
            .map(|(granule, own)| {
                let manifest = granules.get(granule).map(|(_, manifest)| manifest);
                let change = manifest
                    .ok_or_else(|| "it is not there".to_owned())
                    .and_then(|manifest| change(manifest, path, own, scale));
                change
                    .map(|(data, bounds)| Change {
                        granule,
                        data,
                        bounds,
                    })
                    .map_err(|reason| (granule, reason))
            })
            .collect();
        match changes {
            Ok(changes) => return Ok((scale.clone(), changes)),
            Err(refused) => {
                why.get_or_insert(refused);
            }
        }
    }
    Err(why.unwrap_or_default())
}

/// The values of an array, and of its bounds, in another scale.
fn change(
    manifest: &Manifest,
    path: &str,
    own: &Scale,
    scale: &Scale,
) -> Result<(Bytes, Option<(String, Bytes)>), String> {
    let array = manifest.array(path).ok_or("it is not there")?;
    let data = in_scale(array, &array.attributes, scale)?;
    let Some(bounds) = array.attributes.get("bounds").and_then(Attribute::as_text) else {
        return Ok((data, None));
    };
    let path = sibling(path, bounds);
    let array = manifest
        .array(&path)
        .ok_or_else(|| format!("its bounds {bounds:?} are not there"))?;
    // CF 7.1: bounds count as their coordinate does, and need not say so.
    let mut attributes = array.attributes.clone();
    if attributes.contains_key("units") {
        if Scale::of(array).units != own.units {
            return Err(format!(
                "its bounds {bounds:?} have other units than it has"
            ));
        }
    } else {
        own.put(&mut attributes);
    }
    let values = in_scale(array, &attributes, scale)
        .map_err(|reason| format!("its bounds {bounds:?}: {reason}"))?;
    Ok((data, Some((path, values))))
}

/// The values of an array in another scale, each the same time as before.
fn in_scale(array: &Array, attributes: &Attributes, scale: &Scale) -> Result<Bytes, String> {
    if let Some(name) = IN_UNITS.iter().find(|name| attributes.contains_key(**name)) {
        return Err(format!("its attribute {name} is in its units too"));
    }
    let bytes = inline::held(array).ok_or("its values are not inline")?;
    let elements = Elements {
        shape: array.shape.clone(),
        data_type: array.data_type.clone(),
        bytes,
    };
    let times = cf::times(&elements, attributes)?.ok_or("they are no times")?;
    let (zero, unit) = scale.origin()?;
    let inexact = || {
        format!(
            "its values are not exact in {:?}, in the type that they have",
            scale.units
        )
    };
    let bytes = encoded(&times, &elements, zero, unit).ok_or_else(inexact)?;
    let counted = Elements { bytes, ..elements };
    let mut there = attributes.clone();
    scale.put(&mut there);
    // What was rounded, or reads as a missing value now, is another time.
    if cf::times(&counted, &there)?.as_ref() != Some(&times) {
        return Err(inexact());
    }
    Ok(counted.bytes)
}

/// Times as elements of the type that they had; what was missing stays as it was stored.
fn encoded(times: &[i128], elements: &Elements, zero: i128, unit: i128) -> Option<Bytes> {
    let size = elements.data_type.size()?;
    let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
    let mut all = Vec::with_capacity(elements.bytes.len());
    for (time, stored) in times.iter().zip(elements.bytes.chunks_exact(size)) {
        if *time == cf::MISSING {
            all.extend_from_slice(stored);
            continue;
        }
        let passed = time.checked_sub(zero)?;
        let whole = passed.div_euclid(unit);
        let rest = passed.rem_euclid(unit);
        let (mut bytes, order) = match elements.data_type {
            DataType::Int { order, .. } if rest == 0 => (signed(whole, size)?, order),
            DataType::UInt { order, .. } if rest == 0 => (unsigned(whole, size)?, order),
            DataType::Float { size: 8, order } => {
                (float(whole, rest, unit).to_le_bytes().to_vec(), order)
            }
            DataType::Float { size: 4, order } => (
                single(float(whole, rest, unit)).to_le_bytes().to_vec(),
                order,
            ),
            _ => return None,
        };
        if order == ByteOrder::Big {
            bytes.reverse();
        }
        all.extend_from_slice(&bytes);
    }
    (all.len() == elements.bytes.len()).then(|| all.into())
}

/// The lowest bytes of an integer that needs no more.
fn signed(value: i128, size: usize) -> Option<Vec<u8>> {
    let bytes = i64::try_from(value).ok()?.to_le_bytes();
    let (kept, dropped) = bytes.split_at_checked(size)?;
    let fill = if value < 0 { 0xff } else { 0 };
    let sign = kept
        .last()
        .is_some_and(|last| (last >> 7 == 1) == (value < 0));
    (sign && dropped.iter().all(|byte| *byte == fill)).then(|| kept.to_vec())
}

fn unsigned(value: i128, size: usize) -> Option<Vec<u8>> {
    let bytes = u64::try_from(value).ok()?.to_le_bytes();
    let (kept, dropped) = bytes.split_at_checked(size)?;
    dropped.iter().all(|byte| *byte == 0).then(|| kept.to_vec())
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "what is rounded here is found when it is read again"
)]
fn float(whole: i128, rest: i128, unit: i128) -> f64 {
    whole as f64 + rest as f64 / unit as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "what is rounded here is found when it is read again"
)]
fn single(value: f64) -> f32 {
    value as f32
}

/// Puts what was counted anew in its place.
fn apply(
    granules: &mut [(String, Manifest)],
    path: &str,
    scale: &Scale,
    changes: Vec<Change>,
    unified: &mut Unified,
) {
    for change in changes {
        let Some((name, manifest)) = granules.get_mut(change.granule) else {
            continue;
        };
        if let Some(array) = array_mut(&mut manifest.root, path) {
            let before = Scale::of(array);
            scale.put(&mut array.attributes);
            array.layout = Layout::Inline { data: change.data };
            unified.changed.push(Difference {
                granule: name.clone(),
                variable: path.to_owned(),
                reason: format!("counted in {:?}, not in {:?}", scale.units, before.units),
            });
        }
        if let Some((path, data)) = change.bounds
            && let Some(array) = array_mut(&mut manifest.root, &path)
        {
            if array.attributes.contains_key("units") {
                scale.put(&mut array.attributes);
            }
            array.layout = Layout::Inline { data };
        }
    }
}

fn sibling(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((parent, _)) => format!("{parent}/{name}"),
        None => name.to_owned(),
    }
}

fn array_mut<'a>(root: &'a mut Group, path: &str) -> Option<&'a mut Array> {
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut group = root;
    for parent in parents.split('/').filter(|name| !name.is_empty()) {
        group = group.groups.get_mut(parent)?;
    }
    group.arrays.get_mut(name)
}

#[cfg(test)]
mod tests {
    use super::{signed, unsigned};

    #[test]
    fn integers_keep_their_size_or_are_refused() {
        assert_eq!(signed(-2, 1), Some(vec![0xfe]));
        assert_eq!(signed(127, 1), Some(vec![0x7f]));
        assert_eq!(signed(128, 1), None);
        assert_eq!(signed(-129, 1), None);
        assert_eq!(signed(-129, 2), Some(vec![0x7f, 0xff]));
        assert_eq!(
            signed(i128::from(i64::MAX), 8),
            Some(i64::MAX.to_le_bytes().to_vec())
        );
        assert_eq!(signed(i128::from(i64::MAX) + 1, 8), None);
        assert_eq!(unsigned(255, 1), Some(vec![0xff]));
        assert_eq!(unsigned(256, 1), None);
        assert_eq!(unsigned(-1, 8), None);
    }
}

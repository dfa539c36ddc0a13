//! Times that are counted in several units, made one.
//!
//! `seconds since 1981-01-01` in one granule and `days since 1970-01-01` in another are the same
//! coordinate. Values that manifests hold are counted anew in the unit of one of the granules: the
//! first in which every time stays what it is to the nanosecond, in the type that it is stored in.
//!
//! Bounds count as their coordinate does (CF 7.1), and often don't say so; several coordinates may share
//! them. Those are counted anew together, each array once and from what it was at first.

mod encoded;
mod together;

use bytes::Bytes;
use chunkref_manifest::{
    Array, Attribute, Attributes, ByteOrder, DataType, Group, Layout, Manifest,
};
use chunkref_store::{Elements, cf};

use crate::error::Difference;
use crate::inline;
use encoded::encoded;
use together::{Together, together};

pub(crate) use together::sibling;

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

/// Makes the units of times along a dimension those of one granule.
pub(crate) fn unify(granules: &mut [(String, Manifest)], dimension: &str) -> Unified {
    let mut unified = Unified::default();
    let Some((_, first)) = granules.first() else {
        return unified;
    };
    for times in together(first, dimension) {
        let Some(of_coordinates) = scales(granules, &times) else {
            continue;
        };
        let anew = agreed(granules, &times, &of_coordinates)
            .and_then(|of_each| counted_anew(granules, &times, &of_each));
        match anew {
            Ok((scale, changes)) => apply(granules, &times, &scale, changes, &mut unified),
            Err(Refused {
                granule,
                variable,
                reason,
            }) => unified.refused.push(Difference {
                granule: name(granules, granule),
                variable,
                reason: format!("its units differ and can't be made one: {reason}"),
            }),
        }
    }
    unified
}

fn name(granules: &[(String, Manifest)], granule: usize) -> String {
    let found = granules.get(granule);
    found.map(|(name, _)| name.clone()).unwrap_or_default()
}

/// How each coordinate counts in each granule; `None` where no coordinate counts in several ways, or
/// granules are refused when arrays are compared, as one lacks a coordinate, or counts no times there.
fn scales(granules: &[(String, Manifest)], times: &Together) -> Option<Vec<Vec<Scale>>> {
    let of_coordinate = |path: &String| -> Option<Vec<Scale>> {
        let of_each = granules.iter().map(|(_, manifest)| {
            let array = manifest.array(path)?;
            cf::is_time(&array.attributes).then(|| Scale::of(array))
        });
        of_each.collect()
    };
    let all: Option<Vec<_>> = times.coordinates.iter().map(of_coordinate).collect();
    let differ = |of_each: &Vec<Scale>| of_each.iter().any(|one| Some(one) != of_each.first());
    all.filter(|all| all.iter().any(differ))
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

/// Why the times of a granule can't be counted anew.
#[derive(Debug, Default)]
struct Refused {
    granule: usize,
    variable: String,
    reason: String,
}

/// How each granule counts, if all that are to be counted anew together do it in one way there.
fn agreed(
    granules: &[(String, Manifest)],
    times: &Together,
    of_coordinates: &[Vec<Scale>],
) -> Result<Vec<Scale>, Refused> {
    let mut of_each = Vec::with_capacity(granules.len());
    for (granule, (_, manifest)) in granules.iter().enumerate() {
        let refuse = |reason: String| Refused {
            granule,
            variable: times.first(),
            reason,
        };
        let mut own = of_coordinates.iter().filter_map(|all| all.get(granule));
        let scale = own.next().ok_or_else(|| refuse("no times".to_owned()))?;
        let other = times.coordinates.iter().skip(1).zip(own);
        let other = other.filter(|(_, own)| *own != scale).map(|(path, _)| path);
        if let Some(other) = other.chain(&times.strangers).next() {
            return Err(refuse(format!(
                "/{other} has the same bounds, and counts in another way"
            )));
        }
        let Some(path) = &times.bounds else {
            of_each.push(scale.clone());
            continue;
        };
        let array = manifest.array(path);
        let array = array.ok_or_else(|| refuse(format!("its bounds {path:?} are not there")))?;
        let counts = Scale::of(array);
        let others = array.attributes.contains_key("units") && counts.units != scale.units
            || counts.calendar.is_some() && counts.calendar != scale.calendar;
        if others || array.attributes.contains_key("bounds") {
            return Err(refuse(format!(
                "its bounds {path:?} have other units than it has, or bounds themselves"
            )));
        }
        of_each.push(scale.clone());
    }
    Ok(of_each)
}

/// The values of one array of a granule that are counted anew.
#[derive(Debug)]
struct Change {
    granule: usize,
    path: String,
    data: Bytes,
    /// What it says of its units then: what a granule says that counts so.
    said: [(&'static str, Option<Attribute>); 2],
}

/// Counts times in the first scale that takes them all as they are.
fn counted_anew(
    granules: &[(String, Manifest)],
    times: &Together,
    of_each: &[Scale],
) -> Result<(Scale, Vec<Change>), Refused> {
    let mut tried: Vec<&Scale> = Vec::new();
    let mut why = None;
    for (like, scale) in of_each.iter().enumerate() {
        if tried.contains(&scale) {
            continue;
        }
        tried.push(scale);
        let Some((_, like)) = granules.get(like) else {
            continue;
        };
        let mut changes = Vec::new();
        let granules = granules.iter().zip(of_each).enumerate();
        let others = granules.filter(|(_, (_, own))| *own != scale);
        let refused = others
            .map(|(granule, ((_, manifest), own))| {
                let new =
                    change(manifest, times, own, (scale, like)).map_err(|(variable, reason)| {
                        Refused {
                            granule,
                            variable,
                            reason,
                        }
                    })?;
                changes.extend(new.into_iter().map(|(path, data, said)| Change {
                    granule,
                    path,
                    data,
                    said,
                }));
                Ok(())
            })
            .find_map(Result::err);
        match refused {
            None => return Ok((scale.clone(), changes)),
            Some(refused) => {
                why.get_or_insert(refused);
            }
        }
    }
    Err(why.unwrap_or_default())
}

/// An array's path, its values in another scale, and what it says of that.
type Changed = (String, Bytes, [(&'static str, Option<Attribute>); 2]);

/// The values of the coordinates of a granule, and of their bounds, in another scale, in which another
/// granule counts; where they can't be, the variable and the reason.
fn change(
    manifest: &Manifest,
    times: &Together,
    own: &Scale,
    (scale, like): (&Scale, &Manifest),
) -> Result<Vec<Changed>, (String, String)> {
    let mut changed = Vec::new();
    let said = |path: &str| {
        ["units", "calendar"].map(|name| {
            let array = like.array(path);
            (
                name,
                array.and_then(|one| one.attributes.get(name)).cloned(),
            )
        })
    };
    for path in &times.coordinates {
        let array = manifest
            .array(path)
            .ok_or_else(|| "it is not there".to_owned());
        let values = array.and_then(|array| in_scale(array, &array.attributes, scale));
        let values = values.map_err(|reason| (path.clone(), reason))?;
        changed.push((path.clone(), values, said(path)));
    }
    if let Some(path) = &times.bounds {
        let array = manifest.array(path).ok_or_else(|| "not there".to_owned());
        let values = array.and_then(|array| {
            let mut attributes = array.attributes.clone();
            own.put(&mut attributes);
            in_scale(array, &attributes, scale)
        });
        let values =
            values.map_err(|reason| (times.first(), format!("its bounds {path:?}: {reason}")))?;
        changed.push((path.clone(), values, said(path)));
    }
    Ok(changed)
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

/// Puts what was counted anew in its place.
fn apply(
    granules: &mut [(String, Manifest)],
    times: &Together,
    scale: &Scale,
    changes: Vec<Change>,
    unified: &mut Unified,
) {
    for change in changes {
        let Some((name, manifest)) = granules.get_mut(change.granule) else {
            continue;
        };
        let Some(array) = array_mut(&mut manifest.root, &change.path) else {
            continue;
        };
        let before = Scale::of(array);
        array.layout = Layout::Inline { data: change.data };
        for (attribute, said) in change.said {
            match said {
                Some(said) => array.attributes.insert(attribute.to_owned(), said),
                None => array.attributes.remove(attribute),
            };
        }
        if times.bounds.as_ref() != Some(&change.path) {
            unified.changed.push(Difference {
                granule: name.clone(),
                variable: change.path,
                reason: format!("counted in {:?}, not in {:?}", scale.units, before.units),
            });
        }
    }
}

/// The array at a path from the root.
pub(crate) fn array_mut<'a>(root: &'a mut Group, path: &str) -> Option<&'a mut Array> {
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut group = root;
    for parent in parents.split('/').filter(|name| !name.is_empty()) {
        group = group.groups.get_mut(parent)?;
    }
    group.arrays.get_mut(name)
}

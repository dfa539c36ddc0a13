//! Compounds as records without fields or axes within their fields, since zarr-python 3.1 opens no
//! others: the fields of a compound within become `inner.a`, the elements of an array `vec.0`.
//! Nothing moves, so chunks are still referred to where they lie, unless a field is converted.

use std::collections::{BTreeSet, HashSet};

use chunkref_hdf5::{Compound, Datatype};
use chunkref_manifest::{Conversion, DataType, Field, Part};

use crate::data_type::{MAX_DEPTH, Refusal, complex_pair, deeper, split_axes};
use crate::element::{Fixed, Leaf, joined, leaf};

/// An array within a compound that would make more fields than this stays one field of raw bytes.
const MAX_FIELDS: u64 = 1024;

/// A field without fields.
#[derive(Debug)]
struct Flat {
    name: String,
    offset: u32,
    size: u32,
    leaf: Leaf,
    /// Whether it is a field of the outermost compound, and keeps its name in any case.
    own: bool,
}

/// A compound.
///
/// # Errors
/// The reason, where a field can't be said.
pub(crate) fn flat(compound: &Compound) -> Result<Fixed, Refusal> {
    let mut fields = Vec::new();
    let outermost = Place {
        name: "",
        offset: 0,
        depth: MAX_DEPTH,
    };
    collect_compound(&mut fields, outermost, compound)?;
    fields.sort_by_key(|field| field.offset);
    check(compound, &fields)?;
    name_apart(&mut fields);
    let mut remarks = Vec::new();
    for field in &fields {
        if let Some(remark) = &field.leaf.remark {
            remarks.push((field.name.clone(), remark.clone()));
        }
    }
    let reason = fields.iter().find_map(|field| {
        let reason = field.leaf.reason.as_ref()?;
        Some(format!("field {:?}: {reason}", field.name))
    });
    let (data_type, conversion) = match reason {
        None => (as_stored(compound.size, fields), None),
        Some(reason) => {
            let (data_type, conversion) = packed(compound.size, fields, reason)?;
            (data_type, Some(conversion))
        }
    };
    Ok(Fixed {
        data_type,
        conversion,
        remarks: joined(remarks),
    })
}

fn as_stored(size: u32, fields: Vec<Flat>) -> DataType {
    let fields = fields.into_iter().map(|field| Field {
        name: field.name,
        offset: field.offset,
        data_type: field.leaf.data_type,
        shape: Vec::new(),
    });
    DataType::Record {
        size,
        fields: fields.collect(),
    }
}

/// One field after the other, without gaps.
fn packed(
    stored_size: u32,
    fields: Vec<Flat>,
    reason: String,
) -> Result<(DataType, Conversion), Refusal> {
    let too_large = || "a converted compound of over 2^32 bytes".to_owned();
    let mut end = 0_u32;
    let mut parts = Vec::new();
    let mut placed = Vec::with_capacity(fields.len());
    for field in fields {
        for part in field.leaf.parts {
            parts.push(Part {
                from: part.from.checked_add(field.offset).ok_or_else(too_large)?,
                to: part.to.checked_add(end).ok_or_else(too_large)?,
                change: part.change,
            });
        }
        let size = field.leaf.data_type.size().unwrap_or(0);
        placed.push(Field {
            name: field.name,
            offset: end,
            data_type: field.leaf.data_type,
            shape: Vec::new(),
        });
        end = end.checked_add(size).ok_or_else(too_large)?;
    }
    let conversion = Conversion {
        stored_size,
        size: end,
        parts,
        reason,
    };
    let data_type = DataType::Record {
        size: end,
        fields: placed,
    };
    Ok((data_type, conversion))
}

/// Where a field of the outermost compound lies, or one within it.
#[derive(Clone, Copy)]
struct Place<'n> {
    name: &'n str,
    /// From the first byte of the outermost compound.
    offset: u32,
    /// How many levels of types there may be below.
    depth: u32,
}

fn collect_compound(
    fields: &mut Vec<Flat>,
    place: Place<'_>,
    compound: &Compound,
) -> Result<(), Refusal> {
    let mut names = HashSet::new();
    for field in compound.fields.iter() {
        if !names.insert(&field.name) {
            return Err(format!("two fields named {:?}", field.name));
        }
        let name = if place.depth == MAX_DEPTH {
            field.name.clone()
        } else {
            format!("{}.{}", place.name, field.name)
        };
        let at = Place {
            name: &name,
            offset: place.offset.saturating_add(field.offset),
            ..place
        };
        collect(fields, at, &field.datatype)
            .map_err(|reason| format!("field {:?}: {reason}", field.name))?;
    }
    Ok(())
}

fn collect(fields: &mut Vec<Flat>, place: Place<'_>, datatype: &Datatype) -> Result<(), Refusal> {
    let own = place.depth == MAX_DEPTH;
    let place = Place {
        depth: deeper(place.depth)?,
        ..place
    };
    let leaf = match datatype {
        Datatype::Compound(compound) if complex_pair(compound).is_none() => {
            return collect_compound(fields, place, compound);
        }
        Datatype::Array { .. } => {
            let present = u64::try_from(fields.len()).unwrap_or(u64::MAX);
            if present.saturating_add(count(datatype)) <= MAX_FIELDS {
                return collect_array(fields, place, datatype);
            }
            let (axes, _) = split_axes(datatype);
            let remark = format!(
                "an array of shape {axes:?} is given as its bytes: a compound of more than \
                 {MAX_FIELDS} fields would be of no use"
            );
            Leaf::raw(datatype.size(), remark)
        }
        other => leaf(other, true, place.depth)?,
    };
    fields.push(Flat {
        name: place.name.to_owned(),
        offset: place.offset,
        size: datatype.size(),
        leaf,
        own,
    });
    Ok(())
}

fn collect_array(
    fields: &mut Vec<Flat>,
    place: Place<'_>,
    datatype: &Datatype,
) -> Result<(), Refusal> {
    let (axes, element) = split_axes(datatype);
    let axes: Vec<u64> = axes.into_iter().map(u64::from).collect();
    let elements = axes
        .iter()
        .fold(1_u64, |count, axis| count.saturating_mul(*axis));
    let mut offset = place.offset;
    for number in 0..elements {
        let at = chunkref_manifest::chunk_coordinates(number, &axes).unwrap_or_default();
        let at: Vec<_> = at.iter().map(u64::to_string).collect();
        let name = format!("{}.{}", place.name, at.join("."));
        let inner = Place {
            name: &name,
            offset,
            ..place
        };
        collect(fields, inner, element)?;
        offset = offset.saturating_add(element.size());
    }
    Ok(())
}

/// Fields that this would make, all arrays taken apart.
fn count(datatype: &Datatype) -> u64 {
    match datatype {
        Datatype::Compound(compound) if complex_pair(compound).is_none() => compound
            .fields
            .iter()
            .fold(0, |sum, field| sum.saturating_add(count(&field.datatype))),
        Datatype::Array { .. } => {
            let (axes, element) = split_axes(datatype);
            axes.iter().fold(count(element), |product, &axis| {
                product.saturating_mul(axis.into())
            })
        }
        _ => 1,
    }
}

/// Fields must lie within the compound and not over one another.
fn check(compound: &Compound, fields: &[Flat]) -> Result<(), Refusal> {
    let mut end = 0_u32;
    for field in fields {
        if field.offset < end {
            return Err(format!("field {:?}: overlaps another field", field.name));
        }
        end = field.offset.saturating_add(field.size);
    }
    if fields.is_empty() || end > compound.size {
        return Err(format!(
            "a compound of {} bytes with fields up to byte {end}",
            compound.size
        ));
    }
    Ok(())
}

/// Gives names that are made here, or empty, so many underscores that all differ.
fn name_apart(fields: &mut [Flat]) {
    let own = fields
        .iter()
        .filter(|field| field.own && !field.name.is_empty());
    let mut taken: BTreeSet<String> = own.map(|field| field.name.clone()).collect();
    for field in fields {
        if field.own && !field.name.is_empty() {
            continue;
        }
        while field.name.is_empty() || taken.contains(&field.name) {
            field.name.push('_');
        }
        taken.insert(field.name.clone());
    }
}

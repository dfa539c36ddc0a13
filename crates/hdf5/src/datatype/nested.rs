//! Reading of the datatypes that hold other datatypes.

use super::parse::{Head, character_set, datatype, padding};
use super::{Compound, Datatype, EnumMember, Field};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::text::utf8_or_latin1;

/// Greatest number of axes of an array datatype (`H5S_MAX_RANK`).
const MAX_RANK: usize = 32;

/// A name ended by a NUL; before version 3 more NULs make its length a multiple of eight.
fn member_name(cursor: &mut Cursor, version: u8) -> Result<String> {
    let start = cursor.position();
    let name = cursor.terminated_string()?;
    if version < 3 {
        let taken = cursor.position().saturating_sub(start);
        cursor.skip(taken.next_multiple_of(8).saturating_sub(taken))?;
    }
    Ok(utf8_or_latin1(&name))
}

pub(super) fn compound(cursor: &mut Cursor, head: &Head, depth: u8) -> Result<Datatype> {
    if head.members() == 0 {
        return Err(cursor.malformed("compound datatype has no members"));
    }
    let mut fields = Vec::new();
    for _ in 0..head.members() {
        let name = member_name(cursor, head.version)?;
        let offset = member_offset(cursor, head)?;
        let shape = match head.version {
            1 => member_shape(cursor)?,
            _ => Vec::new(),
        };
        let mut datatype = datatype(cursor, depth)?;
        if !shape.is_empty() {
            array_size(cursor, &shape, &datatype)?;
            let base = Box::new(datatype);
            datatype = Datatype::Array { shape, base };
        }
        fields.push(Field {
            name,
            offset,
            datatype,
        });
    }
    check_fields(cursor, head, &fields)?;
    Ok(Datatype::Compound(Compound {
        size: head.size,
        fields: fields.into(),
    }))
}

/// An offset within a compound: from version 3 on in as few bytes as its size needs.
fn member_offset(cursor: &mut Cursor, head: &Head) -> Result<u32> {
    if head.version < 3 {
        return cursor.u32();
    }
    let width = match head.size {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFF_FFFF => 3,
        0x100_0000.. => 4,
    };
    let offset = cursor.uint(width)?;
    u32::try_from(offset)
        .map_err(|_| cursor.malformed(format!("offset {offset} of a member is over 32 bits")))
}

/// The shape of a member of version 1: rank, permutation (not in use), four lengths.
fn member_shape(cursor: &mut Cursor) -> Result<Vec<u32>> {
    let rank = cursor.u8()?;
    cursor.skip(3 + 4 + 4)?;
    let lengths = [cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?];
    match lengths.get(..usize::from(rank)) {
        Some(shape) => Ok(shape.to_vec()),
        None => Err(cursor.malformed(format!(
            "member of a compound has rank {rank}, at most 4 expected"
        ))),
    }
}

/// Members must have different names, lie within the compound and not over one another.
fn check_fields(cursor: &Cursor, head: &Head, fields: &[Field]) -> Result<()> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find_map(|pair| match pair {
        [first, second] if first == second => Some(first),
        _ => None,
    }) {
        return Err(cursor.malformed(format!("compound has two members \"{twice}\"")));
    }
    let mut by_offset: Vec<&Field> = fields.iter().collect();
    by_offset.sort_unstable_by_key(|field| field.offset);
    let mut free = 0;
    for field in by_offset {
        let end = field.offset.checked_add(field.datatype.size());
        let Some(end) = end.filter(|&end| end <= head.size && field.offset >= free) else {
            return Err(cursor.malformed(format!(
                "member \"{}\" of {} bytes at {} overlaps another or the end of its compound of {} bytes",
                field.name,
                field.datatype.size(),
                field.offset,
                head.size
            )));
        };
        free = end;
    }
    Ok(())
}

pub(super) fn enumeration(cursor: &mut Cursor, head: &Head, depth: u8) -> Result<Datatype> {
    let base = datatype(cursor, depth)?;
    head.expect_size(cursor, "enumeration", Some(base.size()))?;
    if !matches!(base, Datatype::FixedPoint { .. }) {
        return Err(cursor
            .place()
            .unsupported("enumeration whose base is not an integer"));
    }
    let mut names = Vec::new();
    for _ in 0..head.members() {
        names.push(member_name(cursor, head.version)?);
    }
    let size = usize::try_from(base.size()).unwrap_or(usize::MAX);
    let mut members = Vec::new();
    for name in names {
        let value = cursor.take(size)?;
        members.push(EnumMember { name, value });
    }
    Ok(Datatype::Enumeration {
        base: Box::new(base),
        members: members.into(),
    })
}

pub(super) fn variable_length(cursor: &mut Cursor, head: &Head, depth: u8) -> Result<Datatype> {
    // Length, address of the global heap collection, index in it.
    let size = u32::from(cursor.sizes().offsets).checked_add(8);
    head.expect_size(cursor, "variable-length", size)?;
    let base = datatype(cursor, depth)?;
    match head.bits(0, 4) {
        0 => Ok(Datatype::Sequence {
            size: head.size,
            base: Box::new(base),
        }),
        1 => Ok(Datatype::VariableString {
            size: head.size,
            padding: padding(cursor, head.bits(4, 4))?,
            character_set: character_set(cursor, head.bits(8, 4))?,
        }),
        other => Err(cursor
            .place()
            .unsupported(format!("variable-length datatype of type {other}"))),
    }
}

pub(super) fn array(cursor: &mut Cursor, head: &Head, depth: u8) -> Result<Datatype> {
    let rank = usize::from(cursor.u8()?);
    if rank == 0 || rank > MAX_RANK {
        return Err(cursor.malformed(format!(
            "array datatype has rank {rank}, 1 to {MAX_RANK} expected"
        )));
    }
    if head.version < 3 {
        cursor.skip(3)?;
    }
    let shape = (0..rank)
        .map(|_| cursor.u32())
        .collect::<Result<Vec<u32>>>()?;
    if head.version < 3 {
        // The permutation of the axes, which was never in use.
        cursor.skip(rank.saturating_mul(4))?;
    }
    let base = datatype(cursor, depth)?;
    let size = array_size(cursor, &shape, &base)?;
    head.expect_size(cursor, "array", Some(size))?;
    let base = Box::new(base);
    Ok(Datatype::Array { shape, base })
}

/// Size in bytes of an array, which is at least 1 and fits 32 bits.
fn array_size(cursor: &Cursor, shape: &[u32], base: &Datatype) -> Result<u32> {
    shape
        .iter()
        .try_fold(base.size(), |size, &length| size.checked_mul(length))
        .filter(|&size| size > 0)
        .ok_or_else(|| {
            cursor.malformed(format!(
                "array of shape {shape:?} has no size or one over 32 bits"
            ))
        })
}

pub(super) fn complex(cursor: &mut Cursor, head: &Head, depth: u8) -> Result<Datatype> {
    // Bit 0: both parts have the base type; bits 1 and 2: form, 0 being rectangular.
    if !head.flag(0) || head.bits(1, 2) != 0 {
        return Err(cursor.place().unsupported(format!(
            "complex datatype with class bit field {:#x} (1 expected)",
            head.flags
        )));
    }
    let base = datatype(cursor, depth)?;
    if !matches!(base, Datatype::FloatingPoint { .. }) {
        return Err(cursor
            .place()
            .unsupported("complex datatype whose base is not a float"));
    }
    head.expect_size(cursor, "complex", base.size().checked_mul(2))?;
    Ok(Datatype::Complex {
        base: Box::new(base),
    })
}

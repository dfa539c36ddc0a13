//! Reading of the datatype message.
//!
//! | bytes | field |
//! |---|---|
//! | 1 | class (bits 0 to 3), version of the encoding (bits 4 to 7) |
//! | 3 | class bit field |
//! | 4 | size of an element in bytes |
//! | … | properties, by class; other datatypes are embedded here |

use super::nested::{array, complex, compound, enumeration, variable_length};
use super::{ByteOrder, CharacterSet, Datatype, FloatLayout, Padding, Reference};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::reference::least_size;
use crate::text::utf8_or_latin1;

/// How deep datatypes may lie in one another; bounds the stack.
const MAX_DEPTH: u8 = 32;

/// The first eight bytes.
pub(super) struct Head {
    class: u8,
    pub(super) version: u8,
    /// The class bit field, 24 bits.
    pub(super) flags: u32,
    pub(super) size: u32,
}

impl Head {
    fn parse(cursor: &mut Cursor) -> Result<Self> {
        let first = cursor.u32()?;
        let size = cursor.u32()?;
        let [low, ..] = first.to_le_bytes();
        let (class, version) = (low & 0x0F, low >> 4);
        if !(1..=5).contains(&version) {
            return Err(cursor
                .place()
                .unsupported(format!("datatype version {version}")));
        }
        if size == 0 {
            return Err(cursor.malformed(format!("datatype of class {class} has size 0")));
        }
        Ok(Self {
            class,
            version,
            flags: first >> 8,
            size,
        })
    }

    pub(super) fn flag(&self, bit: u32) -> bool {
        self.flags
            .checked_shr(bit)
            .is_some_and(|bits| bits & 1 != 0)
    }

    /// `count` bits (at most 8) from `first` on.
    pub(super) fn bits(&self, first: u32, count: u32) -> u8 {
        let shifted = self.flags.checked_shr(first).unwrap_or(0);
        let [low, ..] = shifted.to_le_bytes();
        low & u8::MAX
            .checked_shr(8_u32.saturating_sub(count))
            .unwrap_or(0)
    }

    /// Number of members of a compound or an enumeration.
    pub(super) fn members(&self) -> u32 {
        self.flags & 0xFFFF
    }

    fn order(&self) -> ByteOrder {
        if self.flag(0) {
            ByteOrder::Big
        } else {
            ByteOrder::Little
        }
    }

    /// Fails unless the size is `expected`.
    pub(super) fn expect_size(
        &self,
        cursor: &Cursor,
        what: &str,
        expected: Option<u32>,
    ) -> Result<()> {
        match expected {
            Some(expected) if expected == self.size => Ok(()),
            Some(expected) => Err(cursor.malformed(format!(
                "{what} datatype has size {}, {expected} expected",
                self.size
            ))),
            None => Err(cursor.malformed(format!("size of {what} datatype overflows"))),
        }
    }
}

impl Datatype {
    /// Reads a datatype message; bytes may follow it.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Self> {
        datatype(cursor, 0)
    }
}

pub(super) fn datatype(cursor: &mut Cursor, depth: u8) -> Result<Datatype> {
    if depth >= MAX_DEPTH {
        return Err(cursor
            .place()
            .limit("depth of nested datatypes", u64::from(MAX_DEPTH)));
    }
    let head = Head::parse(cursor)?;
    let depth = depth.saturating_add(1);
    match head.class {
        0 => fixed_point(cursor, &head),
        1 => floating_point(cursor, &head),
        2 => Ok(Datatype::Time {
            size: head.size,
            order: head.order(),
            bit_precision: cursor.u16()?,
        }),
        3 => Ok(Datatype::String {
            size: head.size,
            padding: padding(cursor, head.bits(0, 4))?,
            character_set: character_set(cursor, head.bits(4, 4))?,
        }),
        4 => bit_field(cursor, &head),
        5 => opaque(cursor, &head),
        6 => compound(cursor, &head, depth),
        7 => reference(cursor, &head),
        8 => enumeration(cursor, &head, depth),
        9 => variable_length(cursor, &head, depth),
        10 => array(cursor, &head, depth),
        11 => complex(cursor, &head, depth),
        class => Err(cursor
            .place()
            .unsupported(format!("datatype class {class}"))),
    }
}

/// Bit offset and precision, which must lie within the element.
fn significant_bits(cursor: &mut Cursor, head: &Head) -> Result<(u16, u16)> {
    let offset = cursor.u16()?;
    let precision = cursor.u16()?;
    let end = u64::from(offset).saturating_add(u64::from(precision));
    if precision == 0 || end > u64::from(head.size).saturating_mul(8) {
        return Err(cursor.malformed(format!(
            "number of {} bytes has {precision} significant bits from bit {offset} on",
            head.size
        )));
    }
    Ok((offset, precision))
}

fn fixed_point(cursor: &mut Cursor, head: &Head) -> Result<Datatype> {
    let (bit_offset, bit_precision) = significant_bits(cursor, head)?;
    Ok(Datatype::FixedPoint {
        size: head.size,
        order: head.order(),
        signed: head.flag(3),
        bit_offset,
        bit_precision,
    })
}

fn bit_field(cursor: &mut Cursor, head: &Head) -> Result<Datatype> {
    let (bit_offset, bit_precision) = significant_bits(cursor, head)?;
    Ok(Datatype::BitField {
        size: head.size,
        order: head.order(),
        bit_offset,
        bit_precision,
    })
}

fn floating_point(cursor: &mut Cursor, head: &Head) -> Result<Datatype> {
    // Bit 6 came with version 3 and was reserved before.
    let order = match (head.version >= 3 && head.flag(6), head.order()) {
        (false, order) => order,
        (true, ByteOrder::Big) => ByteOrder::Vax,
        (true, _) => return Err(cursor.malformed("byte order bits 0 and 6 of a float are 0 and 1")),
    };
    let mantissa_normalization = head.bits(4, 2);
    if mantissa_normalization > 2 {
        return Err(cursor
            .place()
            .unsupported("mantissa normalization 3 of a float"));
    }
    let (bit_offset, bit_precision) = significant_bits(cursor, head)?;
    let layout = FloatLayout {
        bit_offset,
        bit_precision,
        sign_location: head.bits(8, 8),
        exponent_location: cursor.u8()?,
        exponent_size: cursor.u8()?,
        mantissa_location: cursor.u8()?,
        mantissa_size: cursor.u8()?,
        exponent_bias: cursor.u32()?,
        mantissa_normalization,
    };
    check_float(cursor, head, &layout)?;
    Ok(Datatype::FloatingPoint {
        size: head.size,
        order,
        layout,
    })
}

/// Sign, exponent and mantissa must lie within the element and apart from one another.
fn check_float(cursor: &Cursor, head: &Head, layout: &FloatLayout) -> Result<()> {
    let mut parts = [
        (layout.sign_location, 1),
        (layout.exponent_location, layout.exponent_size),
        (layout.mantissa_location, layout.mantissa_size),
    ];
    parts.sort_unstable();
    let mut free = 0_u64;
    for (location, size) in parts.map(|(location, size)| (u64::from(location), u64::from(size))) {
        let end = location.saturating_add(size);
        if size == 0 || location < free || end > u64::from(head.size).saturating_mul(8) {
            return Err(cursor.malformed(format!(
                "sign, exponent and mantissa do not fit into a float of {} bytes: {layout:?}",
                head.size
            )));
        }
        free = end;
    }
    Ok(())
}

pub(super) fn padding(cursor: &Cursor, value: u8) -> Result<Padding> {
    match value {
        0 => Ok(Padding::NullTerminated),
        1 => Ok(Padding::NullPadded),
        2 => Ok(Padding::SpacePadded),
        other => Err(cursor
            .place()
            .unsupported(format!("string padding {other}"))),
    }
}

pub(super) fn character_set(cursor: &Cursor, value: u8) -> Result<CharacterSet> {
    match value {
        0 => Ok(CharacterSet::Ascii),
        1 => Ok(CharacterSet::Utf8),
        other => Err(cursor.place().unsupported(format!("character set {other}"))),
    }
}

fn opaque(cursor: &mut Cursor, head: &Head) -> Result<Datatype> {
    let tag = cursor.take(usize::from(head.bits(0, 8)))?;
    let end = tag.iter().position(|&byte| byte == 0).unwrap_or(tag.len());
    Ok(Datatype::Opaque {
        size: head.size,
        tag: utf8_or_latin1(&tag.slice(..end)),
    })
}

fn reference(cursor: &Cursor, head: &Head) -> Result<Datatype> {
    let offsets = u32::from(cursor.sizes().offsets);
    let kind = match (head.bits(0, 4), head.bits(4, 4)) {
        (0, _) => {
            // libhdf5 gives them eight bytes, whatever the width of addresses.
            if head.size != 8 {
                head.expect_size(cursor, "object reference", Some(offsets))?;
            }
            Reference::Object
        }
        (1, _) => {
            if head.size != 12 {
                let size = offsets.checked_add(4);
                head.expect_size(cursor, "region reference", size)?;
            }
            Reference::Region
        }
        (kind @ 2..=4, 1) => {
            let least = least_size(cursor.sizes());
            if usize::try_from(head.size).unwrap_or(usize::MAX) < least {
                return Err(cursor.malformed(format!(
                    "reference of type {kind} has size {}, at least {least} expected",
                    head.size
                )));
            }
            Reference::Standard(kind)
        }
        (kind, version) => {
            return Err(cursor
                .place()
                .unsupported(format!("reference of type {kind}, version {version}")));
        }
    };
    Ok(Datatype::Reference {
        size: head.size,
        kind,
    })
}

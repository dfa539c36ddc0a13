//! HDF5 filter 5: N-bit. Only the significant bits of each element are stored.
//!
//! The parameters are their own count, whether the bytes are stored as they are, the number of
//! elements in the chunk, and the datatype: a class and what follows it.
//!
//! | class        | followed by                                                              |
//! |--------------|--------------------------------------------------------------------------|
//! | 1 (atomic)   | size in bytes, order (0 little-endian, 1 big), precision, offset in bits |
//! | 2 (array)    | size in bytes, the base datatype                                         |
//! | 3 (compound) | size in bytes, number of members, and of each: its offset, its datatype  |
//! | 4 (no-op)    | size in bytes                                                            |
//!
//! Bits are stored most significant first, without gaps between members or elements.

use crate::bits::{self, Order};
use crate::registered::Fault;

/// Array and compound datatypes within one another are not followed deeper.
const MAX_DEPTH: u32 = 64;

const ATOMIC: u32 = 1;
const ARRAY: u32 = 2;
const COMPOUND: u32 = 3;
const NO_OP: u32 = 4;

/// A datatype as the filter sees it.
struct Packed {
    /// Size of an element in bytes; not 0.
    size: usize,
    /// Bits that are stored of it.
    bits: u64,
    /// Where they belong.
    kind: Kind,
}

enum Kind {
    Atomic(Atomic),
    /// Elements of this type, as many as fit.
    Array(Box<Packed>),
    /// Members and their offsets in bytes.
    Compound(Vec<(usize, Packed)>),
    /// All bits, byte by byte.
    Whole,
}

/// A number of which `precision` bits count, `offset` bits from its lowest.
#[derive(Clone, Copy)]
struct Atomic {
    order: Order,
    precision: u32,
    offset: u32,
}

impl Packed {
    /// Whether libhdf5 (to 2.0 at least) goes on with the wrong parameters after this type, so that
    /// what follows is lost when it is written.
    fn misread(&self) -> bool {
        match &self.kind {
            Kind::Array(base) => matches!(base.kind, Kind::Array(_) | Kind::Compound(_)),
            Kind::Compound(members) => members.last().is_some_and(|(_, last)| last.misread()),
            Kind::Atomic(_) | Kind::Whole => false,
        }
    }
}

/// Undoes the filter.
pub(crate) fn decode(stored: &[u8], parameters: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let (&[count, as_it_is, elements], datatype) = parameters
        .split_first_chunk()
        .ok_or_else(|| format!("{} parameters, expected at least 3", parameters.len()))?;
    if usize::try_from(count) != Ok(parameters.len()) {
        return Err(format!("{} parameters, which say {count}", parameters.len()).into());
    }
    if as_it_is != 0 {
        // Of types that it can't pack the writer states no more than this.
        return if stored.len() > limit {
            Err(Fault::TooLong)
        } else {
            Ok(stored.to_vec())
        };
    }
    let mut datatype = datatype.iter().copied();
    let packed = match next(&mut datatype)? {
        NO_OP => return Err("a no-op datatype, expected one that is packed".into()),
        class => packed(class, &mut datatype, MAX_DEPTH)?,
    };
    let length = usize::try_from(elements)
        .ok()
        .and_then(|elements| packed.size.checked_mul(elements))
        .filter(|&length| length <= limit)
        .ok_or(Fault::TooLong)?;
    let bits = u64::from(elements).saturating_mul(packed.bits);
    if bits > bits_of(stored.len()) {
        return Err(format!("{elements} elements take {bits} bits, more than there are").into());
    }
    let mut plain = vec![0; length];
    unpack_run(&packed, stored, 0, &mut plain);
    Ok(plain)
}

fn bits_of(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8)
}

/// The next parameter.
fn next(parameters: &mut impl Iterator<Item = u32>) -> Result<u32, Fault> {
    parameters
        .next()
        .ok_or_else(|| "the parameters end within the datatype".into())
}

/// The next parameter, a size that is not 0.
fn next_size(parameters: &mut impl Iterator<Item = u32>) -> Result<usize, Fault> {
    match usize::try_from(next(parameters)?) {
        Ok(0) => Err("a datatype of 0 bytes".into()),
        Ok(size) => Ok(size),
        Err(_) => Err(Fault::TooLong),
    }
}

/// The datatype of a class.
fn packed(
    class: u32,
    parameters: &mut dyn Iterator<Item = u32>,
    depth: u32,
) -> Result<Packed, Fault> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| format!("datatypes within one another, deeper than {MAX_DEPTH}"))?;
    let mut parameters = parameters;
    let size = next_size(&mut parameters)?;
    let (bits, kind) = match class {
        ATOMIC => {
            let atomic = atomic(size, &mut parameters)?;
            (u64::from(atomic.precision), Kind::Atomic(atomic))
        }
        ARRAY => array(size, parameters, depth)?,
        COMPOUND => compound(size, parameters, depth)?,
        NO_OP => (bits_of(size), Kind::Whole),
        other => return Err(format!("datatype class {other}, expected 1 to 4").into()),
    };
    Ok(Packed { size, bits, kind })
}

fn atomic(size: usize, parameters: &mut impl Iterator<Item = u32>) -> Result<Atomic, Fault> {
    let order = match next(parameters)? {
        0 => Order::Little,
        1 => Order::Big,
        other => return Err(format!("byte order {other}, expected 0 or 1").into()),
    };
    let precision = next(parameters)?;
    let offset = next(parameters)?;
    if precision == 0 || u64::from(precision).saturating_add(offset.into()) > bits_of(size) {
        return Err(format!("{precision} bits from bit {offset} in {size} bytes").into());
    }
    Ok(Atomic {
        order,
        precision,
        offset,
    })
}

fn array(
    size: usize,
    parameters: &mut dyn Iterator<Item = u32>,
    depth: u32,
) -> Result<(u64, Kind), Fault> {
    let mut parameters = parameters;
    match next(&mut parameters)? {
        NO_OP => {
            // The size of one is stated, and does not matter.
            next(&mut parameters)?;
            Ok((bits_of(size), Kind::Whole))
        }
        class => {
            let base = packed(class, parameters, depth)?;
            let count = u64::try_from(size.checked_div(base.size).unwrap_or(0)).unwrap_or(u64::MAX);
            Ok((count.saturating_mul(base.bits), Kind::Array(base.into())))
        }
    }
}

fn compound(
    size: usize,
    parameters: &mut dyn Iterator<Item = u32>,
    depth: u32,
) -> Result<(u64, Kind), Fault> {
    let mut parameters = parameters;
    let count = next(&mut parameters)?;
    let mut members = Vec::new();
    let mut bits = 0_u64;
    let mut used = 0_usize;
    for _ in 0..count {
        if members
            .last()
            .is_some_and(|(_, member): &(_, Packed)| member.misread())
        {
            let reason = "members after an array of arrays or compounds, which libhdf5 packs by \
                          the parameters of others";
            return Err(Fault::Unsupported(reason.to_owned()));
        }
        let offset = usize::try_from(next(&mut parameters)?).unwrap_or(usize::MAX);
        let class = next(&mut parameters)?;
        let member = packed(class, &mut parameters, depth)?;
        // Not more than all bytes together, so that the work is bounded by the size.
        used = used.saturating_add(member.size);
        if used > size || offset.saturating_add(member.size) > size {
            return Err(format!(
                "a member of {} bytes at byte {offset} of a compound of {size}",
                member.size
            )
            .into());
        }
        bits = bits.saturating_add(member.bits);
        members.push((offset, member));
    }
    Ok((bits, Kind::Compound(members)))
}

/// Unpacks as many elements as fit into `plain`, the first of them from bit `at`.
fn unpack_run(packed: &Packed, stored: &[u8], mut at: u64, plain: &mut [u8]) {
    if let Kind::Atomic(atomic) = packed.kind {
        match packed.size {
            1 => return unpack_fixed::<1>(atomic, stored, at, plain),
            2 => return unpack_fixed::<2>(atomic, stored, at, plain),
            4 => return unpack_fixed::<4>(atomic, stored, at, plain),
            8 => return unpack_fixed::<8>(atomic, stored, at, plain),
            _ => {}
        }
    }
    for element in plain.chunks_exact_mut(packed.size) {
        unpack(packed, stored, at, element);
        at = at.wrapping_add(packed.bits);
    }
}

/// Unpacks one element.
fn unpack(packed: &Packed, stored: &[u8], mut at: u64, plain: &mut [u8]) {
    match &packed.kind {
        Kind::Atomic(atomic) => match packed.size {
            1 => unpack_fixed::<1>(*atomic, stored, at, plain),
            2 => unpack_fixed::<2>(*atomic, stored, at, plain),
            4 => unpack_fixed::<4>(*atomic, stored, at, plain),
            8 => unpack_fixed::<8>(*atomic, stored, at, plain),
            _ => unpack_any(*atomic, stored, at, plain),
        },
        Kind::Array(base) => unpack_run(base, stored, at, plain),
        Kind::Compound(members) => {
            for (offset, member) in members {
                let end = offset.wrapping_add(member.size);
                if let Some(plain) = plain.get_mut(*offset..end) {
                    unpack(member, stored, at, plain);
                }
                at = at.wrapping_add(member.bits);
            }
        }
        Kind::Whole => {
            bits::unpack::<1>(stored, at, 8, Order::Big, plain.as_chunks_mut().0, |byte| {
                byte
            });
        }
    }
}

fn unpack_fixed<const SIZE: usize>(atomic: Atomic, stored: &[u8], at: u64, plain: &mut [u8]) {
    let elements = plain.as_chunks_mut::<SIZE>().0;
    bits::unpack(
        stored,
        at,
        atomic.precision,
        atomic.order,
        elements,
        |value| value.wrapping_shl(atomic.offset),
    );
}

/// One number of any size, byte by byte from its most significant one.
fn unpack_any(atomic: Atomic, stored: &[u8], mut at: u64, plain: &mut [u8]) {
    let mut top = atomic.offset.saturating_add(atomic.precision);
    while top > atomic.offset {
        // The bits of one byte: those below `top` that are not below the offset.
        let byte = top.wrapping_sub(1) / 8;
        let bottom = byte.saturating_mul(8).max(atomic.offset);
        let width = top.wrapping_sub(bottom);
        let value = bits::field(stored, at, width).wrapping_shl(bottom % 8);
        let index = usize::try_from(byte).unwrap_or(usize::MAX);
        let target = match atomic.order {
            Order::Little => plain.get_mut(index),
            Order::Big => plain.iter_mut().nth_back(index),
        };
        if let Some(target) = target {
            *target = value.to_le_bytes()[0];
        }
        at = at.wrapping_add(width.into());
        top = bottom;
    }
}

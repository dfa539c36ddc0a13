//! Virtual datasets of elements of variable length: those of their sources are at hand.

use bytes::{BufMut, Bytes, BytesMut};
use chunkref_manifest::{Array, DataType, Layout, Mapping, Side};

use super::Virtual;
use crate::data_type::Refusal;

/// The elements of a virtual dataset, as `VLenUTF8` and `VLenBytes` of `NumCodecs` encode them;
/// `nothing` where no mapping covers them.
///
/// # Errors
/// The reason, where they take more than `limit` bytes or a source is of another type.
pub(crate) fn joined(
    array: &Array,
    found: &Virtual,
    nothing: &[u8],
    limit: u64,
) -> Result<Bytes, Refusal> {
    let too_many = || "too many elements of variable length".to_owned();
    let shape = &array.shape[..];
    let count = shape
        .iter()
        .try_fold(1_u64, |count, &axis| count.checked_mul(axis))
        .and_then(|count| u32::try_from(count).ok())
        .ok_or_else(too_many)?;
    let sources = found
        .sources
        .iter()
        .map(|source| elements(source, &array.data_type))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let mut placed: Vec<&[u8]> = vec![nothing; usize::try_from(count).map_err(|_| too_many())?];
    // Mappings may overlap, but not without end.
    let mut left = u64::from(count).saturating_mul(4);
    for mapping in &found.mappings {
        left = left
            .checked_sub(mapping.elements())
            .ok_or("mappings that overlap too much")?;
        let of = sources.get(mapping.source);
        let of = of.ok_or_else(|| format!("no source {}", mapping.source))?;
        let source_shape = found.sources.get(mapping.source).map(|one| &one.shape[..]);
        place(
            mapping,
            (shape, &mut placed),
            (source_shape.unwrap_or_default(), of),
        )
        .ok_or("a mapping that does not fit")?;
    }
    let bytes = placed.iter().fold(0_u64, |sum, string| {
        sum.saturating_add(u64::try_from(string.len()).unwrap_or(u64::MAX))
    });
    if bytes > limit {
        return Err(format!(
            "elements of variable length of {bytes} bytes, over the limit of {limit} (--string-limit)"
        ));
    }
    let mut encoded = BytesMut::new();
    encoded.put_u32_le(count);
    for string in placed {
        encoded.put_u32_le(u32::try_from(string.len()).map_err(|_| too_many())?);
        encoded.put_slice(string);
    }
    Ok(encoded.freeze())
}

/// The elements of a source.
fn elements<'a>(source: &'a Array, data_type: &DataType) -> Result<Vec<&'a [u8]>, Refusal> {
    match &source.layout {
        Layout::Inline { data } if source.data_type == *data_type => {
            decoded(data).ok_or_else(|| "a source whose elements are cut".to_owned())
        }
        _ => Err("a source whose elements are given otherwise (strings as bytes?)".to_owned()),
    }
}

fn decoded(data: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = data.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count);
    let mut strings = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (string, after) = after.split_at_checked(length)?;
        strings.push(string);
        rest = after;
    }
    Some(strings)
}

/// A loop in elements of both sides.
struct Turns {
    count: u64,
    to: u64,
    from: u64,
}

/// Puts the strings of a mapping where they belong.
fn place<'a>(
    mapping: &Mapping,
    (shape, placed): (&[u64], &mut [&'a [u8]]),
    (source_shape, strings): (&[u64], &[&'a [u8]]),
) -> Option<()> {
    let (strides, source_strides) = (strides(shape)?, strides(source_shape)?);
    let first = |side: Side, strides: &[u64]| {
        let mut axes = mapping.start(side).iter().zip(strides);
        axes.try_fold(0_u64, |sum, (at, stride)| {
            sum.checked_add(at.checked_mul(*stride)?)
        })
    };
    let loops: Option<Vec<Turns>> = mapping
        .loops
        .iter()
        .map(|one| {
            Some(Turns {
                count: one.length,
                to: strides.get(one.array.axis)?.checked_mul(one.array.length)?,
                from: source_strides
                    .get(one.source.axis)?
                    .checked_mul(one.source.length)?,
            })
        })
        .collect();
    let at = (
        first(Side::Array, &strides)?,
        first(Side::Source, &source_strides)?,
    );
    turn(&loops?, at, placed, strings)
}

fn turn<'a>(
    loops: &[Turns],
    (to, from): (u64, u64),
    placed: &mut [&'a [u8]],
    strings: &[&'a [u8]],
) -> Option<()> {
    let Some((outer, inner)) = loops.split_first() else {
        *placed.get_mut(usize::try_from(to).ok()?)? = strings.get(usize::try_from(from).ok()?)?;
        return Some(());
    };
    for number in 0..outer.count {
        let to = to.checked_add(number.checked_mul(outer.to)?)?;
        let from = from.checked_add(number.checked_mul(outer.from)?)?;
        turn(inner, (to, from), placed, strings)?;
    }
    Some(())
}

/// From one element to the next along each axis.
fn strides(shape: &[u64]) -> Option<Vec<u64>> {
    let mut stride = 1_u64;
    let mut strides = Vec::with_capacity(shape.len());
    for &length in shape.iter().rev() {
        strides.push(stride);
        stride = stride.checked_mul(length)?;
    }
    strides.reverse();
    Some(strides)
}

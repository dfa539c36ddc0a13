//! Parquet's RLE/bit-packing hybrid, in which levels and numbers of a dictionary's values are.

/// Runs of equal numbers, and packed ones (Parquet's RLE/bit-packing hybrid), until `count` are
/// given.
pub(super) fn hybrid(
    runs: &[u8],
    width: u8,
    count: usize,
    mut each: impl FnMut(u32),
) -> Result<(), String> {
    if width > 32 {
        return Err(format!("numbers of {width} bits, expected at most 32"));
    }
    let bytes = usize::from(width.div_ceil(8));
    let mut rest = runs;
    let mut left = count;
    while left > 0 {
        let header = varint(&mut rest).ok_or("runs that end early")?;
        let length = usize::try_from(header >> 1).unwrap_or(usize::MAX);
        if header & 1 == 0 {
            let value = take(&mut rest, bytes).ok_or("runs that end early")?;
            let value = value
                .iter()
                .rev()
                .fold(0_u32, |value, byte| (value << 8) | u32::from(*byte));
            let length = length.min(left);
            if length == 0 {
                return Err("a run of no length".to_owned());
            }
            for _ in 0..length {
                each(value);
            }
            left = left.saturating_sub(length);
        } else {
            // Groups of eight; the last may be cut short by writers that do not pad.
            let packed = length.saturating_mul(usize::from(width)).min(rest.len());
            let packed = take(&mut rest, packed).unwrap_or_default();
            let length = length.saturating_mul(8).min(left);
            if length == 0 {
                return Err("a run of no length".to_owned());
            }
            let mut bits = Bits {
                bytes: packed,
                held: 0,
                count: 0,
            };
            for _ in 0..length {
                each(bits.next(width).ok_or("runs that end early")?);
            }
            left = left.saturating_sub(length);
        }
    }
    Ok(())
}

/// Numbers packed from the lowest bit on.
struct Bits<'a> {
    bytes: &'a [u8],
    held: u64,
    count: u8,
}

impl Bits<'_> {
    fn next(&mut self, width: u8) -> Option<u32> {
        while self.count < width {
            let (first, rest) = self.bytes.split_first()?;
            self.held |= u64::from(*first).checked_shl(u32::from(self.count))?;
            self.count = self.count.saturating_add(8);
            self.bytes = rest;
        }
        let mask = 1_u64.checked_shl(u32::from(width))?.checked_sub(1)?;
        let value = self.held & mask;
        self.held = self.held.checked_shr(u32::from(width))?;
        self.count = self.count.saturating_sub(width);
        u32::try_from(value).ok()
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The first `count` bytes, which `rest` then is without.
pub(super) fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

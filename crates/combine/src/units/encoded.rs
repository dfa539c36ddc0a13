//! Times as elements of the type that they had.

use bytes::Bytes;
use chunkref_manifest::{ByteOrder, DataType};
use chunkref_store::{Elements, cf};

/// Times as elements of the type that they had; what was missing stays as it was stored.
pub(super) fn encoded(
    times: &[i128],
    elements: &Elements,
    zero: i128,
    unit: i128,
) -> Option<Bytes> {
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

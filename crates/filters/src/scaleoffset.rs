//! HDF5 filter 6: scale-offset. Differences from the smallest value, in as few bits as they need.
//!
//! | parameter | meaning                                                       |
//! |-----------|---------------------------------------------------------------|
//! | 0         | scale type: 0 decimal, 1 binary, 2 integer                    |
//! | 1         | decimal digits, or for integers the bits of a difference      |
//! | 2         | elements in the chunk                                         |
//! | 3         | class: 0 integer, 1 floating-point                            |
//! | 4         | size of an element in bytes                                   |
//! | 5         | sign: 0 unsigned, 1 two's complement                          |
//! | 6         | byte order: 0 little-endian, 1 big-endian                     |
//! | 7         | whether a fill value is defined                               |
//! | 8 to 19   | the fill value, its low bytes first                           |
//!
//! | byte    | meaning                                                         |
//! |---------|-----------------------------------------------------------------|
//! | 0 to 3  | bits of a difference, little-endian                             |
//! | 4       | bytes of the smallest value                                     |
//! | 5 to 20 | the smallest value, little-endian                               |
//! | 21 on   | the differences, most significant bit first, without gaps       |

use std::hint::black_box;

use crate::bits::{self, Order};
use crate::registered::Fault;

/// Bytes before the differences.
const HEADER: usize = 21;

/// Most bytes that are read of the smallest value.
const MIN_SIZE: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Integer,
    /// Decimal digits that are kept.
    Float(i32),
}

/// What the parameters say.
struct Parameters {
    class: Class,
    elements: u32,
    /// Size of an element in bytes.
    size: usize,
    order: Order,
    /// The bits of the fill value, where one is defined.
    fill: Option<u64>,
}

/// What the stored bytes say before the differences.
struct Header {
    /// Bits of a difference.
    width: u32,
    /// The bits of the smallest value.
    min: u64,
}

/// Undoes the filter.
pub(crate) fn decode(stored: &[u8], parameters: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let values: &[u32; 20] = parameters
        .try_into()
        .map_err(|_| format!("{} parameters, expected 20", parameters.len()))?;
    let Some(parameters) = Parameters::new(values)? else {
        // As many bits as the type has: the writer stored the elements as they are.
        return if stored.len() > limit {
            Err(Fault::TooLong)
        } else {
            Ok(stored.to_vec())
        };
    };
    let length = usize::try_from(parameters.elements)
        .ok()
        .and_then(|elements| elements.checked_mul(parameters.size))
        .filter(|&length| length <= limit)
        .ok_or(Fault::TooLong)?;
    let (header, packed) = Header::new(stored)?;
    let whole = u32::try_from(parameters.size).map_or(u32::MAX, |size| size.saturating_mul(8));
    if header.width > whole {
        return Err(format!("{} bits of elements of {whole}", header.width).into());
    }
    let bits = u64::from(parameters.elements).saturating_mul(header.width.into());
    if bits.div_ceil(8) > u64::try_from(packed.len()).unwrap_or(u64::MAX) {
        return Err(format!(
            "{} elements take {bits} bits, more than there are",
            parameters.elements
        )
        .into());
    }
    let mut plain = vec![0; length];
    match parameters.size {
        _ if header.width == whole => copy(packed, &parameters, &mut plain),
        1 => unpack::<1>(packed, &parameters, &header, &mut plain)?,
        2 => unpack::<2>(packed, &parameters, &header, &mut plain)?,
        4 => unpack::<4>(packed, &parameters, &header, &mut plain)?,
        8 => unpack::<8>(packed, &parameters, &header, &mut plain)?,
        other => return Err(format!("elements of {other} bytes, expected 1, 2, 4 or 8").into()),
    }
    Ok(plain)
}

impl Parameters {
    /// What they say; `None` if the elements are stored as they are.
    fn new(values: &[u32; 20]) -> Result<Option<Self>, Fault> {
        let [
            scale,
            factor,
            elements,
            class,
            size,
            _,
            order,
            has_fill,
            low,
            high,
            ..,
        ] = *values;
        if size == 0 {
            return Err("elements of 0 bytes".into());
        }
        let class = match (class, scale) {
            (0, 2) => {
                // A negative number of bits means as many as the writer found to be needed.
                let bits = factor.cast_signed().max(0).cast_unsigned();
                match u64::from(bits).cmp(&u64::from(size).saturating_mul(8)) {
                    std::cmp::Ordering::Less => Class::Integer,
                    std::cmp::Ordering::Equal => return Ok(None),
                    std::cmp::Ordering::Greater => {
                        return Err(format!("{bits} bits of elements of {size} bytes").into());
                    }
                }
            }
            (1, 0) => Class::Float(factor.cast_signed()),
            (1, 1) => {
                let reason = "binary scaling, which no version of libhdf5 writes or reads";
                return Err(Fault::Unsupported(reason.to_owned()));
            }
            (class, scale) => {
                return Err(format!("class {class} with scale type {scale}").into());
            }
        };
        Ok(Some(Self {
            class,
            elements,
            size: usize::try_from(size).map_err(|_| Fault::TooLong)?,
            order: if order == 1 {
                Order::Big
            } else {
                Order::Little
            },
            fill: (has_fill == 1).then(|| u64::from(high) << 32 | u64::from(low)),
        }))
    }
}

impl Header {
    /// It and the bytes behind it.
    fn new(stored: &[u8]) -> Result<(Self, &[u8]), Fault> {
        let (header, packed) = stored
            .split_first_chunk::<HEADER>()
            .ok_or("fewer bytes than the 21 of the header")?;
        let [a, b, c, d, min_size, min @ ..] = *header;
        let mut low = [0; MIN_SIZE];
        for (to, from) in low.iter_mut().zip(min).take(min_size.into()) {
            *to = from;
        }
        let header = Self {
            width: u32::from_le_bytes([a, b, c, d]),
            min: u64::from_le_bytes(low),
        };
        Ok((header, packed))
    }
}

/// Elements stored whole: little-endian, and put into their order.
fn copy(packed: &[u8], parameters: &Parameters, plain: &mut [u8]) {
    for (to, from) in plain.iter_mut().zip(packed) {
        *to = *from;
    }
    if parameters.order == Order::Big {
        for element in plain.chunks_exact_mut(parameters.size) {
            element.reverse();
        }
    }
}

fn unpack<const SIZE: usize>(
    packed: &[u8],
    parameters: &Parameters,
    header: &Header,
    plain: &mut [u8],
) -> Result<(), Fault> {
    let Header { width, min } = *header;
    let elements = plain.as_chunks_mut::<SIZE>().0;
    let order = parameters.order;
    // All bits set stand for the fill value; without one no difference is so large.
    let (filled, fill) = match parameters.fill {
        Some(fill) => (1_u64.wrapping_shl(width).wrapping_sub(1), fill),
        None => (u64::MAX, 0),
    };
    match (parameters.class, SIZE) {
        (Class::Integer, _) => bits::unpack(packed, 0, width, order, elements, |difference| {
            if difference == filled {
                fill
            } else {
                difference.wrapping_add(min)
            }
        }),
        // The power is the one of the platform, as in libhdf5: 10^23 is another if rounded once. Of
        // a base that it sees the compiler would take another function.
        (Class::Float(digits), 4) => {
            let scale = black_box(10_f32).powf(single(u64::from(digits.cast_unsigned())));
            let [a, b, c, d, ..] = min.to_le_bytes();
            let min = f32::from_le_bytes([a, b, c, d]);
            bits::unpack(packed, 0, width, order, elements, |difference| {
                let value = single(difference) / scale + min;
                if difference == filled {
                    fill
                } else {
                    value.to_bits().into()
                }
            });
        }
        (Class::Float(digits), 8) => {
            let scale = black_box(10_f64).powf(digits.into());
            let min = f64::from_bits(min);
            bits::unpack(packed, 0, width, order, elements, |difference| {
                let value = double(difference) / scale + min;
                if difference == filled {
                    fill
                } else {
                    value.to_bits()
                }
            });
        }
        (Class::Float(_), other) => {
            return Err(
                format!("floating-point elements of {other} bytes, expected 4 or 8").into(),
            );
        }
    }
    Ok(())
}

/// The low 32 bits as a signed number, in single precision.
fn single(difference: u64) -> f32 {
    let [a, b, c, d, ..] = difference.to_le_bytes();
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "rounding to nearest is meant"
    )]
    let value = i32::from_le_bytes([a, b, c, d]) as f32;
    value
}

/// The bits as a signed number, in double precision.
fn double(difference: u64) -> f64 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "rounding to nearest is meant"
    )]
    let value = difference.cast_signed() as f64;
    value
}

//! HDF5 filter 4: szip, the lossless coding of CCSDS 121.0-B in the form of the szip library.
//!
//! | parameter | meaning                                                              |
//! |-----------|----------------------------------------------------------------------|
//! | 0         | options: 16 samples are big-endian, 32 they are predicted from the   |
//! |           | one before (NN; otherwise EC); the other bits do not matter          |
//! | 1         | pixels in a block: even, at most 32                                  |
//! | 2         | bits in a pixel: 1 to 24, 32 or 64                                   |
//! | 3         | pixels in a scanline, at most 4096                                   |
//!
//! The first four stored bytes are the length of the chunk, little-endian. The coded samples are
//! pixels of 1, 2 or 4 bytes. Pixels of 32 and 64 bits are coded as bytes, all first bytes before
//! all second ones. Each scanline is padded to whole blocks, and begins with a sample as it is
//! where samples are predicted.

mod reader;

use crate::registered::Fault;
use crate::shuffle;
use reader::Reader;

/// Bytes of the length before the coded samples.
const PREFIX: usize = 4;

/// The option that samples are big-endian.
const MSB: u32 = 16;
/// The option that samples are predicted from the one before.
const NN: u32 = 32;

/// Most pixels in a block.
const MAX_BLOCK: usize = 32;

/// Most pixels in a scanline: 128 blocks.
const MAX_SCANLINE: usize = 4096;

/// Fewest bits of a scanline: the coding of one run of blocks of zeros.
const MIN_BITS: usize = 5;

/// How samples are coded.
struct Coding {
    /// Bits in a sample, at most 24.
    width: u32,
    /// Bits that name the coding of a block.
    id_width: u32,
    /// Samples in a block.
    block: usize,
    /// Blocks in a scanline.
    blocks: usize,
    /// Samples in a scanline that are not padding.
    scanline: usize,
    /// Whether samples are predicted.
    predicted: bool,
}

/// A block of a scanline, as it is coded.
struct Block {
    /// Its place in the scanline.
    number: usize,
    /// Whether its first sample is one as it is, of which the others are predicted.
    reference: bool,
    /// Samples that must be there.
    coded: usize,
}

/// Undoes the filter.
pub(crate) fn decode(stored: &[u8], parameters: &[u32], limit: usize) -> Result<Vec<u8>, Fault> {
    let &[options, block, width, scanline] = parameters else {
        return Err(format!("{} parameters, expected 4", parameters.len()).into());
    };
    let (length, coded) = stored
        .split_first_chunk::<PREFIX>()
        .ok_or("fewer bytes than the 4 of the length")?;
    let length = usize::try_from(u32::from_le_bytes(*length))
        .ok()
        .filter(|&length| length <= limit)
        .ok_or(Fault::TooLong)?;
    // Pixels of this many bytes are coded byte by byte.
    let (width, bytes) = match width {
        1..=24 => (width, 1),
        32 => (8, 4),
        64 => (8, 8),
        other => return Err(format!("{other} bits in a pixel, expected 1 to 24, 32 or 64").into()),
    };
    let coding = Coding::new(width, block, scanline, options & NN != 0)?;
    let big = options & MSB != 0;
    let plain = match width {
        1..=8 => samples(&coding, coded, length, |sample| {
            let [low, ..] = sample.to_le_bytes();
            [low]
        }),
        9..=16 if big => samples(&coding, coded, length, |sample| {
            let [_, _, high, low] = sample.to_be_bytes();
            [high, low]
        }),
        9..=16 => samples(&coding, coded, length, |sample| {
            let [low, high, ..] = sample.to_le_bytes();
            [low, high]
        }),
        _ if big => samples(&coding, coded, length, u32::to_be_bytes),
        _ => samples(&coding, coded, length, u32::to_le_bytes),
    }?;
    match bytes {
        1 => Ok(plain),
        _ if length.checked_rem(bytes) != Some(0) => {
            Err(format!("{length} bytes of pixels of {bytes}").into())
        }
        _ => Ok(shuffle::unshuffle(&plain, bytes)),
    }
}

impl Coding {
    fn new(width: u32, block: u32, scanline: u32, predicted: bool) -> Result<Self, Fault> {
        let size = usize::try_from(block).unwrap_or(usize::MAX);
        if size == 0 || size % 2 == 1 || size > MAX_BLOCK {
            return Err(format!("{block} pixels in a block, expected 2 to 32, even").into());
        }
        let pixels = usize::try_from(scanline).unwrap_or(usize::MAX);
        if pixels == 0 || pixels > MAX_SCANLINE {
            return Err(format!("{scanline} pixels in a scanline, expected 1 to 4096").into());
        }
        Ok(Self {
            width,
            id_width: match width {
                ..=8 => 3,
                9..=16 => 4,
                _ => 5,
            },
            block: size,
            blocks: pixels.div_ceil(size),
            scanline: pixels,
            predicted,
        })
    }
}

/// The decoded samples, `length` bytes.
fn samples<const SIZE: usize>(
    coding: &Coding,
    coded: &[u8],
    length: usize,
    bytes: impl Fn(u32) -> [u8; SIZE] + Copy,
) -> Result<Vec<u8>, Fault> {
    let samples = length.checked_div(SIZE).unwrap_or(0);
    if samples.checked_mul(SIZE) != Some(length) {
        return Err(format!("{length} bytes of pixels of {SIZE}").into());
    }
    let least = samples.div_ceil(coding.scanline).saturating_mul(MIN_BITS);
    if least.div_ceil(8) > coded.len() {
        return Err(
            format!("{length} bytes take at least {least} bits, more than there are").into(),
        );
    }
    let mut plain = vec![0; length];
    let mut reader = Reader::new(coded);
    let mut scanlines = plain.as_chunks_mut::<SIZE>().0.chunks_mut(coding.scanline);
    while let Some(scanline) = scanlines.next() {
        let mut predictor = Predictor::new(coding);
        let mut number = 0;
        let mut blocks = scanline.chunks_mut(coding.block);
        while let Some(block) = blocks.next() {
            // Behind the last sample padding need not be there.
            let at_end = scanlines.len() == 0 && blocks.len() == 0;
            let coded = if at_end { block.len() } else { coding.block };
            let place = Block {
                number,
                reference: coding.predicted && number == 0,
                coded,
            };
            let zeros = predictor.block(coding, &mut reader, &place, block, bytes)?;
            for zero in blocks.by_ref().take(zeros) {
                predictor.zeros(zero, bytes);
            }
            number = number.saturating_add(1).saturating_add(zeros);
        }
    }
    Ok(plain)
}

/// The samples of a scanline in their order.
struct Predictor {
    /// The last sample.
    last: u32,
    /// The largest sample.
    max: u32,
}

impl Predictor {
    fn new(coding: &Coding) -> Self {
        Self {
            last: 0,
            max: u32::MAX
                .checked_shr(32_u32.wrapping_sub(coding.width))
                .unwrap_or(0),
        }
    }

    /// Decodes a block, and says how many blocks of zeros follow. Samples that `plain` has no room for are padding.
    #[inline]
    fn block<const SIZE: usize>(
        &mut self,
        coding: &Coding,
        reader: &mut Reader<'_>,
        block: &Block,
        plain: &mut [[u8; SIZE]],
        bytes: impl Fn(u32) -> [u8; SIZE],
    ) -> Result<usize, Fault> {
        let mut residuals = [0; MAX_BLOCK];
        let residuals = residuals.get_mut(..coding.block).unwrap_or_default();
        let zeros = reader.block(coding, block, residuals)?;
        let residuals = residuals.iter().copied();
        if coding.predicted {
            let mut last = self.last;
            for (index, (residual, pixel)) in residuals.zip(plain).enumerate() {
                last = if block.reference && index == 0 {
                    residual
                } else {
                    self.next(last, residual)
                };
                *pixel = bytes(last);
            }
            self.last = last;
        } else {
            for (residual, pixel) in residuals.zip(plain) {
                *pixel = bytes(residual);
            }
        }
        Ok(zeros)
    }

    /// A block of which all residuals are zero.
    fn zeros<const SIZE: usize>(
        &self,
        plain: &mut [[u8; SIZE]],
        bytes: impl Fn(u32) -> [u8; SIZE],
    ) {
        // Not predicted, the last sample remains 0.
        plain.fill(bytes(self.last));
    }

    /// The sample after `last`: differences alternate in sign while both signs are possible, and
    /// then have the one that is left.
    #[inline]
    fn next(&self, last: u32, residual: u32) -> u32 {
        let half = (residual >> 1).wrapping_add(residual & 1);
        let upper = last > self.max >> 1;
        let mirror = if upper { self.max } else { 0 };
        if half <= mirror ^ last {
            let negative = 0_u32.wrapping_sub(residual & 1);
            last.wrapping_add((residual >> 1) ^ negative)
        } else {
            mirror ^ residual
        }
    }
}

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

use crate::bits;
use crate::registered::Fault;
use crate::shuffle;

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

/// The number of zero blocks that stands for all that remain of a segment.
const REST_OF_SEGMENT: u32 = 5;
/// Blocks in a segment.
const SEGMENT: usize = 64;

/// The largest symbol of the second extension: of two samples whose sum is 12.
const MAX_SYMBOL: u32 = 90;

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

/// The coded bits.
struct Reader<'a> {
    bytes: &'a [u8],
    /// The next byte to be held.
    next: usize,
    /// The bits that are held, from the top. Below them may be bits of the next byte already.
    word: u64,
    /// How many.
    held: u32,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            next: 0,
            word: 0,
            held: 0,
        }
    }

    /// Holds at least 56 bits; past the end they are 0.
    #[inline]
    fn refill(&mut self) {
        self.word |= bits::word(self.bytes, self.next).wrapping_shr(self.held);
        let bytes = 63_u32.wrapping_sub(self.held) >> 3;
        self.next = self
            .next
            .saturating_add(usize::try_from(bytes).unwrap_or(0));
        self.held = self.held.wrapping_add(bytes << 3);
    }

    /// The next `width` bits, at most 32.
    #[inline]
    fn take(&mut self, width: u32) -> u32 {
        if self.held < width {
            self.refill();
        }
        let value = self
            .word
            .checked_shr(64_u32.wrapping_sub(width))
            .unwrap_or(0);
        self.word = self.word.wrapping_shl(width);
        self.held = self.held.wrapping_sub(width);
        u32::try_from(value).unwrap_or(0)
    }

    /// A fundamental sequence: the number of zeros before the next one.
    #[inline]
    fn zeros(&mut self) -> u32 {
        let mut before = 0_u32;
        loop {
            if self.held < 32 {
                self.refill();
            }
            let zeros = self.word.leading_zeros();
            if zeros < self.held {
                self.word = self.word.wrapping_shl(zeros) << 1;
                self.held = self.held.wrapping_sub(zeros).wrapping_sub(1);
                return before.saturating_add(zeros);
            }
            before = before.saturating_add(self.held);
            self.word = 0;
            self.held = 0;
            if self.next > self.bytes.len() {
                // Past the end there is no one; `check` tells.
                self.next = self.next.saturating_add(8);
                return 0;
            }
        }
    }

    /// That no bits past the end were taken.
    fn check(&self) -> Result<(), Fault> {
        let held = usize::try_from(self.held >> 3).unwrap_or(0);
        if self.next.saturating_sub(held) > self.bytes.len() {
            return Err("the coded samples end within a block".into());
        }
        Ok(())
    }

    /// The residuals of a block, and how many blocks of zeros follow.
    #[inline]
    fn block(
        &mut self,
        coding: &Coding,
        block: &Block,
        residuals: &mut [u32],
    ) -> Result<usize, Fault> {
        let mut zeros = 0;
        let id = self.take(coding.id_width);
        let whole = 1_u32.wrapping_shl(coding.id_width).wrapping_sub(1);
        if id == whole {
            for residual in residuals.iter_mut().take(block.coded) {
                *residual = self.take(coding.width);
            }
        } else if id == 0 {
            let extended = self.take(1) == 1;
            if block.reference
                && let Some(first) = residuals.first_mut()
            {
                *first = self.take(coding.width);
            }
            if extended {
                self.second_extension(residuals, block.reference)?;
            } else {
                zeros = self.zero_blocks(coding, block.number)?;
            }
        } else {
            self.split(coding, block, id.wrapping_sub(1), residuals);
        }
        self.check()?;
        Ok(zeros)
    }

    /// Residuals whose `low` lowest bits stand apart from the others.
    #[inline]
    fn split(&mut self, coding: &Coding, block: &Block, low: u32, residuals: &mut [u32]) {
        let start = usize::from(block.reference);
        if block.reference
            && let Some(first) = residuals.first_mut()
        {
            *first = self.take(coding.width);
        }
        let rest = residuals.get_mut(start..).unwrap_or_default();
        for residual in rest.iter_mut() {
            *residual = self.zeros().wrapping_shl(low);
        }
        if low > 0 {
            for residual in rest.iter_mut().take(block.coded.saturating_sub(start)) {
                *residual |= self.take(low);
            }
        }
    }

    /// Pairs of residuals as one symbol each; of the first pair a reference sample has the first
    /// place.
    fn second_extension(&mut self, residuals: &mut [u32], reference: bool) -> Result<(), Fault> {
        let (pairs, _) = residuals.as_chunks_mut::<2>();
        for (index, [first, second]) in pairs.iter_mut().enumerate() {
            let symbol = self.zeros();
            if symbol > MAX_SYMBOL {
                return Err(format!("symbol {symbol} of two samples, expected at most 90").into());
            }
            // Symbols count the pairs by their sums, and by the second within a sum.
            let mut sum = 0_u32;
            let mut second_is = symbol;
            while second_is > sum {
                sum = sum.wrapping_add(1);
                second_is = second_is.wrapping_sub(sum);
            }
            if !(reference && index == 0) {
                *first = sum.wrapping_sub(second_is);
            }
            *second = second_is;
        }
        Ok(())
    }

    /// How many blocks of zeros follow a first one.
    fn zero_blocks(&mut self, coding: &Coding, number: usize) -> Result<usize, Fault> {
        let left = coding.blocks.saturating_sub(number);
        let count = match self.zeros().saturating_add(1) {
            REST_OF_SEGMENT => left.min(SEGMENT.wrapping_sub(number % SEGMENT)),
            count @ ..REST_OF_SEGMENT => usize::try_from(count).unwrap_or(usize::MAX),
            count => usize::try_from(count.wrapping_sub(1)).unwrap_or(usize::MAX),
        };
        if count > left {
            return Err(format!("{count} blocks of zeros, {left} left in the scanline").into());
        }
        Ok(count.saturating_sub(1))
    }
}

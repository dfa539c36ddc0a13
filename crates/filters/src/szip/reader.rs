//! The bits of szip's blocks, and the residuals that they code.

use super::{Block, Coding};
use crate::bits;
use crate::registered::Fault;

/// The number of zero blocks that stands for all that remain of a segment.
const REST_OF_SEGMENT: u32 = 5;

/// Blocks in a segment.
const SEGMENT: usize = 64;

/// The largest symbol of the second extension: of two samples whose sum is 12.
const MAX_SYMBOL: u32 = 90;

/// The coded bits.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// The next byte to be held.
    next: usize,
    /// The bits that are held, from the top. Below them may be bits of the next byte already.
    word: u64,
    /// How many.
    held: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
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
    pub(super) fn block(
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

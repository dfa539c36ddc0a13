//! What the decoders of LZ77 formats have in common: literals, and repeats of what came before.

use crate::registered::Fault;

/// Bytes moved at once. More than asked for may be moved where there is room: what is too much is
/// overwritten by what comes next.
const WIDE: usize = 16;
/// A repeat of this length is worth a call.
const LONG: usize = 64;

/// For a repeat from so many bytes before: how many of eight are whole repeats, the factor that
/// makes eight bytes of the known ones, and the mask of those.
const PATTERNS: [(usize, u64, u64); 8] = [
    (8, 0, 0), // no distance
    (8, 0x0101_0101_0101_0101, 0xff),
    (8, 0x0001_0001_0001_0001, 0xffff),
    (6, 0x0001_0000_0100_0001, 0x00ff_ffff),
    (8, 0x0000_0001_0000_0001, 0xffff_ffff),
    (5, 0x0000_0100_0000_0001, 0x00ff_ffff_ffff),
    (6, 0x0001_0000_0000_0001, 0xffff_ffff_ffff),
    (7, 0x0100_0000_0000_0001, 0x00ff_ffff_ffff_ffff),
];

/// Why a window takes no more. Small: it is given back for each of millions of repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Fewer literal bytes are stored than the stream says.
    Literals,
    /// A repeat from before the first byte, or from no distance.
    Distance,
    /// The bytes do not fit.
    TooLong,
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Literals => "literal bytes are cut off".into(),
            Stop::Distance => "a repeat from before the first byte".into(),
            Stop::TooLong => Self::TooLong,
        }
    }
}

/// Plain bytes as they become known, in a slice that bounds them.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    plain: &'a mut [u8],
    end: usize,
}

impl<'a> Window<'a> {
    /// Nothing is known yet of what will be in `plain`.
    pub(crate) fn new(plain: &'a mut [u8]) -> Self {
        Self { plain, end: 0 }
    }

    /// How many bytes are known.
    pub(crate) fn len(&self) -> usize {
        self.end
    }

    /// Appends the first `length` of `bytes`.
    #[inline]
    pub(crate) fn literals(&mut self, bytes: &[u8], length: usize) -> Result<(), Stop> {
        let room = self.plain.get_mut(self.end..).unwrap_or_default();
        if length <= WIDE
            && let Some(wide) = room.first_chunk_mut::<WIDE>()
            && let Some(from) = bytes.first_chunk::<WIDE>()
        {
            *wide = *from;
        } else {
            let from = bytes.get(..length).ok_or(Stop::Literals)?;
            room.get_mut(..length)
                .ok_or(Stop::TooLong)?
                .copy_from_slice(from);
        }
        self.end = self.end.wrapping_add(length); // within the slice, as was just seen
        Ok(())
    }

    /// Appends `length` bytes equal to those that begin `distance` before the end.
    #[inline]
    pub(crate) fn repeat(&mut self, distance: usize, length: usize) -> Result<(), Stop> {
        let (Some(start), 1..) = (self.end.checked_sub(distance), distance) else {
            return Err(Stop::Distance);
        };
        let Some(stop) = self.end.checked_add(length) else {
            return Err(Stop::TooLong);
        };
        if stop > self.plain.len() {
            return Err(Stop::TooLong);
        }
        if length >= LONG && (distance == 1 || distance >= PATTERNS.len()) {
            self.repeat_long(start, distance, stop);
        } else {
            // The last few bytes, after which there is no room, are moved one by one.
            let roomy = stop.min(self.plain.len().saturating_sub(WIDE));
            if distance < WIDE {
                self.repeat_closely(start, distance, roomy);
            } else {
                self.repeat_widely(start, roomy);
            }
            if roomy < stop {
                self.repeat_narrowly(roomy.max(self.end), distance, stop);
            }
        }
        self.end = stop;
        Ok(())
    }

    /// Appends `count` of `literals` and `length` bytes from `distance` before their end, if both
    /// are short, the distance is not, and there is room for more; otherwise does nothing.
    #[inline]
    pub(crate) fn both(
        &mut self,
        literals: [u8; WIDE],
        count: usize,
        distance: usize,
        length: usize,
    ) -> bool {
        let middle = self.end.wrapping_add(count);
        let (Some(start), true) = (middle.checked_sub(distance), distance >= WIDE) else {
            return false;
        };
        if length > 2 * WIDE || self.plain.len() < middle.saturating_add(2 * WIDE) {
            return false;
        }
        put(self.plain, self.end, literals);
        copy_wide(self.plain, start, middle);
        if length > WIDE {
            copy_wide(
                self.plain,
                start.wrapping_add(WIDE),
                middle.wrapping_add(WIDE),
            );
        }
        self.end = middle.wrapping_add(length);
        true
    }

    /// As the machine does it best: one byte, or a stretch that grows twofold until all is there.
    /// Piece by piece, bytes would be loaded again before they have left the processor.
    fn repeat_long(&mut self, start: usize, distance: usize, stop: usize) {
        if distance == 1 {
            let byte = self.plain.get(start).copied().unwrap_or(0);
            let places = self.plain.get_mut(self.end..stop);
            return places.unwrap_or_default().fill(byte);
        }
        let mut to = self.end;
        while to < stop {
            let known = to.saturating_sub(start);
            let length = known.min(stop.saturating_sub(to));
            self.plain
                .copy_within(start..start.saturating_add(length), to);
            to = to.saturating_add(length);
        }
    }

    /// From at least [`WIDE`] before, with [`WIDE`] bytes of room after `stop`.
    #[inline]
    fn repeat_widely(&mut self, mut from: usize, stop: usize) {
        let mut to = self.end;
        while to < stop {
            copy_wide(self.plain, from, to);
            from = from.wrapping_add(WIDE);
            to = to.wrapping_add(WIDE);
        }
    }

    /// From less than [`WIDE`] before, with [`WIDE`] bytes of room after `stop`.
    #[inline]
    fn repeat_closely(&mut self, start: usize, distance: usize, stop: usize) {
        let (mut from, mut to) = (start, self.end);
        if let Some(&(whole, factor, mask)) = PATTERNS.get(distance) {
            let known = self.eight(from) & mask;
            let pattern = known.wrapping_mul(factor).to_le_bytes();
            while to < stop {
                put(self.plain, to, pattern);
                to = to.wrapping_add(whole);
            }
            return;
        }
        while to < stop {
            let eight = self.eight(from).to_le_bytes();
            put(self.plain, to, eight);
            from = from.wrapping_add(8);
            to = to.wrapping_add(8);
        }
    }

    #[inline]
    fn eight(&self, at: usize) -> u64 {
        let bytes = self.plain.get(at..).and_then(<[u8]>::first_chunk);
        u64::from_le_bytes(bytes.copied().unwrap_or_default())
    }

    /// Byte by byte, from `first` on.
    fn repeat_narrowly(&mut self, first: usize, distance: usize, stop: usize) {
        for (from, to) in (first.saturating_sub(distance)..).zip(first..stop) {
            let byte = self.plain.get(from).copied().unwrap_or(0);
            if let Some(place) = self.plain.get_mut(to) {
                *place = byte;
            }
        }
    }
}

#[inline]
fn copy_wide(plain: &mut [u8], from: usize, to: usize) {
    let wide = plain.get(from..).and_then(<[u8]>::first_chunk::<WIDE>);
    let wide = wide.copied().unwrap_or_default();
    put(plain, to, wide);
}

#[inline]
fn put<const N: usize>(plain: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = plain.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_of_every_distance_and_length() {
        for distance in 1..40 {
            for length in (1..70).chain([127, 128, 129, 300]) {
                for room in [0, 1, 15, 16, 100] {
                    let mut plain = vec![0; 40 + length + room];
                    let mut window = Window::new(&mut plain);
                    window
                        .literals(
                            &std::array::from_fn::<u8, 40, _>(|i| i.to_le_bytes()[0]),
                            40,
                        )
                        .unwrap();
                    window.repeat(distance, length).unwrap();
                    assert_eq!(window.len(), 40 + length);
                    for at in 40..40 + length {
                        assert_eq!(plain[at], plain[at - distance], "{distance} {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_written_beyond_or_read_before() {
        let mut plain = [0; 20];
        let mut window = Window::new(&mut plain);
        assert_eq!(window.literals(&[1; 40], 21), Err(Stop::TooLong));
        window.literals(&[1; 40], 10).unwrap();
        assert_eq!(window.repeat(1, 11), Err(Stop::TooLong));
        assert_eq!(window.repeat(1, usize::MAX), Err(Stop::TooLong));
        assert_eq!(window.repeat(0, 1), Err(Stop::Distance));
        assert_eq!(window.repeat(11, 1), Err(Stop::Distance));
        assert_eq!(window.literals(&[1; 3], 4), Err(Stop::Literals));
        assert_eq!(window.len(), 10);
    }
}

//! What the decoders of LZ77 formats have in common: literals, and repeats of what came before.

use crate::registered::Fault;

/// Bytes moved at once. More than asked for may be moved where there is room: what is too much is
/// overwritten by what comes next.
const WIDE: usize = 16;

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
    pub(crate) fn literals(&mut self, bytes: &[u8], length: usize) -> Result<(), Fault> {
        let room = self.plain.get_mut(self.end..).unwrap_or_default();
        if let (Some(wide), Some(from)) = (
            room.first_chunk_mut::<{ 2 * WIDE }>(),
            bytes.first_chunk::<{ 2 * WIDE }>(),
        ) && length <= 2 * WIDE
        {
            *wide = *from;
        } else {
            let Some(from) = bytes.get(..length) else {
                return Err(Fault::Malformed(format!(
                    "{length} literal bytes, {} are stored",
                    bytes.len()
                )));
            };
            room.get_mut(..length)
                .ok_or(Fault::TooLong)?
                .copy_from_slice(from);
        }
        self.end = self.end.wrapping_add(length); // within the slice, as was just seen
        Ok(())
    }

    /// Appends `length` bytes equal to those that begin `distance` before the end.
    #[inline]
    pub(crate) fn repeat(&mut self, distance: usize, length: usize) -> Result<(), Fault> {
        let (Some(start), 1..) = (self.end.checked_sub(distance), distance) else {
            return Err(Fault::Malformed(format!(
                "a repeat from {distance} bytes before byte {}",
                self.end
            )));
        };
        let Some(stop) = self.end.checked_add(length) else {
            return Err(Fault::TooLong);
        };
        if stop > self.plain.len() {
            return Err(Fault::TooLong);
        }
        if stop.saturating_add(WIDE) > self.plain.len() {
            self.repeat_narrowly(start, stop);
        } else if distance < WIDE {
            self.repeat_pattern(start, distance, stop);
        } else {
            self.repeat_widely(start, stop);
        }
        self.end = stop;
        Ok(())
    }

    /// From at least [`WIDE`] before, with [`WIDE`] bytes of room after `stop`.
    #[inline]
    fn repeat_widely(&mut self, mut from: usize, stop: usize) {
        let mut to = self.end;
        while to < stop {
            if let Some(&wide) = self.plain.get(from..).and_then(<[u8]>::first_chunk::<WIDE>) {
                put(self.plain, to, wide);
            }
            from = from.wrapping_add(WIDE);
            to = to.wrapping_add(WIDE);
        }
    }

    /// From less than [`WIDE`] before, with [`WIDE`] bytes of room after `stop`.
    #[inline]
    fn repeat_pattern(&mut self, start: usize, distance: usize, stop: usize) {
        let mut pattern = [0; WIDE];
        let known = self.plain.get(start..self.end).unwrap_or_default();
        for (byte, &value) in pattern.iter_mut().zip(known.iter().cycle()) {
            *byte = value;
        }
        let whole = WIDE.wrapping_sub(WIDE.checked_rem(distance).unwrap_or(0));
        let mut to = self.end;
        while to < stop {
            put(self.plain, to, pattern);
            to = to.wrapping_add(whole);
        }
    }

    /// Byte by byte, for the last few.
    fn repeat_narrowly(&mut self, start: usize, stop: usize) {
        for (from, to) in (start..).zip(self.end..stop) {
            let byte = self.plain.get(from).copied().unwrap_or(0);
            if let Some(place) = self.plain.get_mut(to) {
                *place = byte;
            }
        }
    }
}

#[inline]
fn put(plain: &mut [u8], at: usize, bytes: [u8; WIDE]) {
    if let Some(place) = plain
        .get_mut(at..)
        .and_then(<[u8]>::first_chunk_mut::<WIDE>)
    {
        *place = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_of_every_distance_and_length() {
        for distance in 1..40 {
            for length in 1..70 {
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
        assert_eq!(window.literals(&[1; 40], 21), Err(Fault::TooLong));
        window.literals(&[1; 40], 10).unwrap();
        assert_eq!(window.repeat(1, 11), Err(Fault::TooLong));
        assert_eq!(window.repeat(1, usize::MAX), Err(Fault::TooLong));
        assert!(matches!(window.repeat(0, 1), Err(Fault::Malformed(_))));
        assert!(matches!(window.repeat(11, 1), Err(Fault::Malformed(_))));
        assert!(matches!(
            window.literals(&[1; 3], 4),
            Err(Fault::Malformed(_))
        ));
        assert_eq!(window.len(), 10);
    }
}

//! From the bytes of a chunk to those of what is read.

/// Bytes that lie in runs of equal length, those in turn at equal distances, in a chunk and in what
/// is read: loops within loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copying {
    /// First byte in the chunk.
    pub(crate) from: usize,
    /// First byte in what is read.
    pub(crate) to: usize,
    /// Outermost first.
    pub(crate) loops: Vec<Loop>,
    /// Length of a run in bytes.
    pub(crate) run: usize,
}

/// One loop of a [`Copying`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loop {
    /// How many times.
    pub(crate) count: usize,
    /// Bytes from one to the next in the chunk.
    pub(crate) from: usize,
    /// Bytes from one to the next in what is read.
    pub(crate) to: usize,
}

/// Gaps up to this are read with what lies around them: a page of a disk.
const DENSE_GAP: usize = 4096;

impl Copying {
    /// One run.
    pub(crate) fn new(element: usize) -> Self {
        Self {
            from: 0,
            to: 0,
            loops: Vec::new(),
            run: element,
        }
    }

    /// Adds an axis around those that it has: `count` places from `first` on in the chunk, whose
    /// places are `stride` bytes apart, to places from `out` on of what is read.
    pub(crate) fn wrap(
        &mut self,
        first: usize,
        step: usize,
        stride: usize,
        out: (usize, usize, usize),
    ) {
        let (out, out_stride, count) = out;
        self.from = self.from.saturating_add(first.saturating_mul(stride));
        self.to = self.to.saturating_add(out.saturating_mul(out_stride));
        let from = step.saturating_mul(stride);
        if self.loops.is_empty() && self.run == from && self.run == out_stride {
            self.run = self.run.saturating_mul(count);
        } else if count != 1 {
            self.loops.insert(
                0,
                Loop {
                    count,
                    from,
                    to: out_stride,
                },
            );
        }
    }

    /// The byte after the last, counted from the first, in the chunk.
    pub(crate) fn span(&self) -> usize {
        self.loops.iter().fold(self.run, |span, one| {
            span.saturating_add(one.count.saturating_sub(1).saturating_mul(one.from))
        })
    }

    fn runs(&self) -> usize {
        let counts = self.loops.iter().map(|one| one.count);
        counts.fold(1, usize::saturating_mul)
    }

    /// Whether what lies between is as well read.
    fn is_dense(&self) -> bool {
        let runs = self.runs();
        let wanted = runs.saturating_mul(self.run);
        self.span() <= wanted.saturating_add(runs.saturating_mul(DENSE_GAP))
    }

    /// Copies from bytes of which the first is number `base` of the chunk. What either does not have
    /// is left out.
    pub(crate) fn copy(&self, chunk: &[u8], base: usize, read: &mut [u8], read_base: usize) {
        let chunk = chunk
            .get(self.from.saturating_sub(base)..)
            .unwrap_or_default();
        let read = read.get_mut(self.to.saturating_sub(read_base)..);
        descend(chunk, read.unwrap_or_default(), &self.loops, self.run);
    }

    /// Writes an element over and over where it would copy to.
    pub(crate) fn fill(&self, element: &[u8], read: &mut [u8], read_base: usize) {
        let read = read.get_mut(self.to.saturating_sub(read_base)..);
        spread(element, read.unwrap_or_default(), &self.loops, self.run);
    }

    /// The parts of it that are each worth one range of the chunk, of at most about `most` bytes.
    pub(crate) fn parts(self, most: usize) -> Parts {
        Parts {
            left: vec![self],
            most: most.max(1),
        }
    }
}

/// The parts of a [`Copying`], in order.
#[derive(Debug)]
pub(crate) struct Parts {
    left: Vec<Copying>,
    most: usize,
}

impl Iterator for Parts {
    type Item = Copying;

    fn next(&mut self) -> Option<Copying> {
        loop {
            let mut whole = self.left.pop()?;
            let fits = whole.span() <= self.most;
            if fits && whole.is_dense() {
                return Some(whole);
            }
            let Some(outer) = whole.loops.first().copied() else {
                // One run.
                let part = whole.run.min(self.most);
                let rest = whole.run.saturating_sub(part);
                if rest > 0 {
                    self.left.push(Copying {
                        from: whole.from.saturating_add(part),
                        to: whole.to.saturating_add(part),
                        loops: Vec::new(),
                        run: rest,
                    });
                }
                whole.run = part;
                return Some(whole);
            };
            // As many of the outer loop as go into one part: one, where they lie far apart.
            let mut part = whole.clone();
            part.loops.remove(0);
            let room = self.most.saturating_sub(part.span());
            let more = room.checked_div(outer.from).unwrap_or(0);
            let mut count = more.saturating_add(1).min(outer.count);
            let within = part.span();
            if outer.from > within.saturating_add(DENSE_GAP) || within > self.most {
                count = 1;
            }
            if count > 1 {
                part.loops.insert(0, Loop { count, ..outer });
            }
            if count < outer.count {
                whole.from = whole.from.saturating_add(count.saturating_mul(outer.from));
                whole.to = whole.to.saturating_add(count.saturating_mul(outer.to));
                if let Some(outer) = whole.loops.first_mut() {
                    outer.count = outer.count.saturating_sub(count);
                }
                self.left.push(whole);
            } else if part.loops == whole.loops {
                // Nothing was cut off, though its loops are sparse: the inner ones are.
                part.loops.remove(0);
                whole.from = whole.from.saturating_add(outer.from);
                whole.to = whole.to.saturating_add(outer.to);
                if let Some(outer) = whole.loops.first_mut() {
                    outer.count = outer.count.saturating_sub(1);
                }
                self.left.push(whole);
            }
            self.left.push(part);
        }
    }
}

fn descend(chunk: &[u8], read: &mut [u8], loops: &[Loop], run: usize) {
    let Some((outer, inner)) = loops.split_first() else {
        return copy(chunk, read, run);
    };
    if inner.is_empty() {
        return match run {
            1 => gather::<1>(chunk, read, *outer),
            2 => gather::<2>(chunk, read, *outer),
            4 => gather::<4>(chunk, read, *outer),
            8 => gather::<8>(chunk, read, *outer),
            _ => rows(outer, chunk, read, |chunk, read| copy(chunk, read, run)),
        };
    }
    rows(outer, chunk, read, |chunk, read| {
        descend(chunk, read, inner, run);
    });
}

fn spread(element: &[u8], read: &mut [u8], loops: &[Loop], run: usize) {
    let Some((outer, inner)) = loops.split_first() else {
        let end = run.min(read.len());
        let run = read.get_mut(..end).unwrap_or_default();
        for place in run.chunks_exact_mut(element.len().max(1)) {
            place.copy_from_slice(element);
        }
        return;
    };
    let mut to = 0_usize;
    for _ in 0..outer.count {
        let Some(read) = read.get_mut(to..) else {
            return;
        };
        spread(element, read, inner, run);
        to = to.saturating_add(outer.to);
    }
}

/// Does something with each row of a loop.
fn rows(outer: &Loop, chunk: &[u8], read: &mut [u8], mut each: impl FnMut(&[u8], &mut [u8])) {
    let (mut from, mut to) = (0_usize, 0_usize);
    for _ in 0..outer.count {
        let (Some(chunk), Some(read)) = (chunk.get(from..), read.get_mut(to..)) else {
            return;
        };
        each(chunk, read);
        from = from.saturating_add(outer.from);
        to = to.saturating_add(outer.to);
    }
}

/// Single numbers, which are copied faster where their size is known.
fn gather<const SIZE: usize>(chunk: &[u8], read: &mut [u8], one: Loop) {
    if one.to == SIZE {
        let (to, _) = read.as_chunks_mut::<SIZE>();
        let from = chunk.chunks(one.from.max(1));
        for (to, from) in to.iter_mut().zip(from).take(one.count) {
            if let Some(from) = from.first_chunk::<SIZE>() {
                *to = *from;
            }
        }
        return;
    }
    rows(&one, chunk, read, |chunk, read| copy(chunk, read, SIZE));
}

/// Copies as much as both have, at most `length` bytes.
fn copy(from: &[u8], to: &mut [u8], length: usize) {
    let length = length.min(from.len()).min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::Copying;

    /// Places of a chunk of 4 x 5 x 6 elements of three bytes.
    fn example(first: [usize; 3], step: [usize; 3], count: [usize; 3]) -> Copying {
        let mut copying = Copying::new(3);
        let mut out_stride = 3;
        let strides = [90, 18, 3];
        for axis in (0..3).rev() {
            let out = (0, out_stride, count[axis]);
            copying.wrap(first[axis], step[axis], strides[axis], out);
            out_stride *= count[axis];
        }
        copying
    }

    fn expected(first: [usize; 3], step: [usize; 3], count: [usize; 3]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for a in 0..count[0] {
            for b in 0..count[1] {
                for c in 0..count[2] {
                    let at = [a, b, c];
                    let place = |axis: usize| first[axis] + at[axis] * step[axis];
                    let byte = (place(0) * 30 + place(1) * 6 + place(2)) * 3;
                    bytes.extend((byte..byte + 3).map(|byte| u8::try_from(byte % 251).unwrap()));
                }
            }
        }
        bytes
    }

    #[test]
    fn boxes_with_steps_are_copied_whole_and_in_parts() {
        let chunk: Vec<u8> = (0..360)
            .map(|byte: usize| u8::try_from(byte % 251).unwrap())
            .collect();
        for first in [[0, 0, 0], [1, 2, 3], [0, 4, 1]] {
            for step in [[1, 1, 1], [2, 1, 1], [1, 2, 1], [1, 1, 2], [3, 2, 3]] {
                let room = [0, 1, 2]
                    .map(|axis| ([4_usize, 5, 6][axis] - first[axis]).div_ceil(step[axis]));
                for count in [room, [1, 1, 1], [room[0], 1, room[2]]] {
                    let copying = example(first, step, count);
                    let expected = expected(first, step, count);
                    let mut whole = vec![0; expected.len()];
                    copying.copy(&chunk, 0, &mut whole, 0);
                    assert_eq!(whole, expected, "{first:?} {step:?} {count:?}");
                    for most in [1, 2, 7, 20, 100, 1000] {
                        let mut joined = vec![0; expected.len()];
                        let mut read = 0;
                        for part in copying.clone().parts(most) {
                            let span = part.from..part.from + part.span();
                            assert!(span.len() <= most, "{span:?}, at most {most}");
                            read += span.len();
                            part.copy(&chunk[span.clone()], span.start, &mut joined, 0);
                        }
                        assert_eq!(joined, expected, "{first:?} {step:?} {count:?} {most}");
                        assert!(read >= expected.len());
                    }
                }
            }
        }
    }

    #[test]
    fn a_whole_box_is_one_run() {
        assert_eq!(example([0; 3], [1; 3], [4, 5, 6]).loops, []);
        assert_eq!(example([1, 0, 0], [1; 3], [2, 5, 6]).run, 180);
    }

    /// A column of a wide table: each element by itself; of a narrow one all between too.
    #[test]
    fn what_lies_far_apart_is_read_apart() {
        for (row, ranges) in [(1 << 20, 100), (4000, 1)] {
            let mut copying = Copying::new(8);
            copying.wrap(5, 1, 8, (0, 8, 1));
            copying.wrap(0, 1, row, (0, 8, 100));
            let parts: Vec<_> = copying.parts(8 << 20).collect();
            assert_eq!(parts.len(), ranges, "{row}");
        }
    }
}

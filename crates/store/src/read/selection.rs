//! Which elements of an array are read.

use crate::error::{Error, Result};

/// Slices of all axes cross in no more places than this.
const MOST_CROSSINGS: usize = 1 << 16;

/// Which elements of an array are read.
///
/// ```
/// use chunkref_store::{Selection, Slice};
///
/// // The first step of time, every tenth row, all columns but the first hundred.
/// let selection = Selection::slices([
///     Slice::at(0),
///     Slice::new(0, 17_999).with_step(10),
///     Slice::new(100, 36_000),
/// ]);
/// assert_eq!(selection.shape(), Some(vec![1, 1800, 35_900]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// All of them.
    All,
    /// Where slices cross: one for each axis.
    Slices(Vec<Slice>),
    /// Where slices cross: several for each axis, whose elements are read one after the other.
    Runs(Vec<Vec<Slice>>),
    /// Single elements, by their places along each axis.
    Points(Vec<Vec<u64>>),
}

impl Selection {
    /// Where slices cross: one for each axis. What is read has as many axes as the array.
    pub fn slices(slices: impl Into<Vec<Slice>>) -> Self {
        Self::Slices(slices.into())
    }

    /// Where slices cross: several for each axis, such as both sides of the antimeridian. Along each
    /// axis what is read has the elements of its slices, one after the other.
    ///
    /// ```
    /// use chunkref_store::{Selection, Slice};
    ///
    /// let rows = vec![Slice::new(10, 20)];
    /// let columns = vec![Slice::new(350, 360), Slice::new(0, 5)];
    /// assert_eq!(Selection::runs([rows, columns]).shape(), Some(vec![10, 15]));
    /// ```
    pub fn runs(runs: impl Into<Vec<Vec<Slice>>>) -> Self {
        Self::Runs(runs.into())
    }

    /// Single elements, by their places along each axis, in any order and as often as wanted. What is
    /// read has one axis.
    pub fn points(points: impl Into<Vec<Vec<u64>>>) -> Self {
        Self::Points(points.into())
    }

    /// The shape of what is read; `None` where it is that of the array.
    pub fn shape(&self) -> Option<Vec<u64>> {
        match self {
            Self::All => None,
            Self::Slices(slices) => Some(slices.iter().map(Slice::count).collect()),
            Self::Runs(runs) => Some(runs.iter().map(|runs| total(runs)).collect()),
            Self::Points(points) => Some(vec![u64::try_from(points.len()).unwrap_or(u64::MAX)]),
        }
    }

    /// The slices of each axis of a selection by slices, within an array of this shape.
    pub(crate) fn runs_within(&self, path: &str, shape: &[u64]) -> Result<Option<Vec<Vec<Slice>>>> {
        let wrong = |reason: String| Error::Selection {
            path: path.to_owned(),
            reason,
        };
        let axes = |found: usize| {
            let expected = shape.len();
            (found != expected).then(|| wrong(format!("{found} axes, expected {expected}")))
        };
        let runs = match self {
            Self::All => shape
                .iter()
                .map(|&length| vec![Slice::new(0, length)])
                .collect(),
            Self::Slices(slices) => slices.iter().map(|slice| vec![*slice]).collect(),
            Self::Runs(runs) => runs.clone(),
            Self::Points(points) => {
                for (number, point) in points.iter().enumerate() {
                    if let Some(error) = axes(point.len()) {
                        return Err(error);
                    }
                    if point.iter().zip(shape).any(|(at, length)| at >= length) {
                        return Err(wrong(format!("point {number} {point:?}: not in {shape:?}")));
                    }
                }
                return Ok(None);
            }
        };
        if let Some(error) = axes(runs.len()) {
            return Err(error);
        }
        for (axis, (slices, &length)) in runs.iter().zip(shape).enumerate() {
            if let Some(slice) = slices.iter().find(|slice| slice.stop > length) {
                let stop = slice.stop;
                return Err(wrong(format!(
                    "axis {axis}: up to {stop}, of {length} elements"
                )));
            }
        }
        let crossings = runs.iter().fold(1_usize, |crossings, slices| {
            crossings.saturating_mul(slices.len())
        });
        if crossings > MOST_CROSSINGS {
            return Err(wrong(format!(
                "{crossings} places where slices cross, can't read more than {MOST_CROSSINGS}"
            )));
        }
        Ok(Some(runs))
    }
}

/// Elements of slices that are read one after the other.
fn total(slices: &[Slice]) -> u64 {
    let counts = slices.iter().map(Slice::count);
    counts.fold(0, u64::saturating_add)
}

/// One slice for each axis out of several, and where what they cross in begins in what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crossing {
    pub(crate) slices: Vec<Slice>,
    pub(crate) out: Vec<u64>,
}

/// All choices of one slice for each axis, in C order.
pub(crate) fn crossings(runs: &[Vec<Slice>]) -> Vec<Crossing> {
    let mut crossings = vec![Crossing {
        slices: Vec::with_capacity(runs.len()),
        out: Vec::with_capacity(runs.len()),
    }];
    for slices in runs {
        let longer = crossings.iter().flat_map(|shorter| {
            let mut begin = 0_u64;
            slices.iter().map(move |slice| {
                let mut longer = shorter.clone();
                longer.slices.push(*slice);
                longer.out.push(begin);
                begin = begin.saturating_add(slice.count());
                longer
            })
        });
        crossings = longer.collect();
    }
    crossings
}

/// Some elements along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first.
    pub start: u64,
    /// The one past the last.
    pub stop: u64,
    /// From one to the next; at least 1.
    step: u64,
}

impl Slice {
    /// All from `start` to before `stop`.
    pub fn new(start: u64, stop: u64) -> Self {
        Self {
            start,
            stop,
            step: 1,
        }
    }

    /// One element. Its axis stays, with a length of 1.
    pub fn at(place: u64) -> Self {
        Self::new(place, place.saturating_add(1))
    }

    /// Of those only every so many, from the first on; 0 is taken as 1.
    #[must_use]
    pub fn with_step(mut self, step: u64) -> Self {
        self.step = step.max(1);
        self
    }

    /// From one element to the next.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// How many elements.
    pub fn count(&self) -> u64 {
        self.stop.saturating_sub(self.start).div_ceil(self.step)
    }
}

/// The elements of a slice that are in one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The first one's place in the chunk.
    pub(crate) first: u64,
    /// How many.
    pub(crate) count: u64,
    /// The first one's place in what is read.
    pub(crate) out: u64,
}

impl Slice {
    /// The numbers of the chunks of this length along the axis that have its elements, though those
    /// between may have none.
    pub(crate) fn chunks(&self, length: u64) -> std::ops::Range<u64> {
        let Some(before) = self.count().checked_sub(1) else {
            return 0..0;
        };
        let last = self.start.saturating_add(before.saturating_mul(self.step));
        let chunk = |place: u64| place.checked_div(length).unwrap_or(0);
        chunk(self.start)..chunk(last).saturating_add(1)
    }

    /// Its elements in the chunk with this number; `None` if there are none.
    pub(crate) fn part(&self, chunk: u64, length: u64) -> Option<Part> {
        let begin = chunk.checked_mul(length)?;
        let end = begin.saturating_add(length).min(self.stop);
        let out = begin.saturating_sub(self.start).div_ceil(self.step);
        let first = self.start.checked_add(out.checked_mul(self.step)?)?;
        let rest = end.checked_sub(first).filter(|rest| *rest > 0)?;
        Some(Part {
            first: first.checked_sub(begin)?,
            count: rest.div_ceil(self.step),
            out,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Selection, Slice};

    /// Every slice of a short axis, cut by chunks of every length.
    #[test]
    fn parts_are_the_elements_of_a_slice_chunk_by_chunk() {
        let length = 13;
        for start in 0..=length {
            for stop in start..=length {
                for step in 1..6 {
                    let slice = Slice::new(start, stop).with_step(step);
                    let expected: Vec<_> = (start..stop)
                        .step_by(usize::try_from(step).unwrap())
                        .collect();
                    assert_eq!(slice.count(), expected.len() as u64);
                    for chunk in 1..=length + 1 {
                        let mut found = Vec::new();
                        for number in slice.chunks(chunk) {
                            let Some(part) = slice.part(number, chunk) else {
                                continue;
                            };
                            assert_eq!(part.out, found.len() as u64);
                            assert!(part.count > 0);
                            let first = number * chunk + part.first;
                            found.extend((0..part.count).map(|n| first + n * step));
                            assert!(found.iter().all(|place| place / chunk <= number));
                        }
                        assert_eq!(found, expected, "{slice:?} by {chunk}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_selection_must_fit_the_array() {
        let check = |selection: Selection| {
            let runs = selection.runs_within("/a", &[3, 4]);
            runs.map_err(|error| error.to_string())
        };
        let rows = Selection::slices([Slice::new(1, 3), Slice::at(3)]);
        assert_eq!(check(rows).unwrap().unwrap().len(), 2);
        assert_eq!(check(Selection::points([vec![2, 3]])), Ok(None));
        for (wrong, said) in [
            (Selection::slices([Slice::at(0)]), "/a: 1 axes, expected 2"),
            (
                Selection::slices([Slice::new(0, 3), Slice::new(0, 5)]),
                "/a: axis 1: up to 5, of 4 elements",
            ),
            (
                Selection::points([vec![0, 0], vec![3, 0]]),
                "/a: point 1 [3, 0]: not in [3, 4]",
            ),
            (Selection::points([vec![]]), "/a: 0 axes, expected 2"),
        ] {
            assert_eq!(check(wrong).unwrap_err(), said);
        }
    }
}

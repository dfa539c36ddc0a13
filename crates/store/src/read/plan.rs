//! Which bytes of which chunks become which bytes of what is read.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chunkref_manifest::{Array, DataType, Layout, Location, chunk_index};

use super::copy::Copying;
use super::origin::{Origin, variable};
use super::room;
use super::sections::{Point, Section, origins, points, sections};
use super::selection::{Part, Selection, Slice, crossings};
use super::slabs::Slabs;
use crate::chunk::{Chunk, Stored};
use crate::error::{Error, Result};
use crate::references::Referenced;
use crate::unpacking::Unpacking;

/// Uncompressed chunks are read in parts of about this many bytes.
const PART_BYTES: usize = 8 << 20;
/// Elements of an uncompressed chunk that lie no farther apart are read together: a page of a disk.
const NEAR: usize = 4096;

/// How the chunks of one array become what is read of it.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    array: &'a Array,
    pub(crate) path: &'a str,
    origins: Vec<Origin<'a>>,
    /// Size in bytes of an element.
    pub(crate) element: usize,
    /// Lengths of the axes of what is read.
    pub(crate) shape: Vec<u64>,
    /// Size in bytes of what is read, and the most that the caller allows.
    size: usize,
    limit: u64,
    what: What,
    slabs: Slabs,
}

#[derive(Debug)]
enum What {
    Sections(Vec<Section>),
    Points(Vec<Point>),
}

/// What is done with a piece when it has come.
#[derive(Debug)]
pub(crate) enum Use {
    /// A box of the chunk; what has come begins with this byte of the chunk.
    Box(Copying, usize),
    /// What has come is one element, which is written all over a box.
    Fill(Copying),
    /// Elements: first byte in what has come, first byte in what is read; the size of each in bytes.
    Points(Vec<(usize, usize)>, usize),
}

/// Something to fetch, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    /// Its place among the others.
    pub(crate) number: u64,
    /// The name of the chunk in errors.
    pub(crate) key: String,
    pub(crate) chunk: Chunk<'a>,
    pub(crate) unpacking: Option<Arc<Unpacking>>,
    /// Bytes that it takes once decoded.
    pub(crate) decoded: usize,
    pub(crate) usage: Use,
    /// The part of what is read that it goes to.
    pub(crate) slab: usize,
}

pub(crate) type Pieces<'p> = Box<dyn Iterator<Item = Result<Piece<'p>>> + Send + 'p>;

impl<'a> Plan<'a> {
    pub(crate) fn new(
        of: Referenced<'a>,
        path: &'a str,
        selection: &Selection,
        limit: u64,
    ) -> Result<Self> {
        let array = of.array;
        let too_large = |what, bytes| Error::TooLarge {
            path: path.to_owned(),
            what,
            bytes,
            limit,
        };
        let element = array.data_type.size().ok_or_else(|| variable(path))?;
        let runs = selection.runs_within(path, &array.shape)?;
        let shape = selection.shape().unwrap_or_else(|| array.shape.clone());
        let bytes = total_bytes(&shape, element);
        let size = usize::try_from(bytes)
            .ok()
            .filter(|_| bytes <= limit)
            .ok_or_else(|| too_large("an array", bytes))?;
        let origins = origins(of, path, size > 0)?;
        let decoded = origins.iter().filter(|origin| !origin.is_plain());
        let largest = decoded.map(|origin| origin.size).max().unwrap_or(0);
        let largest = u64::try_from(largest).unwrap_or(u64::MAX);
        if largest > limit {
            return Err(too_large("a chunk", largest));
        }
        let element = usize::try_from(element).unwrap_or(usize::MAX);
        let mut slabs = Slabs::One;
        let what = match (runs, selection) {
            (None, Selection::Points(places)) => {
                What::Points(points(array, path, &origins, places, element)?)
            }
            (runs, _) => {
                let crossings = crossings(&runs.unwrap_or_default());
                let once = crossings.len() == 1;
                let sections: Vec<_> = crossings
                    .into_iter()
                    .flat_map(|crossing| sections(array, crossing))
                    .collect();
                if once {
                    let joined = joined_axis(array);
                    slabs = Slabs::new(&shape, element, &origins, &sections, joined);
                }
                What::Sections(sections)
            }
        };
        Ok(Self {
            array,
            path,
            origins,
            element,
            shape,
            size,
            limit,
            what,
            slabs,
        })
    }

    /// What is read as it is without any chunk.
    pub(crate) fn filled(&self) -> Result<Vec<u8>> {
        let fill = self.array.fill_value.as_deref().unwrap_or_default();
        if self.array.fill_value.is_some() && fill.len() != self.element {
            return Err(Error::Manifest {
                key: self.path.to_owned(),
                reason: format!(
                    "a fill value of {} bytes, expected {}",
                    fill.len(),
                    self.element
                ),
            });
        }
        room::check(self.array, self.path, self.size, self.limit)?;
        let joined = matches!(self.array.layout, Layout::Concat(_));
        // Of a complete array nothing of it would stay.
        if !joined && self.array.is_complete() || fill.iter().all(|byte| *byte == 0) {
            return Ok(vec![0; self.size]);
        }
        let elements = self.size.checked_div(self.element).unwrap_or(0);
        Ok(fill.repeat(elements))
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.array.data_type
    }

    /// The lengths in bytes of the slabs of what is read, in order.
    pub(crate) fn slab_lengths(&self) -> Vec<usize> {
        self.slabs.lengths(self.size)
    }

    /// All that is to be fetched, chunk by chunk in C order.
    pub(crate) fn pieces(&'a self) -> Pieces<'a> {
        if self.size == 0 {
            return Box::new(std::iter::empty());
        }
        match &self.what {
            What::Sections(sections) => {
                let sections = sections.iter().enumerate();
                Box::new(sections.flat_map(|(number, section)| self.section(number, section)))
            }
            What::Points(points) => {
                let same = |one: &Point, next: &Point| {
                    (one.origin, one.chunk) == (next.origin, next.chunk)
                };
                let chunks = points.chunk_by(same);
                Box::new(
                    chunks.flat_map(|points| match self.pieces_of_points(points) {
                        Ok(pieces) => pieces.into_iter().map(Ok).collect(),
                        Err(error) => vec![Err(error)],
                    }),
                )
            }
        }
    }

    fn section(&'a self, number: usize, section: &'a Section) -> Pieces<'a> {
        let Some(origin) = self.origins.get(section.origin) else {
            return Box::new(std::iter::empty());
        };
        let boxes = boxes(&section.slices, &origin.chunk_shape);
        Box::new(boxes.flat_map(move |(place, parts)| {
            let slab = self.slabs.of(number, &place);
            match self.pieces_of_box(origin, section, &place, &parts, slab) {
                Ok(pieces) => pieces,
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        }))
    }

    fn pieces_of_box(
        &'a self,
        origin: &'a Origin<'a>,
        section: &Section,
        place: &[u64],
        parts: &[Part],
        slab: usize,
    ) -> Result<Pieces<'a>> {
        let index = chunk_index(place, &origin.grid).unwrap_or(u64::MAX);
        let copying = self.copying(origin, section, parts);
        let Some(chunk) = origin.find(index)? else {
            let absent = origin.absent.clone();
            return Ok(Box::new(
                absent
                    .map(|element| {
                        Ok(Piece {
                            number: 0,
                            key: origin.key(index),
                            chunk: here(element),
                            unpacking: None,
                            decoded: 0,
                            usage: Use::Fill(copying),
                            slab,
                        })
                    })
                    .into_iter(),
            ));
        };
        let Some((location, range)) = origin.plain_at(&chunk) else {
            return Ok(Box::new(std::iter::once(Ok(Piece {
                number: 0,
                key: origin.key(index),
                chunk,
                unpacking: origin.unpacking.clone(),
                decoded: origin.size,
                usage: Use::Box(copying, 0),
                slab,
            }))));
        };
        // The chunk is as long as it should be, so all parts lie within it.
        Ok(Box::new(copying.parts(PART_BYTES).map(move |part| {
            let base = part.from;
            Ok(Piece {
                number: 0,
                key: origin.key(index),
                chunk: there(location, &range, part.from, part.span()),
                unpacking: None,
                decoded: 0,
                usage: Use::Box(part, base),
                slab,
            })
        })))
    }

    fn pieces_of_points(&'a self, points: &[Point]) -> Result<Vec<Piece<'a>>> {
        let found = points.first().and_then(|first| {
            let origin = self.origins.get(first.origin)?;
            Some((origin, first.chunk))
        });
        let Some((origin, index)) = found else {
            return Ok(Vec::new());
        };
        let piece = |chunk, decoded, picks| Piece {
            number: 0,
            key: origin.key(index),
            chunk,
            unpacking: origin.unpacking.clone(),
            decoded,
            usage: Use::Points(picks, self.element),
            slab: 0,
        };
        let picks = |points: &[Point], base: usize| -> Vec<(usize, usize)> {
            let pick = |point: &Point| {
                let out = point.out.saturating_mul(self.element);
                (point.from.saturating_sub(base), out)
            };
            points.iter().map(pick).collect()
        };
        let Some(chunk) = origin.find(index)? else {
            let Some(element) = origin.absent.clone() else {
                return Ok(Vec::new());
            };
            let mut picks = picks(points, 0);
            for (from, _) in &mut picks {
                *from = 0;
            }
            let mut piece = piece(here(element), 0, picks);
            piece.unpacking = None;
            return Ok(vec![piece]);
        };
        let Some((location, range)) = origin.plain_at(&chunk) else {
            return Ok(vec![piece(chunk, origin.size, picks(points, 0))]);
        };
        let near = |one: &Point, next: &Point| next.from.saturating_sub(one.from) <= NEAR;
        let groups = points.chunk_by(near).map(|group| {
            let first = group.first().map_or(0, |first| first.from);
            let last = group.last().map_or(0, |last| last.from);
            let length = last.saturating_sub(first).saturating_add(self.element);
            let chunk = there(location, &range, first, length);
            piece(chunk, 0, picks(group, first))
        });
        Ok(groups.collect())
    }

    fn copying(&self, origin: &Origin<'_>, section: &Section, parts: &[Part]) -> Copying {
        let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let mut copying = Copying::new(self.element);
        let (mut stride, mut out_stride) = (self.element, self.element);
        let axes = section.slices.iter().zip(parts).zip(&origin.chunk_shape);
        let axes = axes.zip(&self.shape).zip(&section.out).rev();
        for ((((slice, part), length), read), before) in axes {
            let out = narrow(part.out.saturating_add(*before));
            let out = (out, out_stride, narrow(part.count));
            copying.wrap(narrow(part.first), narrow(slice.step()), stride, out);
            stride = stride.saturating_mul(narrow(*length));
            out_stride = out_stride.saturating_mul(narrow(*read));
        }
        copying
    }
}

/// The axis along which an array is joined.
fn joined_axis(array: &Array) -> Option<usize> {
    match &array.layout {
        Layout::Concat(concat) => Some(concat.axis()),
        _ => None,
    }
}

fn here<'a>(bytes: Bytes) -> Chunk<'a> {
    Chunk {
        stored: Stored::Here(bytes),
        decode: None,
    }
}

/// A part of what lies in this range of an object.
fn there<'a>(location: &'a Location, range: &Range<u64>, from: usize, length: usize) -> Chunk<'a> {
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let offset = range.start.saturating_add(wide(from));
    Chunk {
        stored: Stored::There {
            location,
            offset,
            end: offset.saturating_add(wide(length)),
        },
        decode: None,
    }
}

/// The chunks that slices cross in, by their places in the grid, with the parts that do.
fn boxes<'s>(
    slices: &'s [Slice],
    chunk_shape: &'s [u64],
) -> impl Iterator<Item = (Vec<u64>, Vec<Part>)> + use<'s> {
    let ranges: Vec<Range<u64>> = slices
        .iter()
        .zip(chunk_shape)
        .map(|(slice, length)| slice.chunks(*length))
        .collect();
    let mut next = (!ranges.iter().any(Range::is_empty))
        .then(|| ranges.iter().map(|range| range.start).collect::<Vec<_>>());
    let places = std::iter::from_fn(move || {
        let place = next.take()?;
        let mut after = place.clone();
        for (at, range) in after.iter_mut().zip(&ranges).rev() {
            *at = at.saturating_add(1);
            if *at < range.end {
                next = Some(after);
                break;
            }
            *at = range.start;
        }
        Some(place)
    });
    places.filter_map(move |place| {
        let axes = slices.iter().zip(chunk_shape).zip(&place);
        let parts: Option<Vec<_>> = axes
            .map(|((slice, length), chunk)| slice.part(*chunk, *length))
            .collect();
        Some((place, parts?))
    })
}

/// Bytes of an array; 2^64 - 1 where it has more.
fn total_bytes(shape: &[u64], element: u32) -> u64 {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(u64::from(element), |bytes, length| {
        bytes.saturating_mul(*length)
    })
}

//! Chunks that are read together.

use std::ops::Range;

use chunkref_manifest::ChunkRef;

use super::finding::Place;
use super::listed::{Listed, place_of};

/// Chunks of one run, at most.
const CHUNKS: usize = 1024;

/// Chunks of one table that lie beside one another in a box of the array.
#[derive(Debug)]
pub(super) struct Run<'l, 'a> {
    pub(super) listed: &'l Listed<'a>,
    pub(super) chunks: Vec<Member>,
    /// The box.
    pub(super) area: Vec<Range<u64>>,
    /// Along which axis they follow one another, if there are several.
    axis: Option<usize>,
}

/// A chunk of a run.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) number: u64,
    pub(super) place: Option<Place>,
    /// What of the array it holds.
    pub(super) area: Vec<Range<u64>>,
}

impl<'l, 'a> Run<'l, 'a> {
    fn of(listed: &'l Listed<'a>, member: Member) -> Self {
        Self {
            listed,
            area: member.area.clone(),
            chunks: vec![member],
            axis: None,
        }
    }

    /// Its chunks one by one.
    pub(super) fn apart(&self) -> impl Iterator<Item = Run<'l, 'a>> + use<'_, 'l, 'a> {
        let chunks = self.chunks.iter();
        chunks.map(|member| Run::of(self.listed, member.clone()))
    }

    /// How many elements it has.
    pub(super) fn elements(&self) -> u64 {
        elements(&self.area)
    }

    /// Takes in a chunk that follows on the last one within the box.
    fn take(&mut self, member: Member) -> Result<(), Member> {
        let mut differ = self
            .area
            .iter()
            .zip(&member.area)
            .enumerate()
            .filter(|(_, (before, next))| before != next);
        let found = match (differ.next(), differ.next()) {
            (Some((axis, (before, next))), None) if before.end == next.start => {
                Some((axis, next.end))
            }
            _ => None,
        };
        match found {
            Some((axis, end)) if self.axis.is_none_or(|before| before == axis) => {
                if let Some(range) = self.area.get_mut(axis) {
                    range.end = end;
                }
                self.axis = Some(axis);
                self.chunks.push(member);
                Ok(())
            }
            _ => Err(member),
        }
    }
}

pub(super) fn elements(area: &[Range<u64>]) -> u64 {
    area.iter().fold(1_u64, |product, range| {
        product.saturating_mul(range.end.saturating_sub(range.start))
    })
}

/// Joins chunks of a table to runs of at most so many elements; one chunk may have more.
pub(super) struct Runs<'l, 'a, I> {
    listed: &'l Listed<'a>,
    chunks: I,
    next: Option<Run<'l, 'a>>,
    most: u64,
    /// Whether only the last element of a chunk is wanted.
    ends: bool,
}

impl<'l, 'a, I> Runs<'l, 'a, I> {
    pub(super) fn new(listed: &'l Listed<'a>, chunks: I, most: u64, ends: bool) -> Self {
        Self {
            listed,
            chunks,
            next: None,
            most,
            ends,
        }
    }

    fn member(&self, number: u64, chunk: Option<ChunkRef<'_>>) -> Option<Member> {
        let mut area = self.listed.area(number)?;
        if self.ends {
            for range in &mut area {
                range.start = range.end.saturating_sub(1);
            }
        }
        Some(Member {
            number,
            place: place_of(chunk),
            area,
        })
    }
}

impl<'l, 'a, I: Iterator<Item = (u64, Option<ChunkRef<'a>>)>> Iterator for Runs<'l, 'a, I> {
    type Item = Run<'l, 'a>;

    fn next(&mut self) -> Option<Run<'l, 'a>> {
        loop {
            let Some((number, chunk)) = self.chunks.next() else {
                return self.next.take();
            };
            let Some(member) = self.member(number, chunk) else {
                continue;
            };
            let Some(run) = &mut self.next else {
                self.next = Some(Run::of(self.listed, member));
                continue;
            };
            let room = run.chunks.len() < CHUNKS
                && run.elements().saturating_add(elements(&member.area)) <= self.most;
            let member = if room {
                match run.take(member) {
                    Ok(()) => continue,
                    Err(member) => member,
                }
            } else {
                member
            };
            return self.next.replace(Run::of(self.listed, member));
        }
    }
}

//! Granules appended one after the other.

use super::{Concat, Encoding, Packing, Profile, Span, SpanSource, wrong};
use crate::array::Layout;
use crate::chunk_grid::chunk_grid;
use crate::chunk_table::ChunkTable;
use crate::error::Result;

/// Builds the layout of an array that is joined along one axis: plain chunks where all granules
/// are stored alike and end where chunks do, a [`Concat`] otherwise.
#[derive(Clone, Debug)]
pub struct ConcatBuilder {
    /// The length of the joined axis is what was pushed so far.
    shape: Vec<u64>,
    axis: usize,
    profiles: Vec<Building>,
    /// The granules, neighbours joined where they can be.
    spans: Vec<Span>,
}

/// A profile to which tables are appended.
#[derive(Clone, Debug)]
struct Building {
    encoding: Encoding,
    tables: Vec<ChunkTable>,
    /// Their chunks along the joined axis.
    chunks: u64,
}

impl ConcatBuilder {
    /// An array of this shape, whose length along the axis is yet to come.
    ///
    /// # Errors
    /// When there is no such axis.
    pub fn new(shape: &[u64], axis: usize) -> Result<Self> {
        let mut shape = shape.to_vec();
        match shape.get_mut(axis) {
            Some(length) => *length = 0,
            None => return Err(wrong(format!("axis {axis} of {}", shape.len()))),
        }
        Ok(Self {
            shape,
            axis,
            profiles: Vec::new(),
            spans: Vec::new(),
        })
    }

    /// Appends a granule of this length along the axis, with the table of its chunks.
    ///
    /// # Errors
    /// When the table's grid is not that of the granule, or the array gets too long.
    pub fn push(&mut self, length: u64, encoding: Encoding, chunks: ChunkTable) -> Result<()> {
        let mut shape = self.shape.clone();
        if let Some(along) = shape.get_mut(self.axis) {
            *along = length;
        }
        let grid = chunk_grid(&shape, &encoding.chunk_shape);
        if grid.as_deref() != Some(chunks.grid()) {
            return Err(wrong(format!(
                "a granule of shape {shape:?} in chunks {:?} with the chunk grid {:?}",
                encoding.chunk_shape,
                chunks.grid()
            )));
        }
        let own = chunks.grid().get(self.axis).copied().unwrap_or(0);
        let (start, end) = self.extend(length)?;
        if start == end {
            return Ok(());
        }
        let number = self.profile(encoding);
        let Some(profile) = self.profiles.get_mut(number) else {
            return Ok(());
        };
        let first_chunk = profile.chunks;
        profile.chunks = first_chunk
            .checked_add(own)
            .ok_or_else(|| wrong("more than 2^64 - 1 chunks".to_owned()))?;
        profile.tables.push(chunks);
        let chunk = profile.encoding.chunk_shape.get(self.axis).copied();
        self.append(start, length, number, first_chunk, chunk.unwrap_or(1));
        Ok(())
    }

    /// Appends a granule of this length that lacks the array.
    ///
    /// # Errors
    /// When the array gets too long.
    pub fn push_fill(&mut self, length: u64) -> Result<()> {
        let (start, end) = self.extend(length)?;
        if start == end {
            return Ok(());
        }
        match self.spans.last_mut() {
            Some(last) if last.source == SpanSource::Fill => {
                last.length = last.length.saturating_add(length);
            }
            _ => self.spans.push(Span {
                start,
                length,
                source: SpanSource::Fill,
            }),
        }
        Ok(())
    }

    /// The length of the joined axis so far.
    pub fn length(&self) -> u64 {
        self.shape.get(self.axis).copied().unwrap_or(0)
    }

    /// The layout of the array: [`Layout::Chunked`] (without a fill chunk) or [`Layout::Concat`].
    ///
    /// # Errors
    /// When no granule has chunks, or there are more than 2^64 - 1.
    pub fn finish(self) -> Result<Layout> {
        if let Some(tables) = self.aligned() {
            let profile = self.profiles.into_iter().next();
            let profile = profile.ok_or_else(|| wrong("no profile".to_owned()))?;
            let grid = chunk_grid(&self.shape, &profile.encoding.chunk_shape);
            let grid = grid.ok_or_else(|| wrong("no chunk grid".to_owned()))?;
            let mut own = profile.tables.iter();
            let tables = tables
                .into_iter()
                .map(|(chunks, is_there)| (chunks, is_there.then(|| own.next()).flatten()));
            return Ok(Layout::Chunked {
                chunk_shape: profile.encoding.chunk_shape,
                codecs: profile.encoding.codecs,
                chunks: ChunkTable::join(grid, self.axis, tables)?,
                fill_chunk: None,
            });
        }
        Ok(Layout::Concat(Box::new(self.concat()?)))
    }

    /// The join, even where plain chunks would do.
    ///
    /// # Errors
    /// When no granule has chunks, or there are more than 2^64 - 1.
    pub fn concat(self) -> Result<Concat> {
        let Self {
            shape,
            axis,
            profiles,
            spans,
        } = self;
        let profiles = profiles
            .into_iter()
            .map(|profile| {
                let mut grid = chunk_grid(&shape, &profile.encoding.chunk_shape)
                    .ok_or_else(|| wrong("no chunk grid".to_owned()))?;
                if let Some(along) = grid.get_mut(axis) {
                    *along = profile.chunks;
                }
                let tables = profile.tables.iter();
                let tables =
                    tables.map(|table| (table.grid().get(axis).copied().unwrap_or(0), Some(table)));
                Ok(Profile {
                    chunks: ChunkTable::join(grid, axis, tables)?,
                    encoding: profile.encoding,
                })
            })
            .collect::<Result<_>>()?;
        Concat::new(&shape, axis, profiles, spans)
    }

    /// Makes the axis longer: its end before and after.
    fn extend(&mut self, length: u64) -> Result<(u64, u64)> {
        let start = self.length();
        let end = start
            .checked_add(length)
            .ok_or_else(|| wrong("more than 2^64 - 1 elements".to_owned()))?;
        if let Some(along) = self.shape.get_mut(self.axis) {
            *along = end;
        }
        Ok((start, end))
    }

    /// The number of the profile of what is stored so.
    fn profile(&mut self, encoding: Encoding) -> usize {
        let mut known = self.profiles.iter();
        if let Some(number) = known.rposition(|known| alike(&known.encoding, &encoding)) {
            return number;
        }
        self.profiles.push(Building {
            encoding,
            tables: Vec::new(),
            chunks: 0,
        });
        self.profiles.len().saturating_sub(1)
    }

    /// Appends chunks to the last span if they go on where it ends, else as one of their own.
    fn append(&mut self, start: u64, length: u64, profile: usize, first_chunk: u64, chunk: u64) {
        if let Some(last) = self.spans.last_mut()
            && let SpanSource::Chunks {
                profile: before,
                first_chunk: first,
            } = last.source
            && before == profile
            && last.length.checked_rem(chunk) == Some(0)
            && last
                .length
                .checked_div(chunk)
                .and_then(|count| first.checked_add(count))
                == Some(first_chunk)
        {
            last.length = last.length.saturating_add(length);
            return;
        }
        self.spans.push(Span {
            start,
            length,
            source: SpanSource::Chunks {
                profile,
                first_chunk,
            },
        });
    }

    /// If plain chunks of one profile say all: chunks along the axis of each of its tables, and of
    /// each granule that lacks the array, in their order.
    fn aligned(&self) -> Option<Vec<(u64, bool)>> {
        let [profile] = self.profiles.as_slice() else {
            return None;
        };
        if profile.encoding.packing.is_some() {
            return None;
        }
        let chunk = profile.encoding.chunk_shape.get(self.axis).copied()?;
        let mut own = profile.tables.iter();
        let mut tables = Vec::new();
        for (number, span) in self.spans.iter().enumerate() {
            let is_last = number.checked_add(1) == Some(self.spans.len());
            if !is_last && span.length.checked_rem(chunk) != Some(0) {
                return None;
            }
            let mut left = span.length.div_ceil(chunk);
            if span.source == SpanSource::Fill {
                tables.push((left, false));
                continue;
            }
            while left > 0 {
                let chunks = own.next()?.grid().get(self.axis).copied()?;
                tables.push((chunks, true));
                left = left.checked_sub(chunks.max(1))?;
            }
        }
        Some(tables)
    }
}

/// Whether chunks are stored alike: factors are compared bit by bit, as a NaN is like itself.
fn alike(one: &Encoding, other: &Encoding) -> bool {
    let bits = |packing: &Packing| (packing.scale.to_bits(), packing.offset.to_bits());
    let rest = |packing: &Packing| Packing {
        scale: 1.0,
        offset: 0.0,
        ..packing.clone()
    };
    one.chunk_shape == other.chunk_shape
        && one.codecs == other.codecs
        && match (&one.packing, &other.packing) {
            (None, None) => true,
            (Some(one), Some(other)) => bits(one) == bits(other) && rest(one) == rest(other),
            _ => false,
        }
}

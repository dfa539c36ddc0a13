//! The pages of a column.

use std::io::Read as _;

use bytes::Bytes;

use super::runs::{hybrid, take};
use super::thrift::{self, Value};

/// In place of the number of a value: there is none.
const NULL: u32 = u32::MAX;

/// Values of variable length by row.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Equal values of one dictionary are here once.
    pub(super) values: Vec<Bytes>,
    rows: Vec<u32>,
}

impl Texts {
    /// The number of the value in a row, and the value; `None` where there is none.
    pub(super) fn get(&self, row: usize) -> Option<(usize, &Bytes)> {
        let number = self.rows.get(row).filter(|number| **number != NULL)?;
        let number = usize::try_from(*number).ok()?;
        Some((number, self.values.get(number)?))
    }
}

/// In place of a number: there is none. No offset or size is negative.
pub(super) const NO_NUMBER: i64 = i64::MIN;

/// Numbers by row; [`NO_NUMBER`] where there is none.
#[derive(Debug)]
pub(super) struct Numbers<'a>(pub(super) &'a mut Vec<i64>);

/// A column within a row group, as the footer has it.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    pub(super) file: &'a Bytes,
    pub(super) optional: bool,
    /// 1 and 2: numbers of 4 and 8 bytes; 6: bytes.
    pub(super) physical: i64,
    pub(super) rows: u64,
    pub(super) codec: i64,
    pub(super) values: i64,
    /// Of all pages, compressed.
    pub(super) length: i64,
    pub(super) data: i64,
    pub(super) dictionary: Option<i64>,
}

/// Values as they stand in a page, or as numbers of a dictionary's values.
enum Encoded {
    Plain(Bytes),
    Indices(Vec<u32>),
}

/// The values of one data page.
struct Page {
    /// For each row whether it has a value.
    present: Vec<bool>,
    values: Encoded,
}

impl Chunk<'_> {
    pub(super) fn texts(&self, out: &mut Texts, budget: &mut usize) -> Result<(), String> {
        let mut dictionary_start = None;
        let mut dictionary_end = 0;
        self.pages(budget, |dictionary, page| {
            if let Some(bytes) = dictionary {
                dictionary_start = Some(out.values.len());
                split_texts(&bytes, usize::MAX, &mut out.values)?;
                dictionary_end = out.values.len();
            }
            let Some(page) = page else { return Ok(()) };
            let numbers: Vec<u32> = match page.values {
                Encoded::Plain(bytes) => {
                    let first = out.values.len();
                    let count = page.present.iter().filter(|present| **present).count();
                    split_texts(&bytes, count, &mut out.values)?;
                    (first..out.values.len())
                        .map(|number| u32::try_from(number).unwrap_or(NULL))
                        .collect()
                }
                Encoded::Indices(indices) => {
                    let start = dictionary_start.ok_or("indices without a dictionary")?;
                    let entries = dictionary_end.saturating_sub(start);
                    let start = u32::try_from(start).unwrap_or(NULL);
                    indices
                        .into_iter()
                        .map(|index| match usize::try_from(index) {
                            Ok(place) if place < entries => Ok(start.saturating_add(index)),
                            _ => Err(format!("index {index} into a dictionary of {entries}")),
                        })
                        .collect::<Result<_, _>>()?
                }
            };
            spread(&page.present, numbers, NULL, &mut out.rows)
        })
    }

    pub(super) fn numbers(&self, out: &mut Numbers<'_>, budget: &mut usize) -> Result<(), String> {
        let mut known: Option<Vec<i64>> = None;
        let four = self.physical == 1;
        self.pages(budget, |dictionary, page| {
            if let Some(bytes) = dictionary {
                known = Some(integers(&bytes, four));
            }
            let Some(page) = page else { return Ok(()) };
            let numbers = match page.values {
                Encoded::Plain(bytes) => integers(&bytes, four),
                Encoded::Indices(indices) => {
                    let known = known.as_ref().ok_or("indices without a dictionary")?;
                    indices
                        .into_iter()
                        .map(|index| {
                            let place = usize::try_from(index).ok();
                            place
                                .and_then(|place| known.get(place))
                                .copied()
                                .ok_or_else(|| {
                                    format!("index {index} into a dictionary of {}", known.len())
                                })
                        })
                        .collect::<Result<_, _>>()?
                }
            };
            spread(&page.present, numbers, NO_NUMBER, out.0)
        })
    }

    /// Gives dictionary pages and data pages in their order.
    fn pages(
        &self,
        budget: &mut usize,
        mut each: impl FnMut(Option<Bytes>, Option<Page>) -> Result<(), String>,
    ) -> Result<(), String> {
        if u64::try_from(self.values) != Ok(self.rows) {
            return Err(format!("{} values, expected {}", self.values, self.rows));
        }
        let start = match self.dictionary {
            Some(dictionary) if dictionary > 0 => dictionary.min(self.data),
            _ => self.data,
        };
        let range = usize::try_from(start)
            .ok()
            .zip(usize::try_from(self.length).ok());
        let range = range.and_then(|(start, length)| Some(start..start.checked_add(length)?));
        let mut rest = range
            .filter(|range| range.end <= self.file.len())
            .map(|range| self.file.slice(range))
            .ok_or_else(|| {
                format!(
                    "{} bytes of pages at {start}, past the file's end",
                    self.length
                )
            })?;
        let mut left = usize::try_from(self.rows).map_err(|_| "too many rows")?;
        while left > 0 {
            let (header, length) =
                thrift::structure(&rest).ok_or("a page header that is no Thrift structure")?;
            let size = |number: i64| {
                let size = header
                    .int(number)
                    .and_then(|size| usize::try_from(size).ok());
                size.ok_or("a page without a size")
            };
            let (plain, stored) = (size(2)?, size(3)?);
            let end = length.checked_add(stored).filter(|end| *end <= rest.len());
            let end =
                end.ok_or_else(|| format!("a page of {stored} bytes, past its column's end"))?;
            *budget = budget.checked_sub(plain).ok_or_else(|| {
                format!("a page of {plain} bytes, more than the file's size justifies")
            })?;
            let body = rest.slice(length..end);
            let kind = header.int(1);
            match kind {
                Some(2) => {
                    let dictionary = header.field(7).ok_or("a dictionary without a header")?;
                    check_plain(dictionary.int(2))?;
                    each(Some(decompress(self.codec, &body, plain)?), None)?;
                }
                Some(0) => {
                    let page = header.field(5).ok_or("a data page without a header")?;
                    let count = page_rows(page, left)?;
                    left = left.saturating_sub(count);
                    let body = decompress(self.codec, &body, plain)?;
                    each(None, Some(self.page_v1(page, count, &body)?))?;
                }
                Some(3) => {
                    let page = header.field(8).ok_or("a data page without a header")?;
                    let count = page_rows(page, left)?;
                    left = left.saturating_sub(count);
                    each(None, Some(self.page_v2(page, count, &body, plain)?))?;
                }
                _ => {}
            }
            drop(header);
            rest = rest.slice(end..);
        }
        Ok(())
    }

    fn page_v1(&self, header: &Value<'_>, count: usize, body: &Bytes) -> Result<Page, String> {
        let (present, start) = if self.optional {
            let (length, rest) = body
                .split_first_chunk::<4>()
                .ok_or("a page without levels")?;
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            if header.int(3) != Some(3) {
                return Err("definition levels that are not RLE are not supported".to_owned());
            }
            let levels = rest.get(..length).ok_or("levels past the page's end")?;
            (self::present(levels, count)?, length.saturating_add(4))
        } else {
            (vec![true; count], 0)
        };
        let values = body.slice(start..);
        page(header.int(2), present, values)
    }

    fn page_v2(
        &self,
        header: &Value<'_>,
        count: usize,
        body: &Bytes,
        plain: usize,
    ) -> Result<Page, String> {
        let length = |number: i64| {
            let length = header
                .int(number)
                .and_then(|length| usize::try_from(length).ok());
            length
                .filter(|length| *length <= body.len())
                .ok_or("levels past the page's end")
        };
        let (definition, repetition) = (length(5)?, length(6)?);
        let levels_end = definition
            .checked_add(repetition)
            .filter(|end| *end <= body.len());
        let levels_end = levels_end.ok_or("levels past the page's end")?;
        let present = if self.optional {
            let levels = body.get(repetition..levels_end).unwrap_or_default();
            self::present(levels, count)?
        } else {
            vec![true; count]
        };
        let stored = body.slice(levels_end..);
        let values = match header.field(7) {
            Some(Value::Bool(false)) => stored,
            _ => decompress(self.codec, &stored, plain.saturating_sub(levels_end))?,
        };
        page(header.int(4), present, values)
    }
}

fn page_rows(header: &Value<'_>, left: usize) -> Result<usize, String> {
    let count = header.int(1).and_then(|count| usize::try_from(count).ok());
    count
        .filter(|count| *count <= left)
        .ok_or_else(|| format!("a page of {count:?} rows, expected at most {left}"))
}

fn page(encoding: Option<i64>, present: Vec<bool>, values: Bytes) -> Result<Page, String> {
    let values = match encoding {
        Some(0) => Encoded::Plain(values),
        Some(2 | 8) => {
            let count = present.iter().filter(|present| **present).count();
            let mut indices = Vec::new();
            if count > 0 {
                let (width, runs) = values.split_first().ok_or("a page without indices")?;
                hybrid(runs, *width, count, |index| indices.push(index))?;
            }
            Encoded::Indices(indices)
        }
        other => {
            return Err(format!(
                "encoding {other:?} is not supported, expected PLAIN or a dictionary"
            ));
        }
    };
    Ok(Page { present, values })
}

fn check_plain(encoding: Option<i64>) -> Result<(), String> {
    match encoding {
        Some(0 | 2) => Ok(()),
        other => Err(format!(
            "a dictionary of encoding {other:?}, expected PLAIN"
        )),
    }
}

fn present(levels: &[u8], count: usize) -> Result<Vec<bool>, String> {
    let mut present = Vec::with_capacity(count);
    hybrid(levels, 1, count, |level| present.push(level == 1))?;
    Ok(present)
}

/// Puts values where there are any.
fn spread<T: Copy>(
    present: &[bool],
    values: Vec<T>,
    none: T,
    out: &mut Vec<T>,
) -> Result<(), String> {
    let mut values = values.into_iter();
    for present in present {
        out.push(if *present {
            values.next().ok_or("fewer values than rows with one")?
        } else {
            none
        });
    }
    Ok(())
}

/// Texts with their lengths before them: `count` of them, or as many as there are.
fn split_texts(bytes: &Bytes, count: usize, out: &mut Vec<Bytes>) -> Result<(), String> {
    let mut rest: &[u8] = bytes;
    let mut left = count;
    while left > 0 && !(count == usize::MAX && rest.is_empty()) {
        let length = take(&mut rest, 4).and_then(|length| length.first_chunk::<4>());
        let length = length.map(|length| u32::from_le_bytes(*length));
        let value = length
            .and_then(|length| usize::try_from(length).ok())
            .and_then(|length| take(&mut rest, length));
        let value = value.ok_or("a value past the page's end")?;
        if out.len() >= usize::try_from(NULL).unwrap_or(usize::MAX) {
            return Err("more than 2^32 - 1 values".to_owned());
        }
        // A copy, so that one value does not keep its page.
        out.push(Bytes::copy_from_slice(value));
        left = left.saturating_sub(1);
    }
    Ok(())
}

fn integers(bytes: &[u8], four: bool) -> Vec<i64> {
    let chunks = bytes.chunks_exact(if four { 4 } else { 8 });
    chunks
        .filter_map(|chunk| match chunk {
            [a, b, c, d] => Some(i64::from(i32::from_le_bytes([*a, *b, *c, *d]))),
            chunk => chunk
                .first_chunk::<8>()
                .map(|bytes| i64::from_le_bytes(*bytes)),
        })
        .collect()
}

/// The bytes of a page, which are so many.
fn decompress(codec: i64, stored: &Bytes, size: usize) -> Result<Bytes, String> {
    let plain = match codec {
        0 => return Ok(stored.clone()),
        1 => {
            if snap::raw::decompress_len(stored) != Ok(size) {
                return Err(format!(
                    "snappy: another size than the {size} bytes of its header"
                ));
            }
            let mut decoder = snap::raw::Decoder::new();
            decoder
                .decompress_vec(stored)
                .map_err(|error| format!("snappy: {error}"))?
        }
        6 => {
            let mut plain = Vec::new();
            let limit = u64::try_from(size).unwrap_or(u64::MAX);
            zstd::stream::read::Decoder::with_buffer(&stored[..])
                .map(|decoder| decoder.take(limit))
                .and_then(|mut decoder| decoder.read_to_end(&mut plain))
                .map_err(|error| format!("zstd: {error}"))?;
            plain
        }
        other => {
            return Err(format!(
                "compression {other} is not supported, expected none, snappy (1) or zstd (6)"
            ));
        }
    };
    if plain.len() != size {
        return Err(format!("a page of {} bytes, expected {size}", plain.len()));
    }
    Ok(plain.into())
}

//! Kerchunk's JSON, version 1: `{"version":1,"refs":{key: text | "base64:..." | [url,offset,length]}}`.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::array::{Array, Manifest};
use crate::chunk_grid::{locate, step};
use crate::chunk_table::ChunkRef;
use crate::error::{Error, Result};
use crate::extras;
use crate::kerchunk::compression::Compression;
use crate::kerchunk::every_chunk;
use crate::location::{LocationId, Locations};
use crate::zarr::v2;

/// How many bytes are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 18;

/// Writes a manifest as Kerchunk JSON, version 1: first all documents, then the chunks, array by
/// array in C order. Nothing grows with the number of chunks. Inline data is always base64. Arrays
/// that are [beyond Zarr](Array::beyond_zarr) are in the [extras](crate::extras) alone, which come
/// before all references.
///
/// # Errors
/// When Zarr v2 can't say an array, a chunk refers to a location that is not there, or the writer
/// fails; what was written so far is then no reference set.
pub fn write_json(manifest: &Manifest, out: impl io::Write) -> Result<()> {
    write_json_compressed(manifest, out, Compression::None)
}

/// As [`write_json`], compressed. The same manifest makes the same bytes.
///
/// # Errors
/// As for [`write_json`].
pub fn write_json_compressed(
    manifest: &Manifest,
    out: impl io::Write,
    compression: Compression,
) -> Result<()> {
    compression.write(out, failed, |out| write(manifest, out))
}

fn write(manifest: &Manifest, out: &mut dyn io::Write) -> Result<()> {
    let mut refs = Refs {
        out,
        buffer: Vec::with_capacity(BUFFER_BYTES.saturating_mul(2)),
        first: true,
    };
    refs.extras(manifest)?;
    refs.buffer.extend_from_slice(b"\"refs\":{");
    let documents = v2::documents(manifest)?;
    for (key, document) in &documents {
        refs.document(key, document)?;
    }
    // zarr-python can't list groups below the root of a reference file system (it asks for `/a`,
    // fsspec knows `a`) and would show them as empty. Every set has it, so that one call opens all.
    refs.document(".zmetadata", &v2::consolidate(documents))?;
    let mut urls = Urls::new(&manifest.locations);
    let arrays = manifest.arrays();
    for (path, array) in arrays.filter(|(_, array)| array.beyond_zarr().is_none()) {
        refs.array(&path, array, &mut urls)?;
    }
    refs.buffer.extend_from_slice(b"\n}}\n");
    refs.flush(0)
}

struct Refs<W> {
    out: W,
    buffer: Vec<u8>,
    /// Whether nothing was written yet.
    first: bool,
}

impl<W: io::Write> Refs<W> {
    /// What comes before the references, so that a reader has it when they come.
    fn extras(&mut self, manifest: &Manifest) -> Result<()> {
        let start = format!("{{\"version\":1,\"{}\":", extras::JSON_MEMBER);
        self.out.write_all(start.as_bytes()).map_err(failed)?;
        let mut buffered = io::BufWriter::with_capacity(BUFFER_BYTES, &mut self.out);
        extras::write(manifest, &mut buffered)?;
        io::Write::flush(&mut buffered).map_err(failed)?;
        drop(buffered);
        self.out.write_all(b",\n").map_err(failed)
    }

    fn document(&mut self, key: &str, document: &Json) -> Result<()> {
        self.separate();
        self.buffer.extend_from_slice(&quoted(key));
        self.buffer.push(b':');
        self.buffer
            .extend_from_slice(&quoted(&document.to_string()));
        self.flush(BUFFER_BYTES)
    }

    fn array(&mut self, path: &str, array: &Array, urls: &mut Urls<'_>) -> Result<()> {
        let at = |error: Error| error.at(path);
        let grid = array.chunk_grid().map_err(at)?;
        let fill = v2::absent_chunk(array).map_err(at)?;
        let fill_text = fill.map(|data| inline(data));
        // Without its last quotation mark: the chunk's place follows.
        let mut prefix = quoted(&format!("{}/", path.trim_start_matches('/')));
        prefix.pop();
        let mut digits = itoa::Buffer::new();
        let mut coordinates = vec![0; grid.len()];
        let mut next = 0;
        for (index, chunk) in every_chunk(array, fill) {
            if index != next {
                locate(index, &grid, &mut coordinates);
            }
            next = index.saturating_add(1);
            self.separate();
            self.buffer.extend_from_slice(&prefix);
            for (axis, place) in coordinates.iter().enumerate() {
                if axis > 0 {
                    self.buffer.push(b'.');
                }
                self.buffer
                    .extend_from_slice(digits.format(*place).as_bytes());
            }
            if coordinates.is_empty() {
                self.buffer.push(b'0');
            }
            self.buffer.extend_from_slice(b"\":");
            match chunk {
                // A range of no bytes means the whole object to some readers.
                ChunkRef::Range { length: 0, .. } => self.buffer.extend_from_slice(&inline(&[])),
                ChunkRef::Range {
                    location,
                    offset,
                    length,
                } => {
                    self.buffer.push(b'[');
                    self.buffer
                        .extend_from_slice(urls.get(location).map_err(at)?);
                    self.buffer.push(b',');
                    self.buffer
                        .extend_from_slice(digits.format(offset).as_bytes());
                    self.buffer.push(b',');
                    self.buffer
                        .extend_from_slice(digits.format(length).as_bytes());
                    self.buffer.push(b']');
                }
                ChunkRef::Whole { location } => {
                    self.buffer.push(b'[');
                    self.buffer
                        .extend_from_slice(urls.get(location).map_err(at)?);
                    self.buffer.push(b']');
                }
                ChunkRef::Inline(data) => match (fill, &fill_text) {
                    (Some(fill), Some(text)) if std::ptr::eq(fill, data) => {
                        self.buffer.extend_from_slice(text);
                    }
                    _ => self.buffer.extend_from_slice(&inline(data)),
                },
            }
            self.flush(BUFFER_BYTES)?;
            step(&grid, &mut coordinates);
        }
        Ok(())
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.buffer.push(b',');
        }
        self.buffer.push(b'\n');
    }

    /// Writes the buffer out if it has more than `limit` bytes.
    fn flush(&mut self, limit: usize) -> Result<()> {
        if self.buffer.len() > limit {
            self.out.write_all(&self.buffer).map_err(failed)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn failed(source: io::Error) -> Error {
    Error::Io {
        what: "kerchunk json".to_owned(),
        source,
    }
}

/// URLs as JSON strings, each escaped once.
struct Urls<'a> {
    locations: &'a Locations,
    /// By the number of the location.
    quoted: Vec<Option<Vec<u8>>>,
}

impl<'a> Urls<'a> {
    fn new(locations: &'a Locations) -> Self {
        Self {
            locations,
            quoted: vec![None; locations.len()],
        }
    }

    fn get(&mut self, id: LocationId) -> Result<&[u8]> {
        let slot = usize::try_from(id.0)
            .ok()
            .and_then(|number| self.quoted.get_mut(number));
        match (slot, self.locations.get(id)) {
            (Some(Some(url)), _) => Ok(url),
            (Some(slot), Some(location)) => Ok(slot.insert(quoted(&location.url))),
            _ => Err(Error::UnknownLocation {
                id,
                known: self.locations.len(),
            }),
        }
    }
}

fn inline(data: &[u8]) -> Vec<u8> {
    format!("\"base64:{}\"", STANDARD.encode(data)).into_bytes()
}

fn quoted(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).unwrap_or_else(|_| Json::from(text).to_string().into_bytes())
}

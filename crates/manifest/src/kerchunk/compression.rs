//! Compressed JSON: gzip and zstd, told by their first bytes.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Write};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use zstd::stream::read::Decoder as ZstdDecoder;
use zstd::stream::write::Encoder as ZstdEncoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
/// Of zstd itself, if nothing is asked for.
const ZSTD_LEVEL: i32 = 3;

const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// How JSON is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As gzip, `.json.gz`.
    Gzip,
    /// As zstd, `.json.zst`.
    Zstd,
}

impl Compression {
    /// What the end of a name says: `.gz`, `.zst`, or none of them.
    pub fn of_name(name: &str) -> Self {
        let ends = |suffix: &str| {
            let start = name.len().checked_sub(suffix.len());
            let end = start.and_then(|start| name.get(start..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        if ends(".gz") {
            Self::Gzip
        } else if ends(".zst") {
            Self::Zstd
        } else {
            Self::None
        }
    }

    /// Lets `write` write into `out`, compressed; `failed` makes errors of those of `out`.
    ///
    /// # Errors
    /// What `write` or `out` fails with.
    pub(crate) fn write<E>(
        self,
        mut out: impl Write,
        failed: impl Fn(io::Error) -> E,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::None => write(&mut out)?,
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut out, flate2::Compression::default());
                write(&mut encoder)?;
                encoder.finish().map_err(&failed)?;
            }
            Self::Zstd => {
                let mut encoder = ZstdEncoder::new(&mut out, ZSTD_LEVEL).map_err(&failed)?;
                encoder.include_checksum(true).map_err(&failed)?;
                write(&mut encoder)?;
                encoder.finish().map_err(&failed)?;
            }
        }
        out.flush().map_err(failed)
    }
}

/// How long the text of a compressed set may be: so many bytes, and so many for each compressed byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodedLimit {
    /// Bytes, however short the compressed set is.
    pub bytes: u64,
    /// Bytes for each compressed byte.
    pub ratio: u64,
}

/// 64 MiB and 200 for one: references of many like chunks reach 40 for one, bombs 1,000 and more.
pub const DEFAULT_LIMIT: DecodedLimit = DecodedLimit {
    bytes: 64 << 20,
    ratio: 200,
};

/// The text of a set, whether it is compressed or not.
pub(crate) fn decoded<'r, R: Read + 'r>(
    mut input: R,
    limit: DecodedLimit,
) -> io::Result<Box<dyn Read + 'r>> {
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first)?;
    let (gzip, zstd) = (first.starts_with(GZIP), first.starts_with(ZSTD));
    let whole = Cursor::new(first).chain(input);
    if !gzip && !zstd {
        return Ok(Box::new(whole));
    }
    let read = Rc::new(Cell::new(0));
    let counted = Counted {
        input: whole,
        read: Rc::clone(&read),
        failed: None,
    };
    let bounded = |decoder| Bounded {
        decoder,
        limit,
        read,
        made: 0,
    };
    let decoder: Box<dyn Read + 'r> = if gzip {
        Box::new(MultiGzDecoder::new(counted))
    } else {
        Box::new(ZstdDecoder::new(counted)?)
    };
    Ok(Box::new(bounded(decoder)))
}

/// Counts what is read, and gives it in blocks of one size: where compressed bytes are damaged, a decoder
/// gives more or less of what comes before, depending on the blocks.
struct Counted<R> {
    input: R,
    read: Rc<Cell<u64>>,
    /// What is told when all that came before it was given.
    failed: Option<io::Error>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut count = 0_usize;
        while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(more) => count = count.saturating_add(more),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if count == 0 => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        self.read.set(self.read.get().saturating_add(more));
        Ok(count)
    }
}

/// Ends with an error where more is made of what was read than the limit allows.
struct Bounded<'r> {
    decoder: Box<dyn Read + 'r>,
    limit: DecodedLimit,
    read: Rc<Cell<u64>>,
    made: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer)?;
        self.made = self
            .made
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let read = self.read.get();
        let DecodedLimit { bytes, ratio } = self.limit;
        if self.made > bytes.saturating_add(read.saturating_mul(ratio)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{read} compressed bytes make more than {bytes} and {ratio} for each of them: \
                     decompress the set first, or raise the limit (JsonOptions::decoded_limit)"
                ),
            ));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(compression: Compression, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        compression
            .write(&mut out, |error| error, |out| out.write_all(text))
            .unwrap();
        out
    }

    fn text(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let limit = DecodedLimit {
            bytes: 1 << 16,
            ratio: 200,
        };
        let mut text = Vec::new();
        decoded(bytes, limit)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_was_compressed_is_read() {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            for plain in [&b""[..], b"{", b"{\"version\": 1}"] {
                let mut bytes = compressed(compression, plain);
                assert_eq!(text(&bytes).unwrap(), plain, "{compression:?}");
                // As `cat a.gz b.gz` makes it.
                bytes.extend(compressed(compression, b" "));
                assert_eq!(text(&bytes).unwrap(), [plain, b" "].concat());
            }
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let plain = vec![b' '; 1 << 20];
        for compression in [Compression::Gzip, Compression::Zstd] {
            let bytes = compressed(compression, &plain);
            let error = text(&bytes).unwrap_err().to_string();
            assert!(error.contains("compressed bytes make more than"), "{error}");
            assert!(error.contains("decompress the set first"), "{error}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error() {
        let plain: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let bytes = compressed(compression, &plain);
            for length in [5, bytes.len() / 2, bytes.len() - 1] {
                assert!(text(&bytes[..length]).is_err(), "{compression:?} {length}");
            }
            let mut damaged = bytes;
            let last = damaged.len() - 6;
            damaged[last] ^= 1;
            assert!(text(&damaged).is_err(), "{compression:?}");
        }
    }
}

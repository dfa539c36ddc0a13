//! A chunk of one filter: a byte with the number of its parameters, those (4 bytes each), 3 bytes
//! with the decoded size, and the stored bytes. Numbers are little-endian.

#![allow(dead_code, reason = "not every target looks at all of it")]

use bytes::Bytes;
use chunkref_filters::{Filter, Pipeline};

/// Parts of the input, and what the filter makes of them.
pub struct Chunk<'a> {
    pub parameters: Vec<u32>,
    pub size: usize,
    pub stored: &'a [u8],
    pub decoded: Option<Bytes>,
}

/// Decodes, and holds the filter to the size, and to the same result behind a filter more.
pub fn decode(id: u16, data: &[u8]) -> Option<Chunk<'_>> {
    let (&count, rest) = data.split_first()?;
    let (parameters, rest) = rest.split_at_checked(usize::from(count) * 4)?;
    let (&[low, middle, high], stored) = rest.split_first_chunk()?;
    let size = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    let numbers = parameters.as_chunks::<4>().0.iter();
    let parameters: Vec<u32> = numbers.map(|&number| u32::from_le_bytes(number)).collect();
    let filter = Filter::from_hdf5(id, &parameters);
    let chunk = Bytes::copy_from_slice(stored);
    let decoded = Pipeline::new([filter.clone()]).decode(chunk.clone(), 0, size);
    if let Ok(decoded) = &decoded {
        assert_eq!(decoded.len(), size);
        // As the last of three, where it may give more, to room that was used before.
        let behind = [Filter::Shuffle { element_size: 1 }, Filter::Deflate { level: 1 }, filter];
        let again = Pipeline::new(behind).decode(chunk, 0b010, size);
        assert_eq!(again.as_ref(), Ok(decoded));
    }
    Some(Chunk {
        parameters,
        size,
        stored,
        decoded: decoded.ok(),
    })
}

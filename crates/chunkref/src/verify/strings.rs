//! Chunks of elements of variable length: how many elements, then the length and the bytes of each.

/// Checks that a chunk holds so many elements, and nothing else.
pub(super) fn check(chunk: &[u8], expected: u64, text: bool) -> Result<(), String> {
    let (count, mut rest) = number(chunk).ok_or("ends within the number of its elements")?;
    if u64::from(count) != expected {
        return Err(format!("holds {count} elements, expected {expected}"));
    }
    for element in 0..count {
        let ends = || format!("ends within element {element} of {count}");
        let (length, after) = number(rest).ok_or_else(ends)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (bytes, after) = after.split_at_checked(length).ok_or_else(ends)?;
        if text && std::str::from_utf8(bytes).is_err() {
            return Err(format!("element {element} is not UTF-8"));
        }
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(format!("{} bytes after its {count} elements", rest.len()))
    }
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_chunk_holds_its_elements_and_nothing_else() {
        let chunk = b"\x02\0\0\0\x02\0\0\0hi\x01\0\0\0\xff";
        assert_eq!(check(chunk, 2, false), Ok(()));
        for (chunk, count, text, said) in [
            (&chunk[..], 2, true, "element 1 is not UTF-8"),
            (&chunk[..], 3, false, "holds 2 elements, expected 3"),
            (
                &chunk[..3],
                2,
                false,
                "ends within the number of its elements",
            ),
            (&chunk[..9], 2, false, "ends within element 0 of 2"),
            (&chunk[..14], 2, false, "ends within element 1 of 2"),
            (b"\0\0\0\0\0", 0, false, "1 bytes after its 0 elements"),
        ] {
            assert_eq!(check(chunk, count, text).unwrap_err(), said);
        }
    }
}

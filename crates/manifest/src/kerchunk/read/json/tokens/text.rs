//! The escapes of JSON's texts.

/// A text without its escapes; an error is a place within it, and what is wrong there.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<(), (usize, &'static str)> {
    out.clear();
    let mut rest = raw;
    loop {
        let plain = rest.iter().position(|byte| *byte == b'\\');
        let (before, after) = rest
            .split_at_checked(plain.unwrap_or(rest.len()))
            .unwrap_or_default();
        out.extend_from_slice(before);
        if after.is_empty() {
            return Ok(());
        }
        let at = |reason| (raw.len().saturating_sub(after.len()), reason);
        rest = escape(after, out).map_err(at)?;
    }
}

/// Writes what the escape at the start of some bytes stands for, and gives what comes after it.
fn escape<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    let [_, kind, rest @ ..] = bytes else {
        return Err("invalid escape");
    };
    let byte = match kind {
        b'"' | b'\\' | b'/' => *kind,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(rest, out),
        _ => return Err("invalid escape"),
    };
    out.push(byte);
    Ok(rest)
}

/// The rest of an escape that names a code point, in two where it is beyond 16 bits.
fn unicode<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    const LONE: &str = "lone surrogate in hex escape";
    let (first, rest) = four(bytes)?;
    let (code, rest) = match first {
        0xd800..=0xdbff => {
            let (second, rest) = match rest {
                [b'\\', b'u', rest @ ..] => four(rest)?,
                _ => return Err(LONE),
            };
            if !(0xdc00..=0xdfff).contains(&second) {
                return Err(LONE);
            }
            let high = (first & 0x3ff) << 10;
            (
                high.saturating_add(second & 0x3ff).saturating_add(0x1_0000),
                rest,
            )
        }
        code => (code, rest),
    };
    let character = char::from_u32(code).ok_or(LONE)?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

fn four(bytes: &[u8]) -> Result<(u32, &[u8]), &'static str> {
    let (digits, rest) = bytes.split_at_checked(4).ok_or("invalid hex escape")?;
    let mut code = 0;
    for digit in digits {
        let digit = char::from(*digit)
            .to_digit(16)
            .ok_or("invalid hex escape")?;
        code = (code << 4) | digit;
    }
    Ok((code, rest))
}

/// Whether a text that is of no use is one; lone surrogates in it, which Python writes, do no harm.
pub(super) fn check_escapes(raw: &[u8]) -> Result<(), (usize, &'static str)> {
    let mut rest = raw;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        let after = rest.get(place..).unwrap_or_default();
        let at = |reason| (raw.len().saturating_sub(after.len()), reason);
        rest = match after {
            [_, b'u', digits @ ..] => four(digits).map_err(at)?.1,
            [
                _,
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                rest @ ..,
            ] => rest,
            _ => return Err(at("invalid escape")),
        };
    }
    Ok(())
}

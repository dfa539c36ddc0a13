//! Text as files hold it.

use bytes::Bytes;

use crate::error::{Place, Result};

/// UTF-8, or else Latin-1, which has a character for every byte: nothing is lost.
pub(crate) fn utf8_or_latin1(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// UTF-8; anything else is unsupported, because the bytes have to be found again by this name.
pub(crate) fn utf8(place: Place, what: &str, bytes: &Bytes) -> Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(place.unsupported(format!(
            "{what} \"{}\" that is not UTF-8",
            bytes.escape_ascii()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_back_to_latin1() {
        assert_eq!(utf8_or_latin1("größe".as_bytes()), "größe");
        assert_eq!(utf8_or_latin1(b"gr\xf6\xdfe"), "größe");
    }

    #[test]
    fn refuses_names_that_are_not_utf8() {
        let error = utf8(
            Place::new("link message", 7),
            "name",
            &Bytes::from_static(b"a\xff"),
        )
        .unwrap_err();
        assert!(error.is_unsupported());
        assert_eq!(
            error.to_string(),
            "link message at 0x7: name \"a\\xff\" that is not UTF-8 is not supported"
        );
    }
}

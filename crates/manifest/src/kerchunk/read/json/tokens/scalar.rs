//! Numbers and words.

use std::io::Read;

use serde::de::IgnoredAny;

use super::{Result, Tokens};

/// A number from 0 to 2^64 - 1, or what else stands in its place.
pub(in super::super) enum Number {
    Unsigned(u64),
    /// What it is, as errors say it.
    Other(String),
}

impl<R: Read> Tokens<R> {
    /// An integer from 0 on, if that is what comes next.
    pub(in super::super) fn number(&mut self) -> Result<Number> {
        if self.rest().first().is_some_and(u8::is_ascii_digit) {
            return self.scalar();
        }
        match self.peek()? {
            Some(b'"' | b'{' | b'[') => {
                Ok(Number::Other(format!("invalid type: {}", self.describe()?)))
            }
            Some(_) => self.scalar(),
            None => Err(self.unexpected(None, "a number")),
        }
    }

    /// Passes over a number or a word.
    pub(super) fn scalar(&mut self) -> Result<Number> {
        let mut length = 0;
        loop {
            let rest = self.rest();
            let after = rest.get(length..).unwrap_or_default();
            let part =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
            if let Some(place) = after.iter().position(|byte| !part(byte)) {
                length = length.saturating_add(place);
                break;
            }
            length = rest.len();
            if !self.fill()? {
                break;
            }
        }
        let raw = self.rest().get(..length).unwrap_or_default();
        let found = match unsigned(raw) {
            Some(number) => Number::Unsigned(number),
            None => Number::Other(self.other_scalar(raw)?),
        };
        self.advance(length);
        Ok(found)
    }

    /// What a number or a word is that is no number from 0 to 2^64 - 1.
    fn other_scalar(&self, raw: &[u8]) -> Result<String> {
        // The last three are Python's.
        const WORDS: [&[u8]; 6] = [
            b"null",
            b"true",
            b"false",
            b"NaN",
            b"Infinity",
            b"-Infinity",
        ];
        let shown = String::from_utf8_lossy(raw.get(..40).unwrap_or(raw));
        if WORDS.contains(&raw) {
            return Ok(format!("invalid type: {shown}"));
        }
        match raw.first() {
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(self.unexpected(self.rest().first().copied(), "a value")),
        }
        if serde_json::from_slice::<IgnoredAny>(raw).is_err() {
            return Err(self.fault(format!("invalid number `{shown}`")));
        }
        Ok(match serde_json::from_slice::<serde_json::Number>(raw) {
            Ok(number) if number.is_f64() => format!("invalid type: floating point `{shown}`"),
            Ok(_) => format!("invalid type: integer `{shown}`"),
            Err(_) => "number out of range".to_owned(),
        })
    }

    /// Passes over null, if that is what comes next.
    pub(in super::super) fn null(&mut self) -> Result<bool> {
        if self.peek()? != Some(b'n') {
            return Ok(false);
        }
        self.scalar()?;
        Ok(true)
    }
}

/// A number as JSON writes those from 0 on.
fn unsigned(raw: &[u8]) -> Option<u64> {
    if raw.is_empty() || raw.starts_with(b"0") && raw.len() > 1 {
        return None;
    }
    raw.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

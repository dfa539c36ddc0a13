//! A pull tokenizer: JSON from a reader, of which only what is being looked at is in memory.
//!
//! Whoever calls it says what must come next. A text or a number always lies in the buffer as a
//! whole, which grows for long ones; so memory is bounded by the longest of them. What comes out
//! does not depend on how the reader splits its bytes. Python's numbers that JSON lacks (`NaN`,
//! `Infinity`, `-Infinity`) are let pass as values.

mod scalar;
mod text;

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;

pub(super) use scalar::Number;
use text::{check_escapes, unescape};

/// Bytes that are asked for at one time.
const BLOCK: usize = 128 << 10;

/// What is skipped is nested at most so deep; it takes a byte for each level.
const MAX_SKIPPED_DEPTH: usize = 1 << 20;

/// What ends reading.
#[derive(Debug)]
pub(super) enum Fault {
    /// The reader failed.
    Io(io::Error),
    /// The text is no JSON, or not what must come here.
    Json {
        /// The byte at which that shows.
        at: u64,
        reason: Cow<'static, str>,
    },
}

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

#[derive(Debug)]
pub(super) struct Tokens<R> {
    input: R,
    /// Bytes from `at` to `end` have been read and not been looked at.
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// The place in the text of the buffer's first byte.
    base: u64,
    ended: bool,
    /// Where all that is passed over is copied to.
    captured: Option<Vec<u8>>,
    /// A text without its escapes.
    unescaped: Vec<u8>,
}

impl<R: Read> Tokens<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BLOCK],
            at: 0,
            end: 0,
            base: 0,
            ended: false,
            captured: None,
            unescaped: Vec::new(),
        }
    }

    /// The place in the text of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.base
            .saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }

    pub(super) fn fault(&self, reason: impl Into<Cow<'static, str>>) -> Fault {
        Fault::Json {
            at: self.offset(),
            reason: reason.into(),
        }
    }

    #[inline]
    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..self.end).unwrap_or_default()
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        let next = self.at.saturating_add(count).min(self.end);
        if let Some(captured) = &mut self.captured {
            captured.extend_from_slice(self.buffer.get(self.at..next).unwrap_or_default());
        }
        self.at = next;
    }

    /// Reads more; `false` where there is no more.
    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 0 {
            self.base = self.offset();
            self.buffer.copy_within(self.at..self.end, 0);
            self.end = self.end.saturating_sub(self.at);
            self.at = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end.saturating_mul(2).max(BLOCK), 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.input.read(room) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end = self.end.saturating_add(count.min(room.len()));
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Io(error)),
            }
        }
    }

    /// The next byte that is not white space; `None` at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        match self.rest().first() {
            Some(b' ' | b'\n' | b'\r' | b'\t') | None => self.peek_further(),
            Some(byte) => Ok(Some(*byte)),
        }
    }

    fn peek_further(&mut self) -> Result<Option<u8>> {
        loop {
            let rest = self.rest();
            let space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
            let spaces = rest.iter().take_while(space).count();
            let found = rest.get(spaces).copied();
            self.advance(spaces);
            if found.is_some() || !self.fill()? {
                return Ok(found);
            }
        }
    }

    /// What must come is not there.
    fn unexpected(&self, found: Option<u8>, expected: &str) -> Fault {
        match found {
            None => self.fault(format!("EOF, expected {expected}")),
            Some(byte) => self.fault(format!("{:?}, expected {expected}", char::from(byte))),
        }
    }

    fn take(&mut self, byte: u8, expected: &str) -> Result<()> {
        // Mostly no white space comes before it.
        if self.rest().first() == Some(&byte) {
            self.advance(1);
            return Ok(());
        }
        match self.peek()? {
            Some(found) if found == byte => {
                self.advance(1);
                Ok(())
            }
            found => Err(self.unexpected(found, expected)),
        }
    }

    pub(super) fn begin_object(&mut self) -> Result<()> {
        self.take(b'{', "an object")
    }

    pub(super) fn begin_list(&mut self) -> Result<()> {
        self.take(b'[', "a list")
    }

    /// Goes on to the next element of what `close` ends; `false` where it ends.
    fn go_on(&mut self, first: bool, close: u8) -> Result<bool> {
        match self.peek()? {
            Some(found) if found == close => {
                self.advance(1);
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.advance(1);
                match self.peek()? {
                    Some(found) if found == close => Err(self.fault("trailing comma")),
                    _ => Ok(true),
                }
            }
            found => {
                let what = if first { "a value" } else { "`,`" };
                Err(self.unexpected(found, &format!("{what} or `{}`", char::from(close))))
            }
        }
    }

    /// Goes on to the next element of a list; `false` where it ends.
    pub(super) fn next_element(&mut self, first: bool) -> Result<bool> {
        self.go_on(first, b']')
    }

    /// The next key of an object is put into `key`; `false` where the object ends.
    pub(super) fn next_key(&mut self, first: bool, key: &mut String) -> Result<bool> {
        if !self.go_on(first, b'}')? {
            return Ok(false);
        }
        let text = self.text("a key")?;
        key.clear();
        key.push_str(text);
        self.take(b':', "`:`")?;
        Ok(true)
    }

    /// A text, which must come next.
    pub(super) fn text(&mut self, expected: &str) -> Result<&str> {
        if self.rest().first() != Some(&b'"') {
            match self.peek()? {
                Some(b'"') => {}
                found => return Err(self.unexpected(found, expected)),
            }
        }
        let (raw, first, escapes) = self.raw_text()?;
        let mut text = self.buffer.get(raw).unwrap_or_default();
        if escapes {
            unescape(text, &mut self.unescaped).map_err(|wrong| escape_fault(first, wrong))?;
            text = &self.unescaped;
        }
        utf8(text, first)
    }

    /// Passes over a text, which comes next, and is only checked.
    fn skip_text(&mut self) -> Result<()> {
        let (raw, first, escapes) = self.raw_text()?;
        let text = self.buffer.get(raw).unwrap_or_default();
        if escapes {
            check_escapes(text).map_err(|wrong| escape_fault(first, wrong))?;
        }
        utf8(text, first).map(drop)
    }

    /// Passes over a text: where it lies in the buffer and in the text of the set, and whether there
    /// are escapes in it.
    fn raw_text(&mut self) -> Result<(Range<usize>, u64, bool)> {
        let (length, escapes) = self.text_length()?;
        let first = self.offset().saturating_add(1);
        let start = self.at.saturating_add(1);
        self.advance(length.saturating_add(1));
        Ok((start..self.at.saturating_sub(1), first, escapes))
    }

    /// How far behind the first quotation mark the second is, and whether there are escapes.
    fn text_length(&mut self) -> Result<(usize, bool)> {
        let mut scanned = 1_usize;
        let mut escapes = false;
        loop {
            let rest = self.rest();
            let after = rest.get(scanned..).unwrap_or_default();
            let Some(place) = stop(after) else {
                scanned = scanned.max(rest.len());
                if !self.fill()? {
                    return Err(self.fault("EOF within a text"));
                }
                continue;
            };
            match after.get(place) {
                Some(b'"') => return Ok((scanned.saturating_add(place), escapes)),
                Some(b'\\') => {
                    escapes = true;
                    scanned = scanned.saturating_add(place).saturating_add(2);
                }
                _ => {
                    self.advance(scanned.saturating_add(place));
                    return Err(self.fault("a control character within a text"));
                }
            }
        }
    }

    /// What comes next, as errors say it.
    pub(super) fn describe(&mut self) -> Result<&'static str> {
        Ok(match self.peek()? {
            Some(b'"') => "a text",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'n') => "null",
            Some(b't' | b'f') => "a boolean",
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => "a number",
            found => return Err(self.unexpected(found, "a value")),
        })
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.skip_within(MAX_SKIPPED_DEPTH)
    }

    /// The bytes of a value, which is nested at most so deep, are added to `out`.
    pub(super) fn raw(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        self.peek()?;
        self.captured = Some(std::mem::take(out));
        let skipped = self.skip_within(depth);
        *out = self.captured.take().unwrap_or_default();
        skipped
    }

    /// Passes over a value that is nested at most so deep.
    pub(super) fn skip_within(&mut self, depth: usize) -> Result<()> {
        // Whether each that is open is an object.
        let mut open: Vec<bool> = Vec::new();
        loop {
            match self.peek()? {
                Some(bracket @ (b'{' | b'[')) => {
                    if open.len() >= depth {
                        return Err(self.fault(format!("recursion limit of {depth} exceeded")));
                    }
                    self.advance(1);
                    open.push(bracket == b'{');
                    if self.enter(&mut open, true)? {
                        continue;
                    }
                }
                Some(b'"') => self.skip_text()?,
                Some(_) => {
                    self.scalar()?;
                }
                None => return Err(self.unexpected(None, "a value")),
            }
            while !open.is_empty() {
                if self.enter(&mut open, false)? {
                    break;
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Goes to the next value of what was opened last; `false` where that is closed.
    fn enter(&mut self, open: &mut Vec<bool>, first: bool) -> Result<bool> {
        let object = open.last() == Some(&true);
        let more = self.go_on(first, if object { b'}' } else { b']' })?;
        if !more {
            open.pop();
        } else if object {
            match self.peek()? {
                Some(b'"') => self.skip_text()?,
                found => return Err(self.unexpected(found, "a key")),
            }
            self.take(b':', "`:`")?;
        }
        Ok(more)
    }

    /// Nothing but white space may come.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.fault("trailing characters")),
        }
    }
}

/// Where a text may end: at a quotation mark, an escape or a control character.
fn stop(bytes: &[u8]) -> Option<usize> {
    // Whole blocks first: that is done for all their bytes at one time.
    const TOGETHER: usize = 16;
    let stops = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < 0x20;
    let plain = |block: &&[u8]| {
        // Without branches, so that it is done in vectors.
        let stopping = |any: u8, byte: &u8| {
            let text = u8::from(*byte == b'"') | u8::from(*byte == b'\\');
            any | text | u8::from(*byte < 0x20)
        };
        block.iter().fold(0, stopping) == 0
    };
    let blocks = bytes.chunks_exact(TOGETHER).take_while(plain).count();
    let passed = blocks.saturating_mul(TOGETHER);
    let rest = bytes.get(passed..)?;
    rest.iter()
        .position(stops)
        .map(|place| passed.saturating_add(place))
}

fn utf8(text: &[u8], first: u64) -> Result<&str> {
    std::str::from_utf8(text).map_err(|error| {
        // Where escapes were undone, the place is about that.
        let place = u64::try_from(error.valid_up_to()).unwrap_or(0);
        Fault::Json {
            at: first.saturating_add(place),
            reason: "not UTF-8".into(),
        }
    })
}

fn escape_fault(first: u64, (place, reason): (usize, &'static str)) -> Fault {
    Fault::Json {
        at: first.saturating_add(u64::try_from(place).unwrap_or(0)),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;

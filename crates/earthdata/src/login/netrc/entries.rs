//! The entries of a file.
//!
//! Words are separated by white space: `machine HOST login USER password PASSWORD`. A word may be in
//! quotes. A backslash makes the next character plain, as Python, wget and Earthdata Login's own pages
//! have it. `macdef` defines a macro up to an empty line, `#` in place of a keyword begins a comment.
//! What `default` says is meant for any host, and so not used.

use std::ops::Range;

use crate::login::Secret;

/// One entry.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// `None` for `default`.
    pub(super) host: Option<String>,
    pub(super) user: Option<(Secret, Range<usize>)>,
    pub(super) password: Option<(Secret, Range<usize>)>,
    /// Where it begins.
    pub(super) start: usize,
    /// Where its host ends.
    pub(super) host_end: usize,
}

impl Entry {
    pub(super) fn is_of(&self, host: &str) -> bool {
        let own = self.host.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    }
}

/// All entries, in order. What is wrong is told without anything of the text.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut words = Words { text, at: 0 };
    let mut entries: Vec<Entry> = Vec::new();
    while let Some((word, place)) = words.next()? {
        match word.expose() {
            comment if comment.starts_with('#') => words.skip_line(place.start),
            "machine" => {
                let (host, at) = words.value(place.start)?;
                entries.push(Entry {
                    host: Some(host.expose().to_owned()),
                    start: place.start,
                    host_end: at.end,
                    ..Entry::default()
                });
            }
            "default" => entries.push(Entry {
                start: place.start,
                host_end: place.end,
                ..Entry::default()
            }),
            "macdef" => words.skip_macro(),
            word @ ("login" | "user" | "password" | "account") => {
                let value = words.value(place.start)?;
                let Some(entry) = entries.last_mut() else {
                    return Err(words.wrong(place.start, "expected machine before"));
                };
                match word {
                    "login" | "user" => entry.user = Some(value),
                    "password" => entry.password = Some(value),
                    _ => {}
                }
            }
            _ => {
                return Err(words.wrong(
                    place.start,
                    "expected machine, login, password, account, default or macdef; a password \
                     with spaces is to be in quotes",
                ));
            }
        }
    }
    Ok(entries)
}

/// The words of a text.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Words<'_> {
    /// The next word, and where it lies.
    fn next(&mut self) -> Result<Option<(Secret, Range<usize>)>, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        let start = self.text.len().saturating_sub(trimmed.len());
        if trimmed.is_empty() {
            self.at = self.text.len();
            return Ok(None);
        }
        let inner = trimmed.strip_prefix('"');
        let (is_quoted, letters) = (inner.is_some(), inner.unwrap_or(trimmed));
        let first = self.text.len().saturating_sub(letters.len());
        let mut word = String::with_capacity(letters.len().min(4096));
        let mut is_escaped = false;
        self.at = self.text.len();
        for (at, character) in letters.char_indices() {
            let at = first.saturating_add(at);
            match character {
                _ if is_escaped => {
                    word.push(character);
                    is_escaped = false;
                }
                '\\' => is_escaped = true,
                '"' if is_quoted => {
                    self.at = at.saturating_add(1);
                    return Ok(Some((Secret::new(word), start..self.at)));
                }
                character if character.is_whitespace() && !is_quoted => {
                    self.at = at;
                    break;
                }
                character => word.push(character),
            }
        }
        if is_quoted {
            return Err(self.wrong(start, "a quote is not closed"));
        }
        Ok(Some((Secret::new(word), start..self.at)))
    }

    /// The word that must follow the keyword at this place.
    fn value(&mut self, keyword: usize) -> Result<(Secret, Range<usize>), String> {
        let value = self.next()?;
        value.ok_or_else(|| self.wrong(keyword, "nothing follows the last word"))
    }

    fn skip_line(&mut self, from: usize) {
        let rest = self.text.get(from..).unwrap_or_default();
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = from.saturating_add(length);
    }

    /// Up to an empty line.
    fn skip_macro(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = [rest.find("\n\n"), rest.find("\n\r\n")];
        let length = ends.into_iter().flatten().min().unwrap_or(rest.len());
        self.at = self.at.saturating_add(length);
    }

    fn wrong(&self, at: usize, what: &str) -> String {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        format!("line {line}: {what}")
    }
}

//! `.netrc`: users and passwords by host.
//!
//! Words are separated by white space: `machine HOST login USER password PASSWORD`. A word may be in
//! quotes, in which a backslash makes the next character plain. `macdef` defines a macro up to an
//! empty line, `#` in place of a keyword begins a comment. What `default` says is meant for any host,
//! and so not used.

use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Secret;

/// Longer files are none.
const LONGEST: u64 = 1 << 20;

/// One entry.
#[derive(Debug, Default)]
struct Entry {
    /// `None` for `default`.
    host: Option<String>,
    user: Option<(Secret, Range<usize>)>,
    password: Option<(Secret, Range<usize>)>,
    /// Where it begins.
    start: usize,
    /// Where its host ends.
    host_end: usize,
}

impl Entry {
    fn is_of(&self, host: &str) -> bool {
        let own = self.host.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
    }
}

/// The file that `NETRC` names, or that of the user's home.
pub(crate) fn default_path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NETRC").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let name = if cfg!(windows) { "_netrc" } else { ".netrc" };
    Some(std::env::home_dir()?.join(name))
}

/// User and password of a host; `None` without a file, or an entry in it. What is wrong is told without
/// anything of the file.
pub(crate) fn find(path: &Path, host: &str) -> Result<Option<(String, Secret)>, String> {
    let Some(text) = read(path)? else {
        return Ok(None);
    };
    let entries = parse(text.expose())?;
    let Some(entry) = entries.into_iter().find(|entry| entry.is_of(host)) else {
        return Ok(None);
    };
    match (entry.user, entry.password) {
        (Some((user, _)), Some((password, _))) => Ok(Some((user.expose().to_owned(), password))),
        (None, _) => Err(format!("the entry of {host} has no login")),
        (_, None) => Err(format!("the entry of {host} has no password")),
    }
}

/// Puts user and password of a host in place of those that the file has, and leaves all else as it
/// is. At any moment there is the old file or the new one, which only its user can read.
pub(crate) fn store(path: &Path, host: &str, user: &str, password: &Secret) -> Result<(), String> {
    // Of a link, the file that it leads to.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let text = read(&path)?.unwrap_or_else(|| Secret::new(""));
    let text = changed(text.expose(), host, user, password)?;
    // What was written is what will be read.
    let entries = parse(text.expose())?;
    let found = entries.iter().find(|entry| entry.is_of(host));
    let is_right = found.is_some_and(|entry| {
        let is = |found: &Option<(Secret, _)>, text: &str| {
            found
                .as_ref()
                .is_some_and(|(found, _)| found.expose() == text)
        };
        is(&entry.user, user) && is(&entry.password, password.expose())
    });
    if !is_right {
        return Err("user and password can't be written into it".to_owned());
    }
    replace(&path, text.expose()).map_err(|error| format!("can't be written: {error}"))
}

/// The text with user and password of a host.
fn changed(text: &str, host: &str, user: &str, password: &Secret) -> Result<Secret, String> {
    let (login, password) = (quoted(user)?, quoted(password.expose())?);
    let entries = parse(text)?;
    let mut changes: Vec<(Range<usize>, Secret)> = Vec::new();
    if let Some(entry) = entries.iter().find(|entry| entry.is_of(host)) {
        for (old, name, new) in [
            (&entry.user, "login", &login),
            (&entry.password, "password", &password),
        ] {
            let new = new.expose();
            changes.push(match old {
                Some((_, place)) => (place.clone(), Secret::new(new)),
                None => (
                    entry.host_end..entry.host_end,
                    Secret::new(format!(" {name} {new}")),
                ),
            });
        }
    } else {
        // Before `default`, after which nothing is looked up.
        let default = entries.iter().find(|entry| entry.host.is_none());
        let at = default.map_or(text.len(), |default| default.start);
        let before = text.get(..at).unwrap_or_default();
        let line = if before.is_empty() || before.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let entry = format!(
            "{line}machine {host} login {} password {}\n",
            login.expose(),
            password.expose()
        );
        changes.push((at..at, Secret::new(entry)));
    }
    changes.sort_by_key(|(place, _)| place.start);
    let mut out = String::with_capacity(text.len().saturating_add(1024));
    let mut at = 0;
    for (place, new) in &changes {
        out.push_str(text.get(at..place.start).unwrap_or_default());
        out.push_str(new.expose());
        at = place.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(Secret::new(out))
}

/// A word as it is written: in quotes where it would else be read as another.
fn quoted(word: &str) -> Result<Secret, String> {
    if word.is_empty() || word.chars().any(char::is_control) {
        return Err(
            "a user or password that is empty, or has control characters, can't be \
                    written into it"
                .to_owned(),
        );
    }
    let is_plain = |c: char| !c.is_whitespace() && c != '"' && c != '\\';
    if word.chars().all(is_plain) && !word.starts_with('#') {
        return Ok(Secret::new(word));
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(Secret::new(format!("\"{escaped}\"")))
}

/// The file's text; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<Secret>, String> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("can't be read: {error}")),
    };
    let mut bytes = Vec::new();
    let read = file.take(LONGEST.saturating_add(1)).read_to_end(&mut bytes);
    let length = read.map_err(|error| format!("can't be read: {error}"))?;
    if u64::try_from(length).is_ok_and(|length| length > LONGEST) {
        return Err("too long for a .netrc file".to_owned());
    }
    // The error would hold the bytes, but does not show them.
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(_) => Err("not UTF-8".to_owned()),
    }
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".chunkref-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Whether others than its user may read a file.
#[cfg(unix)]
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Whether others than its user may read a file: not known here.
#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_path: &Path) -> bool {
    false
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
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
        let Some(quoted) = trimmed.strip_prefix('"') else {
            let length = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
            let word = trimmed.get(..length).unwrap_or_default();
            self.at = start.saturating_add(length);
            return Ok(Some((Secret::new(word), start..self.at)));
        };
        let mut word = String::with_capacity(quoted.len().min(4096));
        let mut is_escaped = false;
        for (at, character) in quoted.char_indices() {
            match character {
                _ if is_escaped => {
                    word.push(character);
                    is_escaped = false;
                }
                '\\' => is_escaped = true,
                '"' => {
                    self.at = start.saturating_add(at).saturating_add(2);
                    return Ok(Some((Secret::new(word), start..self.at)));
                }
                character => word.push(character),
            }
        }
        Err(self.wrong(start, "a quote is not closed"))
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

#[cfg(test)]
mod tests {
    use super::{Secret, changed, find, parse, store};

    const HOST: &str = "urs.earthdata.nasa.gov";

    fn found(text: &str) -> Result<Option<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".netrc");
        std::fs::write(&path, text).unwrap();
        let found = find(&path, HOST)?;
        Ok(found.map(|(user, password)| (user, password.expose().to_owned())))
    }

    #[test]
    fn entries_are_found() {
        for (text, user, password) in [
            (
                "machine urs.earthdata.nasa.gov login u password p",
                "u",
                "p",
            ),
            (
                "machine URS.earthdata.nasa.gov\n\tlogin u\n\tpassword p\n",
                "u",
                "p",
            ),
            (
                "machine a login x password y machine urs.earthdata.nasa.gov password p login u",
                "u",
                "p",
            ),
            (
                "# machine a\nmachine urs.earthdata.nasa.gov # what for\nlogin u account z password #p",
                "u",
                "#p",
            ),
            (
                "machine urs.earthdata.nasa.gov login \"u v\" password \"a\\\"b\\\\c\"",
                "u v",
                "a\"b\\c",
            ),
            (
                "machine urs.earthdata.nasa.gov login u password a\\b\"c",
                "u",
                "a\\b\"c",
            ),
            (
                "macdef init\nmachine x\nlogin y\n\nmachine urs.earthdata.nasa.gov login u password p",
                "u",
                "p",
            ),
            (
                "machine urs.earthdata.nasa.gov login machine password password",
                "machine",
                "password",
            ),
        ] {
            let expected = Some((user.to_owned(), password.to_owned()));
            assert_eq!(found(text).unwrap(), expected, "{text}");
        }
        for none in [
            "",
            "machine evil-urs.earthdata.nasa.gov login u password p",
            "machine earthdata.nasa.gov login u password p",
            "default login u password p",
        ] {
            assert_eq!(found(none).unwrap(), None, "{none}");
        }
        let missing = std::path::Path::new("no such folder/.netrc");
        assert!(find(missing, HOST).unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_told_without_what_is_there() {
        for (text, words) in [
            (
                "machine urs.earthdata.nasa.gov login u password my s3cr3t",
                "line 1: expected machine",
            ),
            (
                "\n\nmachine urs.earthdata.nasa.gov login u password \"s3cr3t",
                "line 3: a quote",
            ),
            ("login s3cr3t", "line 1: expected machine before"),
            (
                "machine urs.earthdata.nasa.gov login",
                "line 1: nothing follows",
            ),
            (
                "machine urs.earthdata.nasa.gov password s3cr3t",
                "has no login",
            ),
            (
                "machine urs.earthdata.nasa.gov login s3cr3t",
                "has no password",
            ),
            ("machine", "nothing follows"),
        ] {
            let error = found(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        let entries = parse("machine a login s3cr3t password s3cr3t").unwrap();
        assert!(!format!("{entries:?}").contains("s3cr3t"));
    }

    #[test]
    fn what_else_is_in_the_file_stays() {
        for (before, after) in [
            ("", "machine H login u password p\n"),
            (
                "machine a login x password y",
                "machine a login x password y\nmachine H login u password p\n",
            ),
            (
                "# mine\nmachine H\n  login old # me\n  account z\n  password old\n\nmachine b login x password y\n",
                "# mine\nmachine H\n  login u # me\n  account z\n  password p\n\nmachine b login x password y\n",
            ),
            ("machine H password old", "machine H login u password p"),
            ("machine H\n", "machine H login u password p\n"),
            (
                "default login x password y\n",
                "machine H login u password p\ndefault login x password y\n",
            ),
        ] {
            let text = changed(before, "H", "u", &Secret::new("p")).unwrap();
            assert_eq!(text.expose(), after);
        }
    }

    #[test]
    fn a_file_is_stored_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".netrc");
        for password in [
            "p",
            "a b",
            "#x",
            "\"",
            "a\\b",
            "\\\"",
            "pä\u{3000}ß",
            "x\"y",
        ] {
            let password = Secret::new(password);
            store(&path, HOST, "some one", &password).unwrap();
            let (user, read) = find(&path, HOST).unwrap().unwrap();
            assert_eq!(
                (user.as_str(), read.expose()),
                ("some one", password.expose())
            );
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
                assert!(!super::is_open_to_others(&path));
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        for bad in ["", "a\nb", "a\u{0}"] {
            assert!(store(&path, HOST, "u", &Secret::new(bad)).is_err());
        }
        // A file that is not understood is left alone.
        std::fs::write(&path, "what is this").unwrap();
        assert!(store(&path, HOST, "u", &Secret::new("p")).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "what is this");
    }
}

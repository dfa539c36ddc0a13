//! `.netrc`: users and passwords by host.

mod entries;
mod file;

use std::ops::Range;
use std::path::Path;

use super::Secret;
use entries::parse;
pub(crate) use file::{default_path, is_open_to_others};

/// User and password of a host; `None` without a file, or an entry in it. What is wrong is told without
/// anything of the file.
pub(crate) fn find(path: &Path, host: &str) -> Result<Option<(String, Secret)>, String> {
    let Some(text) = file::read(path)? else {
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
    let text = file::read(&path)?.unwrap_or_else(|| Secret::new(""));
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
    file::replace(&path, text.expose()).map_err(|error| format!("can't be written: {error}"))
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
                "machine urs.earthdata.nasa.gov login u password a\\\\b\"c",
                "u",
                "a\\b\"c",
            ),
            (
                "machine urs.earthdata.nasa.gov login u\\ v password \\#p",
                "u v",
                "#p",
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

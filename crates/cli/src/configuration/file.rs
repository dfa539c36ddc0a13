//! Files of options: `chunkref.toml`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Value};

use super::layer::Setting;
use super::shown;
use crate::failure::Failure;

/// The name of such a file.
const NAME: &str = "chunkref.toml";
/// The most bytes of one.
const LIMIT: u64 = 1 << 20;

/// What a file in the working directory may say: how fast and how patiently, nothing that sends
/// credentials elsewhere, trusts somebody or costs money. Such a file may have come with somebody's
/// data or program.
const HARMLESS: [&str; 9] = [
    "access",
    "anonymous",
    "concurrency",
    "http1",
    "no-login",
    "region",
    "retries",
    "system",
    "timeout",
];

/// Parts of keys by which secrets go.
const SECRETS: [&str; 7] = [
    "token",
    "passw",
    "secret",
    "access-key",
    "access_key",
    "username",
    "credentials",
];

/// Where files of options may be.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The one that the command line names.
    pub(super) named: Option<PathBuf>,
    /// The one that the environment names.
    pub(super) variable: Option<PathBuf>,
    /// The working directory.
    pub(super) working: PathBuf,
    /// The folder of the user's configuration.
    pub(super) user: Option<PathBuf>,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// In the file's order.
    pub(super) settings: Vec<(String, Setting)>,
}

impl Places {
    /// Reads the one file that is named, or those that are there, the first to count first.
    ///
    /// # Errors
    /// When the file that is named is not there, or one is no such file or says what it may not.
    pub(super) fn read(&self, known: &BTreeSet<&str>) -> Result<Vec<Found>, Failure> {
        if let Some(path) = self.named.as_ref().or(self.variable.as_ref()) {
            return Ok(vec![read(path, known, true)?]);
        }
        let mut found = Vec::new();
        let working = self.working.join(NAME);
        let user = self.user.as_ref().map(|folder| folder.join(NAME));
        let user = user.filter(|path| path.exists());
        let same = |one: &Path, other: &Path| {
            let canonical = (one.canonicalize().ok(), other.canonicalize().ok());
            canonical.0.is_some() && canonical.0 == canonical.1
        };
        let is_users = user.as_ref().is_some_and(|user| same(user, &working));
        if working.exists() && !is_users {
            found.push(read(&working, known, false)?);
        }
        if let Some(user) = user {
            found.push(read(&user, known, true)?);
        }
        Ok(found)
    }
}

fn read(path: &Path, known: &BTreeSet<&str>, is_trusted: bool) -> Result<Found, Failure> {
    let wrong = |what: &str| Failure::usage(format!("{}: {what}", shown(path)));
    // A pipe that nobody writes into would hold up every command in its folder.
    if !is_trusted && !path.is_file() {
        return Err(wrong("no plain file"));
    }
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT.saturating_add(1)).read_to_end(&mut text))
        .map_err(|error| wrong(&format!("not read: {error}")))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LIMIT) {
        return Err(wrong("more than 1 MiB, which is no file of options"));
    }
    let text = String::from_utf8(text).map_err(|_| wrong("not UTF-8, which TOML is"))?;
    let settings = parsed(&text, known, is_trusted).map_err(|reason| wrong(&reason))?;
    Ok(Found {
        path: path.to_owned(),
        settings,
    })
}

/// The options that a file's text names. What stands in the file is not told by errors: it may be a
/// secret that is refused.
fn parsed(
    text: &str,
    known: &BTreeSet<&str>,
    is_trusted: bool,
) -> Result<Vec<(String, Setting)>, String> {
    let document = Document::parse(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
        format!("line {line}: not TOML: {}", one_line(error.message()))
    })?;
    let mut settings = Vec::new();
    for (key, item) in document.iter() {
        if !known.contains(key) {
            return Err(unknown(key, known));
        }
        if !is_trusted && !HARMLESS.contains(&key) {
            return Err(format!(
                "{key}: not from a file in the working directory, which may have come with somebody's \
                 data: it could send credentials elsewhere or spend money; put it into {NAME} in your \
                 configuration folder (~/.config/chunkref), or name this file by --config"
            ));
        }
        let setting = setting(key, item)?;
        // A region becomes a part of the name of a host: no other host may be made of it.
        let is_word = |text: &String| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if let Setting::Values(values) = &setting
            && !is_trusted
            && !values.iter().all(is_word)
        {
            return Err(format!(
                "{key}: from a file in the working directory: expected a number, or a word of letters, \
                 digits, - and _"
            ));
        }
        settings.push((key.to_owned(), setting));
    }
    Ok(settings)
}

fn unknown(key: &str, known: &BTreeSet<&str>) -> String {
    let lower = key.to_ascii_lowercase();
    if SECRETS.iter().any(|secret| lower.contains(secret)) {
        return format!(
            "{key}: secrets are not kept in this file: take EARTHDATA_TOKEN, AWS_ACCESS_KEY_ID and \
             their like in the environment, or ~/.netrc, which `chunkref login` writes"
        );
    }
    let alike = |other: &&&str| {
        let alike = strsim::jaro_winkler(&lower, other);
        alike.total_cmp(&0.7).is_gt()
    };
    let nearest = known.iter().filter(alike).max_by(|one, other| {
        let (one, other) = (
            strsim::jaro_winkler(&lower, one),
            strsim::jaro_winkler(&lower, other),
        );
        one.total_cmp(&other)
    });
    if let Some(nearest) = nearest {
        return format!("{key}: no such option: did you mean {nearest}?");
    }
    let all: Vec<_> = known.iter().copied().collect();
    format!("{key}: no such option: expected one of {}", all.join(", "))
}

fn setting(key: &str, item: &Item) -> Result<Setting, String> {
    let value = item.as_value();
    let value = value.ok_or_else(|| format!("{key}: expected a value, found a table"))?;
    if let Value::Boolean(on) = value {
        return Ok(Setting::Switch(*on.value()));
    }
    let values: Vec<&Value> = match value {
        Value::Array(array) => array.iter().collect(),
        value => vec![value],
    };
    let values = values.into_iter().map(|value| text(key, value));
    values.collect::<Result<_, _>>().map(Setting::Values)
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.value().clone(),
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => number.value().to_string(),
        _ => {
            return Err(format!("{key}: expected a text, a number, true or false"));
        }
    };
    let login = text.split_once("://").map(|(_, rest)| rest);
    let login = login.and_then(|rest| rest.split(['/', '?', '#']).next()?.rsplit_once('@'));
    if login.is_some_and(|(login, _)| login.contains(':')) {
        return Err(format!(
            "{key}: a URL with a password: secrets are not kept in this file"
        ));
    }
    Ok(text)
}

/// What a parser says, in one line.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeSet<&'static str> {
        BTreeSet::from([
            "concurrency",
            "anonymous",
            "endpoint",
            "instance-credentials",
            "region",
            "trust-host",
        ])
    }

    fn fails(text: &str, is_trusted: bool) -> String {
        parsed(text, &known(), is_trusted).unwrap_err()
    }

    #[test]
    fn values_are_what_options_take() {
        let text =
            "# comment\nconcurrency = 8\nanonymous = true\nregion = 'x'\ntrust-host = ['a', 'b']\n";
        let values =
            |values: &[&str]| Setting::Values(values.iter().map(|one| (*one).to_owned()).collect());
        let expected = [
            ("concurrency", values(&["8"])),
            ("anonymous", Setting::Switch(true)),
            ("region", values(&["x"])),
            ("trust-host", values(&["a", "b"])),
        ];
        let expected = expected.map(|(key, setting)| (key.to_owned(), setting));
        assert_eq!(parsed(text, &known(), true).unwrap(), expected);
        assert_eq!(
            parsed("instance-credentials = true", &known(), true)
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_secrets_are_not() {
        let concurency = fails("concurency = 8", true);
        assert!(
            concurency.contains("did you mean concurrency?"),
            "{concurency}"
        );
        let other = fails("xyz = 1", true);
        assert!(
            other.contains("expected one of anonymous, concurrency,"),
            "{other}"
        );
        for text in [
            "token = 's3cr3t'",
            "Password = 's3cr3t'",
            "aws_secret_access_key = 's3cr3t'",
            "endpoint = 'https://user:s3cr3t@host/x'",
            "token = 's3cr3t",
            "a = 1\ns3cr3t",
            "[earthdata]\ntoken = 's3cr3t'",
        ] {
            let told = fails(text, true);
            assert!(!told.contains("s3cr3t"), "{told}");
        }
        assert!(fails("token = 'x'", true).contains("secrets are not kept"));
        assert!(fails("a = 1\n= 2", true).starts_with("line 2: not TOML"));
        assert!(fails("region = 2020-01-01", true).contains("region: expected"));
        assert!(fails("[region]\nx = 1", true).contains("found a table"));
    }

    #[test]
    fn a_file_that_came_with_the_data_widens_no_trust() {
        assert!(parsed("concurrency = 8\nregion = 'x'", &known(), false).is_ok());
        for text in ["trust-host = 'evil'", "endpoint = 'https://evil'"] {
            assert!(fails(text, false).contains("--config"), "{text}");
            assert!(parsed(text, &known(), true).is_ok());
        }
        let region = "region = 'x.evil.example.org/'";
        assert!(fails(region, false).starts_with("region: "));
        assert!(parsed(region, &known(), true).is_ok());
    }
}

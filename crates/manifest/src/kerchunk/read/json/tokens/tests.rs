//! Beside `serde_json`, in pieces, and what faults say.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

/// Gives so many bytes at one time.
struct Split<'a>(&'a [u8], usize);

impl Read for Split<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn skipped(text: &[u8], split: usize) -> Result<(u64, Vec<u8>), (u64, String)> {
    let mut tokens = Tokens::new(Split(text, split));
    let mut raw = Vec::new();
    let read = tokens.raw(100, &mut raw).and_then(|()| tokens.end());
    match read {
        Ok(()) => Ok((tokens.offset(), raw)),
        Err(Fault::Json { at, reason }) => Err((at, reason.into_owned())),
        Err(Fault::Io(error)) => panic!("{error}"),
    }
}

/// Texts that are nearly JSON.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "\"é\"",
        "\"\\x\"",
        "0",
        "12",
        "-1",
        "01",
        "1.5",
        "1e5",
        "1e400",
        "-",
        "+1",
        "null",
        "true",
        "false",
        "nul",
        "\"",
        "\\",
        "\u{1}",
        "{\"k\":1}",
        "[1,2]",
        "[]",
        "{}",
    ]);
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_json_is_what_serde_takes_for_it(text in nearly_json()) {
        let ours = skipped(&text, usize::MAX);
        let theirs = serde_json::from_slice::<IgnoredAny>(&text);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?} {:?}", ours, theirs.err(), String::from_utf8(text));
    }

    #[test]
    fn bytes_may_be_split_anyhow(text in nearly_json(), split in 1..5_usize) {
        prop_assert_eq!(skipped(&text, split), skipped(&text, usize::MAX));
    }
}

#[test]
fn texts_and_numbers_are_what_serde_reads() {
    for text in [
        r#""""#,
        r#""plain é""#,
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u0041\u00e9\u20ac\ud83d\ude00 end""#,
    ] {
        for split in [1, 3, 1000] {
            let mut tokens = Tokens::new(Split(text.as_bytes(), split));
            let expected: String = serde_json::from_str(text).unwrap();
            assert_eq!(tokens.text("a text").unwrap(), expected);
        }
    }
    for (text, expected) in [
        ("0", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("-0", None),
        ("1.0", None),
        ("1e2", None),
        ("null", None),
        ("NaN", None),
        ("-Infinity", None),
    ] {
        let mut tokens = Tokens::new(text.as_bytes());
        let found = match tokens.number().unwrap() {
            Number::Unsigned(number) => Some(number),
            Number::Other(_) => None,
        };
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn faults_say_the_byte() {
    for (text, at, reason) in [
        (&b"[1,]"[..], 3, "trailing comma"),
        (b"{\"a\":1,}", 7, "trailing comma"),
        (b"{\"a\" 1}", 5, "'1', expected `:`"),
        (b"{\"a\": \"x\xff\"}", 8, "not UTF-8"),
        (b"{\"a\": \"x\n\"}", 8, "a control character within a text"),
        (b"\"a\\u12\"", 2, "invalid hex escape"),
        (b"[1 2]", 3, "'2', expected `,` or `]`"),
        (b"[01]", 1, "invalid number `01`"),
        (b"nulL", 0, "'n', expected a value"),
        (b"1 1", 2, "trailing characters"),
        (b"[", 1, "EOF, expected a value or `]`"),
        (b"\"a", 0, "EOF within a text"),
    ] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(skipped(text, 2), Err((at, reason.to_owned())), "{shown}");
    }
    let deep = [b'['; 101];
    assert_eq!(
        skipped(&deep, 7),
        Err((100, "recursion limit of 100 exceeded".to_owned()))
    );
}

#[test]
fn texts_longer_than_the_buffer_are_read() {
    let long = "é\\\"".repeat(BLOCK);
    let text = serde_json::to_string(&[&long, "x"]).unwrap();
    let mut tokens = Tokens::new(text.as_bytes());
    tokens.begin_list().unwrap();
    assert!(tokens.next_element(true).unwrap());
    assert_eq!(tokens.text("a text").unwrap(), long);
    assert!(tokens.next_element(false).unwrap());
    assert_eq!(tokens.text("a text").unwrap(), "x");
    assert!(!tokens.next_element(false).unwrap());
    tokens.end().unwrap();
}

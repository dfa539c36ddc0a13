//! Entries of BibTeX.

use std::fmt::Write as _;

use super::Citation;

/// The longest name of a field that is written.
const WIDTH: usize = 9;

/// An entry of the type `misc`.
pub(super) fn entry(citation: &Citation, accessed: Option<&str>) -> String {
    let braced = |text: &String| format!("{{{}}}", escaped(text));
    let accessed = accessed.map(|date| escaped(&format!("Accessed {date}")));
    let url = citation.url();
    let fields = [
        // In braces it is not taken apart at commas and `and`, and keeps its capitals.
        ("author", citation.creator.as_ref().map(braced)),
        ("title", Some(braced(&citation.title))),
        ("year", citation.year.clone()),
        ("version", citation.version.as_deref().map(escaped)),
        ("publisher", citation.publisher.as_ref().map(braced)),
        ("doi", citation.doi.as_deref().map(plain)),
        ("url", url),
        ("note", accessed),
    ];
    let mut text = format!("@misc{{{}", citation.key);
    for (name, value) in fields {
        if let Some(value) = value {
            // Writing to a string can't fail.
            let _ = write!(text, ",\n  {name:WIDTH$} = {{{value}}}");
        }
    }
    text.push_str("\n}");
    text
}

/// A key of the first name that has letters or digits.
pub(super) fn key(names: &[&str]) -> String {
    let keys = names.iter().map(|name| {
        let letters = name.chars().map(|one| {
            if one.is_ascii_alphanumeric() || matches!(one, '-' | '.') {
                one
            } else {
                '_'
            }
        });
        let key: String = letters.collect();
        key.trim_matches('_').to_owned()
    });
    let mut keys = keys.filter(|key| !key.is_empty());
    keys.next().unwrap_or_else(|| "dataset".to_owned())
}

/// A text as LaTeX takes it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => escaped.push_str("\\textquotedbl{}"),
            // Braces by name: BibTeX counts them even where they are escaped.
            '{' => escaped.push_str("\\textbraceleft{}"),
            '}' => escaped.push_str("\\textbraceright{}"),
            '#' | '$' | '%' | '&' | '_' => escaped.extend(['\\', one]),
            _ => escaped.push(one),
        }
    }
    escaped
}

/// A DOI or URL, which LaTeX takes as it is: what would end it, or mean something, is
/// percent-encoded.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in text.chars() {
        let is_plain = one.is_ascii_graphic() && !matches!(one, '{' | '}' | '\\' | '%' | '"' | '#');
        if is_plain {
            plain.push(one);
        } else {
            for byte in one.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string can't fail.
                let _ = write!(plain, "%{byte:02X}");
            }
        }
    }
    plain
}

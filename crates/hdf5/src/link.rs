//! The link message (IV.A.2.g).
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | flags: width of the name's length (bits 0 and 1), which optional fields follow |
//! | 1 | type (flag bit 3): 0 hard, 1 soft, 64 external, 65 to 255 user-defined |
//! | 8 | creation order, signed (flag bit 2) |
//! | 1 | character set of the name (flag bit 4): 0 ASCII, 1 UTF-8 |
//! | 1, 2, 4 or 8 | length of the name |
//! | length | name, without NUL |
//! | address | hard: the object |
//! | 2, length | soft: the path; external: version and flags (1), file and path, NUL-ended each |

use bytes::Bytes;

use crate::address::Address;
use crate::cursor::Cursor;
use crate::error::{Error, Place, Result};
use crate::text::utf8;

/// A name in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub target: LinkTarget,
    /// Creation order, where the group tracks it.
    pub creation_order: Option<i64>,
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// An object of this file, by the address of its header.
    Hard(Address),
    /// A path in this file.
    Soft(String),
    /// A path in another file.
    External {
        /// The file.
        file: String,
        /// The path in it.
        path: String,
    },
    /// A class of link that a program defined.
    UserDefined(u8),
}

impl Link {
    /// Bytes in memory for a link, besides long names: itself while a list of links grows, and
    /// two small allocations.
    pub(crate) const MEMORY: u64 = 240;

    /// Reads a link message; bytes may follow it. One that this version can't read, though all
    /// others of its group can be, is its name and the reason.
    pub(crate) fn parse(cursor: &mut Cursor) -> Result<Result<Self, (String, Error)>> {
        cursor.version(1)?;
        let flags = cursor.u8()?;
        if flags & !0x1F != 0 {
            return Err(cursor
                .place()
                .unsupported(format!("link flags {flags:#04x}")));
        }
        let class = if flags & 0x08 == 0 { 0 } else { cursor.u8()? };
        let creation_order = match flags & 0x04 {
            0 => None,
            _ => Some(cursor.u64()?.cast_signed()),
        };
        if flags & 0x10 != 0 {
            // ASCII or UTF-8: the first is part of the second.
            let character_set = cursor.u8()?;
            if character_set > 1 {
                return Err(cursor
                    .place()
                    .unsupported(format!("character set {character_set} of a link's name")));
            }
        }
        let width = match flags & 0x03 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let length = usize::try_from(cursor.uint(width)?).unwrap_or(usize::MAX);
        let name = cursor.take(length)?;
        check_name(cursor.place(), &name)?;
        let target = LinkTarget::parse(cursor, class);
        Self::new(cursor.place(), &name, target, creation_order)
    }

    /// A link of a name that was checked.
    pub(crate) fn new(
        place: Place,
        name: &Bytes,
        target: Result<LinkTarget>,
        creation_order: Option<i64>,
    ) -> Result<Result<Self, (String, Error)>> {
        let link = target.and_then(|target| {
            Ok(Self {
                name: utf8(place, "link", name)?,
                target,
                creation_order,
            })
        });
        match link {
            Ok(link) => Ok(Ok(link)),
            Err(error) if error.is_unsupported() => Ok(Err((shown(name), error))),
            Err(error) => Err(error),
        }
    }
}

/// The links of a group as they are read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Links {
    pub(crate) read: Vec<Link>,
    /// Those that can't be, each with the reason.
    pub(crate) refused: Vec<(String, Error)>,
}

impl Links {
    pub(crate) fn push(&mut self, link: Result<Link, (String, Error)>) {
        match link {
            Ok(link) => self.read.push(link),
            Err(refused) => self.refused.push(refused),
        }
    }

    /// Sorts by name (bytewise), so that the order in which nodes arrived doesn't show. A name that
    /// is there twice would leave it to chance which object is meant.
    pub(crate) fn sort(&mut self, place: Place) -> Result<()> {
        self.read.sort_by(|a, b| a.name.cmp(&b.name));
        let key = |(name, error): &(String, Error)| (name.clone(), error.to_string());
        self.refused.sort_by_cached_key(key);
        for pair in self.read.windows(2) {
            if let [first, second] = pair
                && first.name == second.name
            {
                return Err(place.malformed(format!(
                    "link \"{}\" is there twice",
                    first.name.escape_debug()
                )));
            }
        }
        Ok(())
    }
}

impl LinkTarget {
    fn parse(cursor: &mut Cursor, class: u8) -> Result<Self> {
        match class {
            0 => {
                let address = cursor.address()?;
                if address.defined().is_none() {
                    return Err(cursor.malformed("hard link to an undefined address"));
                }
                Ok(Self::Hard(address))
            }
            1 => {
                let path = information(cursor)?;
                soft_path(cursor.place(), &path).map(Self::Soft)
            }
            64 => {
                let information = information(cursor)?;
                let mut inner = Cursor::new(information, cursor.sizes(), cursor.place());
                Self::parse_external(&mut inner)
            }
            65.. => information(cursor).map(|_| Self::UserDefined(class)),
            other => Err(cursor.place().unsupported(format!("link type {other}"))),
        }
    }

    /// What an external link has as its information.
    fn parse_external(cursor: &mut Cursor) -> Result<Self> {
        let first = cursor.u8()?;
        if first != 0 {
            return Err(cursor.place().unsupported(format!(
                "external link with version and flags {first:#04x} (0 expected)"
            )));
        }
        let file = cursor.terminated_string()?;
        let path = cursor.terminated_string()?;
        Ok(Self::External {
            file: utf8(cursor.place(), "external link to file", &file)?,
            path: utf8(cursor.place(), "external link to path", &path)?,
        })
    }
}

/// The information of a link that is not hard: length, bytes.
fn information(cursor: &mut Cursor) -> Result<Bytes> {
    let length = cursor.u16()?;
    cursor.take(usize::from(length))
}

/// A name as text, what is not UTF-8 escaped.
fn shown(name: &Bytes) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) => name.escape_ascii().to_string(),
    }
}

/// Checks the name of a link: not empty, and with nothing in it that ends a name in a path.
pub(crate) fn check_name(place: Place, name: &Bytes) -> Result<()> {
    if name.is_empty() || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return Err(place.malformed(format!(
            "link has the name \"{}\", which is empty or holds a NUL or a slash",
            name.escape_ascii()
        )));
    }
    Ok(())
}

/// The path of a soft link: not empty, UTF-8, no NUL.
pub(crate) fn soft_path(place: Place, path: &Bytes) -> Result<String> {
    if path.is_empty() || path.contains(&0) {
        return Err(place.malformed(format!(
            "soft link has the path \"{}\", which is empty or holds a NUL",
            path.escape_ascii()
        )));
    }
    utf8(place, "soft link to", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::{cursor, never_panics, parse_whole};

    fn read(bytes: &[u8]) -> Link {
        parse_whole(bytes, Link::parse).expect("is read")
    }

    fn link(name: &str, target: LinkTarget, creation_order: Option<i64>) -> Link {
        Link {
            name: name.to_owned(),
            target,
            creation_order,
        }
    }

    #[test]
    fn reads_hard_links_with_all_and_with_no_optional_fields() {
        let bytes = [1, 0, 1, b'a', 0, 2, 0, 0, 0, 0, 0, 0];
        let expected = link("a", LinkTarget::Hard(Address(0x200)), None);
        assert_eq!(read(&bytes), expected);
        never_panics(&bytes, Link::parse);
        let mut full = vec![1, 0x1D, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1];
        full.extend([2, 0, 0xC3, 0xA9, 0, 2, 0, 0, 0, 0, 0, 0]);
        let expected = link("é", LinkTarget::Hard(Address(0x200)), Some(5));
        assert_eq!(read(&full), expected);
        never_panics(&full, Link::parse);
    }

    #[test]
    fn reads_wide_name_lengths() {
        for (width, flags) in [(4, 2), (8, 3)] {
            let mut bytes = vec![1, flags, 1];
            bytes.resize(2 + width, 0);
            bytes.extend([b'a', 0, 2, 0, 0, 0, 0, 0, 0]);
            assert_eq!(read(&bytes).name, "a");
            // A length far beyond the message.
            bytes[2..2 + width].fill(0xFF);
            assert!(Link::parse(&mut cursor(&bytes)).is_err());
        }
    }

    #[test]
    fn reads_soft_external_and_user_defined_links() {
        let soft = [1, 8, 1, 1, b's', 2, 0, b'/', b'x'];
        let expected = link("s", LinkTarget::Soft("/x".to_owned()), None);
        assert_eq!(read(&soft), expected);
        never_panics(&soft, Link::parse);
        let external = b"\x01\x08\x40\x01e\x09\x00\x00a.h5\0/x\0";
        let target = LinkTarget::External {
            file: "a.h5".to_owned(),
            path: "/x".to_owned(),
        };
        assert_eq!(read(external), link("e", target, None));
        never_panics(external, Link::parse);
        let user = [1, 8, 70, 1, b'u', 2, 0, 9, 9];
        let expected = link("u", LinkTarget::UserDefined(70), None);
        assert_eq!(read(&user), expected);
    }

    #[test]
    fn refuses_malformed_links() {
        let malformed: [&[u8]; 6] = [
            &[1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0],
            &[1, 0, 1, b'/', 0, 2, 0, 0, 0, 0, 0, 0],
            &[1, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0],
            &[1, 0, 1, b'a', 255, 255, 255, 255, 255, 255, 255, 255],
            &[1, 8, 1, 1, b's', 0, 0],
            b"\x01\x08\x40\x01e\x08\x00\x00a.h5\0/x",
        ];
        for bytes in malformed {
            let error = Link::parse(&mut cursor(bytes)).unwrap_err();
            assert!(!error.is_unsupported(), "{error}");
        }
        let unsupported: [&[u8]; 3] = [
            &[2, 0, 1, b'a', 0, 2, 0, 0, 0, 0, 0, 0],
            &[1, 0x20, 1, b'a', 0, 2, 0, 0, 0, 0, 0, 0],
            &[1, 0x10, 2, 1, b'a', 0, 2, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in unsupported {
            let error = Link::parse(&mut cursor(bytes)).unwrap_err();
            assert!(error.is_unsupported(), "{error}");
        }
    }

    #[test]
    fn links_that_can_not_be_read_have_their_names() {
        let cases: [(&str, &[u8]); 5] = [
            ("a", &[1, 8, 2, 1, b'a', 0, 2, 0, 0, 0, 0, 0, 0]),
            ("caf\\xe9", b"\x01\x00\x04caf\xE9\x00\x02\0\0\0\0\0\0"),
            ("e", b"\x01\x08\x40\x01e\x09\x00\x01a.h5\0/x\0"),
            ("e", b"\x01\x08\x40\x01e\x09\x00\x00a.h\xE9\0/x\0"),
            ("s", b"\x01\x08\x01\x01s\x02\x00/\xE9"),
        ];
        for (name, bytes) in cases {
            let (found, error) = Link::parse(&mut cursor(bytes)).unwrap().unwrap_err();
            assert_eq!(found, name);
            assert!(error.is_unsupported(), "{error}");
            never_panics(bytes, Link::parse);
        }
    }

    #[test]
    fn escaped_names_stand_for_no_other_link() {
        let place = Place::new("group", 0);
        let mut links = Links::default();
        let target = || Ok(LinkTarget::Hard(Address(1)));
        for name in [&b"caf\xE9"[..], b"caf\\xe9"] {
            let name = Bytes::from_static(name);
            links.push(Link::new(place, &name, target(), None).unwrap());
        }
        links.sort(place).unwrap();
        assert_eq!((links.read.len(), links.refused.len()), (1, 1));
        let again = Bytes::from_static(b"caf\\xe9");
        links.push(Link::new(place, &again, target(), None).unwrap());
        assert!(links.sort(place).is_err());
    }
}

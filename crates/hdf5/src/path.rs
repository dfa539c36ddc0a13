//! Paths over hard and soft links.
//!
//! As in libhdf5, names are separated by slashes, of which any number may stand in a row, before
//! and after; `.` is where one is; `..` is a name like any other. A path that begins with a slash
//! starts at the root group, any other at the group that the soft link is in.

use crate::address::Address;
use crate::link::{Link, LinkTarget};

/// So many soft links may lie on the way to an object, as in libhdf5 (`H5L_NUM_LINKS`).
pub(crate) const MAX_SOFT_LINKS: u32 = 16;

/// What a link or a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEnd {
    /// An object of this file, by the address of its header.
    Object(Address),
    /// An external link is on the way: an object of another file.
    External {
        /// The file, as the link names it.
        file: String,
        /// The path in it, with what follows the external link.
        path: String,
    },
    /// Nothing.
    Nowhere(Nowhere),
}

/// Why a link or a path leads to no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Nowhere {
    /// There is no such name, or the names before it are not those of groups.
    #[error("there is no such object")]
    Missing,
    /// The way leads back to the link.
    #[error("the way there leads over the link itself")]
    Cycle,
    /// More soft links are on the way than libhdf5 follows.
    #[error("over {MAX_SOFT_LINKS} soft links are on the way, more than HDF5 follows")]
    TooManyLinks,
    /// A link of a class that a program defined is on the way.
    #[error("a user-defined link of class {0} is on the way")]
    UserDefined(u8),
}

/// How far a path was followed.
#[derive(Debug)]
pub(crate) struct Way {
    /// The object come to.
    pub(crate) at: Address,
    /// Bytes of the path that lead to it.
    done: usize,
    /// Soft links passed, the one whose path it is among them.
    pub(crate) soft_links: u32,
}

/// Where following a path stops.
#[derive(Debug)]
pub(crate) enum Halt {
    /// At the end of the path.
    End,
    /// Where the links of the object come to must be known.
    Unknown,
    /// At the soft link that is in this place among the links of the group come to.
    Soft(usize),
    /// Outside of the file, or nowhere.
    Leaves(LinkEnd),
}

impl Way {
    /// The start of a path that is written in the group at `group`.
    pub(crate) fn new(path: &str, root: Address, group: Address) -> Self {
        Self {
            at: if path.starts_with('/') { root } else { group },
            done: 0,
            soft_links: 1,
        }
    }

    /// Goes on; `links` gives the links of a group, sorted by name, where they are known.
    pub(crate) fn advance<'a>(
        &mut self,
        path: &str,
        links: impl Fn(Address) -> Option<&'a [Link]>,
    ) -> Halt {
        loop {
            let rest = path.get(self.done..).unwrap_or_default();
            let name = rest.trim_start_matches('/');
            if name.is_empty() {
                return Halt::End;
            }
            let name = name.split('/').next().unwrap_or_default();
            let slashes = rest
                .len()
                .saturating_sub(rest.trim_start_matches('/').len());
            let next = self.done.saturating_add(slashes).saturating_add(name.len());
            if name == "." {
                self.done = next;
                continue;
            }
            let Some(links) = links(self.at) else {
                return Halt::Unknown;
            };
            self.done = next;
            let found = place_of(links, name).and_then(|index| Some((index, links.get(index)?)));
            let Some((index, link)) = found else {
                return Halt::Leaves(LinkEnd::Nowhere(Nowhere::Missing));
            };
            match &link.target {
                LinkTarget::Hard(address) => self.at = *address,
                LinkTarget::Soft(_) => return Halt::Soft(index),
                LinkTarget::External { file, path: inner } => {
                    return Halt::Leaves(self.beyond(path, file, inner));
                }
                LinkTarget::UserDefined(class) => {
                    return Halt::Leaves(LinkEnd::Nowhere(Nowhere::UserDefined(*class)));
                }
            }
        }
    }

    /// Passes the soft link at which it halted, which leads to `end` over so many soft links (itself
    /// among them). Gives where the whole path leads, if that is decided.
    pub(crate) fn pass(&mut self, path: &str, end: &LinkEnd, soft_links: u32) -> Option<LinkEnd> {
        self.soft_links = self.soft_links.saturating_add(soft_links);
        if self.soft_links > MAX_SOFT_LINKS {
            return Some(LinkEnd::Nowhere(Nowhere::TooManyLinks));
        }
        match end {
            LinkEnd::Object(address) => {
                self.at = *address;
                None
            }
            LinkEnd::External { file, path: inner } => Some(self.beyond(path, file, inner)),
            LinkEnd::Nowhere(why) => Some(LinkEnd::Nowhere(*why)),
        }
    }

    /// The object of another file that the rest of the path leads to from `inner`.
    fn beyond(&self, path: &str, file: &str, inner: &str) -> LinkEnd {
        let rest = path.get(self.done..).unwrap_or_default();
        let path = match rest {
            "" => inner.to_owned(),
            _ => format!("{}{rest}", inner.trim_end_matches('/')),
        };
        LinkEnd::External {
            file: file.to_owned(),
            path,
        }
    }
}

/// The place of a name among links that are sorted by name.
pub(crate) fn place_of(links: &[Link], name: &str) -> Option<usize> {
    links
        .binary_search_by(|link| link.name.as_str().cmp(name))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, target: LinkTarget) -> Link {
        Link {
            name: name.to_owned(),
            target,
            creation_order: None,
        }
    }

    /// Group 1 holds `a` (group 2), `s` (soft) and `x` (external); group 2 holds `d` (3, no group).
    fn advance(way: &mut Way, path: &str) -> Halt {
        let root = [
            link("a", LinkTarget::Hard(Address(2))),
            link("s", LinkTarget::Soft("a".to_owned())),
            link("u", LinkTarget::UserDefined(70)),
            link(
                "x",
                LinkTarget::External {
                    file: "b.h5".to_owned(),
                    path: "/g".to_owned(),
                },
            ),
        ];
        let inner = [link("d", LinkTarget::Hard(Address(3)))];
        let (root, inner): (&'static [Link], &'static [Link]) =
            (Box::leak(Box::new(root)), Box::leak(Box::new(inner)));
        way.advance(path, |address| match address.0 {
            1 => Some(root),
            2 => Some(inner),
            _ => None,
        })
    }

    fn start(path: &str, group: u64) -> Way {
        Way::new(path, Address(1), Address(group))
    }

    #[test]
    fn slashes_and_dots_are_passed_over() {
        for (path, group) in [
            ("/a/d", 2),
            ("a/d", 1),
            ("d", 2),
            ("//a//./d//", 2),
            ("./d/.", 2),
        ] {
            let mut way = start(path, group);
            assert!(matches!(advance(&mut way, path), Halt::End), "{path}");
            assert_eq!(way.at, Address(3), "{path}");
        }
        for path in ["/", ".", "/.", "./"] {
            let mut way = start(path, 1);
            assert!(matches!(advance(&mut way, path), Halt::End), "{path}");
            assert_eq!(way.at, Address(1), "{path}");
        }
        let mut way = start("a/../a", 1);
        let halt = advance(&mut way, "a/../a");
        let missing = LinkEnd::Nowhere(Nowhere::Missing);
        assert!(matches!(halt, Halt::Leaves(end) if end == missing));
    }

    #[test]
    fn soft_links_are_passed_and_counted() {
        let path = "/s/d";
        let mut way = start(path, 2);
        assert!(matches!(advance(&mut way, path), Halt::Soft(1)));
        assert_eq!(way.pass(path, &LinkEnd::Object(Address(2)), 15), None);
        assert!(matches!(advance(&mut way, path), Halt::End));
        assert_eq!((way.at, way.soft_links), (Address(3), 16));
        let mut way = start(path, 2);
        advance(&mut way, path);
        let end = way.pass(path, &LinkEnd::Object(Address(2)), 16);
        assert_eq!(end, Some(LinkEnd::Nowhere(Nowhere::TooManyLinks)));
    }

    #[test]
    fn what_follows_an_external_link_is_kept() {
        for (path, beyond) in [("/x", "/g"), ("/x/y//z", "/g/y//z"), ("x/", "/g/")] {
            let Halt::Leaves(end) = advance(&mut start(path, 1), path) else {
                panic!("{path}")
            };
            let LinkEnd::External { file, path: found } = end else {
                panic!("{path}")
            };
            assert_eq!((file.as_str(), found.as_str()), ("b.h5", beyond));
        }
    }

    #[test]
    fn the_way_over_what_is_not_listed_is_unknown() {
        let mut way = start("/a/d/e", 1);
        assert!(matches!(advance(&mut way, "/a/d/e"), Halt::Unknown));
        let mut way = start("/u/e", 1);
        let user = LinkEnd::Nowhere(Nowhere::UserDefined(70));
        assert!(matches!(advance(&mut way, "/u/e"), Halt::Leaves(end) if end == user));
    }
}

//! Which links a scan follows.

use super::options::ScanOptions;

/// The parts of a file that are asked for.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Objects asked for with all that is below them, as names from the root.
    trees: Vec<Vec<String>>,
    /// Objects asked for alone.
    objects: Vec<Vec<String>>,
    /// How far below a tree links are followed.
    depth: usize,
}

impl Narrow {
    /// What these options ask for.
    pub fn new(options: &ScanOptions) -> Self {
        let mut trees: Vec<_> = options.trees.iter().map(|path| names(path)).collect();
        let group = options.group.as_deref().map(names).unwrap_or_default();
        if options.variables.is_empty() && (trees.is_empty() || options.group.is_some()) {
            trees.push(group.clone());
        }
        let objects = options.variables.iter().map(|path| {
            let mut object = group.clone();
            object.extend(names(path));
            object
        });
        Self {
            objects: objects.collect(),
            trees,
            depth: options.depth.unwrap_or(usize::MAX),
        }
    }

    /// Whether the object called `name` in the group at `path` is on the way to what is asked
    /// for, or part of it.
    pub fn follows(&self, path: &[String], name: &str) -> bool {
        self.trees.iter().any(|tree| {
            self.is_within(path, tree) || leads_to(path, tree).is_some_and(|next| next == name)
        }) || self
            .objects
            .iter()
            .any(|object| leads_to(path, object).is_some_and(|next| next == name))
    }

    /// Whether the members of the group at `path` belong to a tree.
    fn is_within(&self, path: &[String], tree: &[String]) -> bool {
        let rest = path.strip_prefix(tree);
        rest.is_some_and(|rest| rest.len() < self.depth)
    }

    /// What is asked for below a path, each part as a path from there: what is asked for with all
    /// below it, and what alone.
    pub fn below(&self, path: &[String]) -> (Vec<String>, Vec<String>) {
        if self.trees.iter().any(|tree| self.is_within(path, tree)) {
            return (vec![String::new()], Vec::new());
        }
        if self.trees.iter().any(|tree| path.starts_with(tree)) {
            return (Vec::new(), vec![String::new()]);
        }
        let below = |all: &[Vec<String>]| {
            let parts = all.iter().filter(|one| one.starts_with(path));
            parts
                .filter_map(|one| one.get(path.len()..).map(|names| names.join("/")))
                .collect()
        };
        (below(&self.trees), below(&self.objects))
    }

    /// The path as far as it matters: within what is asked for whole, one group is like another.
    /// There are no more such paths than names in what is asked for, whatever the links.
    pub(super) fn shorten(&self, mut path: Vec<String>) -> Vec<String> {
        let tree = self.trees.iter().filter(|tree| path.starts_with(tree));
        if let Some(length) = tree.map(Vec::len).min() {
            // Where not all that is below is followed, it matters how far below a path is.
            let below = match self.depth {
                usize::MAX => 0,
                depth => depth,
            };
            path.truncate(length.saturating_add(below));
        }
        path
    }
}

/// The name that follows `path` on the way to `object`.
fn leads_to<'a>(path: &[String], object: &'a [String]) -> Option<&'a String> {
    object.strip_prefix(path)?.first()
}

/// The names in a path.
pub(super) fn names(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrow(group: Option<&str>, variables: &[&str]) -> Narrow {
        Narrow::new(&ScanOptions {
            group: group.map(str::to_owned),
            variables: variables.iter().map(|&v| v.to_owned()).collect(),
            ..ScanOptions::default()
        })
    }

    fn path(path: &str) -> Vec<String> {
        names(path)
    }

    #[test]
    fn a_whole_scan_follows_everything() {
        assert!(narrow(None, &[]).follows(&path("a/b"), "c"));
    }

    #[test]
    fn a_group_is_followed_on_the_way_and_below() {
        let narrow = narrow(Some("/a/./b/"), &[]);
        assert!(narrow.follows(&[], "a"));
        assert!(!narrow.follows(&[], "b"));
        assert!(narrow.follows(&path("a"), "b"));
        assert!(narrow.follows(&path("a/b"), "anything"));
        assert!(narrow.follows(&path("a/b/c"), "anything"));
        assert_eq!(narrow.shorten(path("a/b/c/d")), path("a/b"));
        assert_eq!(narrow.shorten(path("a")), path("a"));
    }

    #[test]
    fn variables_are_paths_from_the_group() {
        let narrow = narrow(Some("a"), &["x", "b/y"]);
        assert!(narrow.follows(&path("a"), "x"));
        assert!(narrow.follows(&path("a"), "b"));
        assert!(!narrow.follows(&path("a"), "y"));
        assert!(narrow.follows(&path("a/b"), "y"));
        assert!(!narrow.follows(&path("a/b"), "x"));
        assert!(!narrow.follows(&path("a/b/y"), "x"));
        assert!(!narrow.follows(&path("a/c"), "y"));
    }

    #[test]
    fn trees_and_variables_add_up() {
        let narrow = Narrow::new(&ScanOptions {
            trees: vec!["a/b".to_owned(), "c".to_owned()],
            variables: vec!["d/x".to_owned()],
            ..ScanOptions::default()
        });
        assert!(narrow.follows(&path("a/b/z"), "anything"));
        assert!(narrow.follows(&[], "c") && narrow.follows(&[], "d"));
        assert!(!narrow.follows(&path("a"), "c"));
        assert!(narrow.follows(&path("d"), "x") && !narrow.follows(&path("d"), "y"));
    }

    #[test]
    fn members_are_followed_and_theirs_are_not() {
        let narrow = Narrow::new(&ScanOptions {
            group: Some("a".to_owned()),
            depth: Some(1),
            ..ScanOptions::default()
        });
        assert!(narrow.follows(&[], "a") && !narrow.follows(&[], "b"));
        assert!(narrow.follows(&path("a"), "anything"));
        assert!(!narrow.follows(&path("a/b"), "anything"));
        assert_eq!(narrow.shorten(path("a")), path("a"));
        assert_eq!(narrow.shorten(path("a/b/c")), path("a/b"));
        let whole = (vec![String::new()], Vec::new());
        assert_eq!(narrow.below(&path("a")), whole);
        assert_eq!(
            narrow.below(&path("a/b")),
            (Vec::new(), vec![String::new()])
        );
    }

    #[test]
    fn what_is_below_is_told_from_there() {
        let whole = (vec![String::new()], Vec::new());
        assert_eq!(narrow(None, &[]).below(&path("a")), whole);
        assert_eq!(narrow(Some("a"), &[]).below(&path("a/b")), whole);
        let part = narrow(Some("a/b"), &[]).below(&path("a"));
        assert_eq!(part, (vec!["b".to_owned()], Vec::new()));
        let alone = narrow(None, &["a/b/c", "a", "d"]).below(&path("a"));
        assert_eq!(alone, (Vec::new(), vec!["b/c".to_owned(), String::new()]));
    }
}

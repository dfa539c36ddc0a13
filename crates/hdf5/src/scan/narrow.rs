//! Which links a scan follows.

use super::options::ScanOptions;

/// The parts of the file that are asked for.
#[derive(Debug, Default)]
pub(crate) struct Narrow {
    group: Vec<String>,
    variables: Vec<Vec<String>>,
}

impl Narrow {
    pub(crate) fn new(options: &ScanOptions) -> Self {
        Self {
            group: options.group.as_deref().map(components).unwrap_or_default(),
            variables: options
                .variables
                .iter()
                .map(|path| components(path))
                .collect(),
        }
    }

    /// Names of a path that matter; what comes after them decides nothing.
    pub(crate) fn depth(&self) -> usize {
        let variables = self.variables.iter().map(Vec::len).max();
        self.group.len().saturating_add(variables.unwrap_or(0))
    }

    /// Whether the object called `name` in the group at `path` is on the way to what is asked
    /// for, or part of it.
    pub(crate) fn follows(&self, path: &[String], name: &str) -> bool {
        match self.group.get(path.len()) {
            Some(next) => next == name,
            None if self.variables.is_empty() => true,
            None => {
                let below = path.get(self.group.len()..).unwrap_or_default();
                self.variables.iter().any(|variable| {
                    let known = variable.len().min(below.len());
                    variable.get(..known) == below.get(..known)
                        && variable.get(below.len()).is_none_or(|next| next == name)
                        && below.len() < variable.len()
                })
            }
        }
    }
}

fn components(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
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
        components(path)
    }

    #[test]
    fn a_whole_scan_follows_everything() {
        assert!(narrow(None, &[]).follows(&path("a/b"), "c"));
    }

    #[test]
    fn a_group_is_followed_on_the_way_and_below() {
        let narrow = narrow(Some("/a/b"), &[]);
        assert!(narrow.follows(&[], "a"));
        assert!(!narrow.follows(&[], "b"));
        assert!(narrow.follows(&path("a"), "b"));
        assert!(narrow.follows(&path("a/b"), "anything"));
        assert!(narrow.follows(&path("a/b/c"), "anything"));
    }

    #[test]
    fn variables_are_paths_from_the_group() {
        let narrow = narrow(Some("a"), &["x", "b/y"]);
        assert!(narrow.follows(&path("a"), "x"));
        assert!(narrow.follows(&path("a"), "b"));
        assert!(!narrow.follows(&path("a"), "y"));
        assert!(narrow.follows(&path("a/b"), "y"));
        assert!(!narrow.follows(&path("a/b"), "x"));
        assert!(!narrow.follows(&path("a/c"), "y"));
    }
}

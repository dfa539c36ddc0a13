//! What a caller may ask for.

/// How [`crate::concat()`] joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConcatOptions {
    pub(crate) sorted: bool,
    pub(crate) where_held: bool,
    pub(crate) names: Option<Vec<String>>,
}

impl ConcatOptions {
    /// Granules are joined in the order given, and named after their first location.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether granules are sorted by the first value of the joined coordinate.
    #[must_use]
    pub fn with_sorted(mut self, sorted: bool) -> Self {
        self.sorted = sorted;
        self
    }

    /// Whether they are sorted only if all hold that coordinate's values; else they stay in the order
    /// given, and the report does not say whether they ascend.
    #[must_use]
    pub fn with_sorted_where_held(mut self, sorted: bool) -> Self {
        self.sorted = sorted;
        self.where_held = sorted;
        self
    }

    /// What errors and the report call the granules: one name each, in the order given.
    #[must_use]
    pub fn with_names(mut self, names: Vec<String>) -> Self {
        self.names = Some(names);
        self
    }
}

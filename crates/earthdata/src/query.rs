//! Parameters of a search, as they are sent.

use url::form_urlencoded;

/// Names and values, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn push(&mut self, name: &str, value: &(impl ToString + ?Sized)) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// Whether there is a value of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| own == name)
    }

    /// A value that may not be given.
    pub(crate) fn push_some(&mut self, name: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// A parameter with any number of values: `name[]`.
    pub(crate) fn push_all<T: ToString>(&mut self, name: &str, values: &[T]) {
        let name = format!("{name}[]");
        for value in values {
            self.push(&name, value);
        }
    }

    /// The same, of which one value is enough where CMR wants all unless told otherwise.
    pub(crate) fn push_any<T: ToString>(&mut self, name: &str, values: &[T]) {
        self.push_all(name, values);
        if values.len() > 1 {
            self.push(&format!("options[{name}][or]"), &true);
        }
    }

    /// Form-encoded.
    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }

    /// As a person reads it: `name=value&name=value`, not encoded.
    pub(crate) fn readable(&self) -> String {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }
}

//! Texts that are printed nowhere.

use std::fmt;

use zeroize::Zeroizing;

/// A token or a password: `Debug` does not show it, and its memory is overwritten in the end.
///
/// ```
/// use chunkref_earthdata::Secret;
///
/// let secret = Secret::new("open sesame");
/// assert_eq!(secret.expose(), "open sesame");
/// assert!(!format!("{secret:?}").contains("sesame"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text that must not be seen.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

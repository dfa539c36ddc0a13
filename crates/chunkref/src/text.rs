//! Errors as text.

use std::error::Error;

/// An error and what caused it in one line, each told once.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chunkref::{Client, ScanOptions, scan, told};
///
/// let missing = scan(&Client::default(), "nowhere.h5", &ScanOptions::default()).await;
/// assert!(told(&missing.unwrap_err()).contains("nowhere.h5: not found"));
/// # });
/// ```
pub fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

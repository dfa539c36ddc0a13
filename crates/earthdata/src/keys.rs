//! Temporary keys of NASA's S3 buckets: where they are handed out, and how long they are good.
//!
//! The data centres have endpoints that hand out keys to whoever is logged in. [`BucketAuthority`] knows
//! which endpoint is asked for which bucket: from records of CMR, from reference sets, and, as a last
//! resort, from a short list of its own. All tasks share the keys of an endpoint, and one of them renews
//! them before they end.

mod answer;
mod authority;
mod endpoint;
mod lifetime;
mod places;
#[cfg(test)]
mod tests;

pub use authority::BucketAuthority;

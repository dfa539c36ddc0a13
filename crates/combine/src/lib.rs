//! Many manifests joined into one.

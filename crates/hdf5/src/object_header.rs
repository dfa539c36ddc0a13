//! Object headers (IV.A.1).

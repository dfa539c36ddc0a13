//! Byte ranges over object stores: merging, retrying, counting.

//! Groups: what holds their links, and the attributes of any object, when these are not
//! messages in the object header.

mod dense_attributes;
mod dense_links;
mod symbol_table;

pub(crate) use dense_attributes::DenseAttributes;
pub(crate) use dense_links::DenseLinks;
pub(crate) use symbol_table::SymbolTable;

//! What elements mean by the conventions of netCDF and CF: packed numbers, missing values, times.
//!
//! The rules are those by which xarray decodes a file, so that both find the same.

mod calendar;
mod label;
mod numbers;
mod time;
mod whole;

pub use calendar::iso;
pub use label::TimeLabel;
pub use numbers::{Numbers, numbers};
pub use time::{MISSING, is_time, times};
pub use whole::integers;

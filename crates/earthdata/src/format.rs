//! Formats of data files, as far as records tell them.

use std::fmt;

/// What format a file has, by its name and what its record says: before any of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// HDF5, HDF-EOS5.
    Hdf5,
    /// netCDF, taken to be netCDF-4, which is HDF5: names do not tell versions apart.
    NetCdf4,
    /// netCDF-3, the classic format: no HDF5.
    NetCdf3,
    /// HDF4, HDF-EOS2: no HDF5.
    Hdf4,
    /// A format that is known and none of these: pictures, text, archives.
    Other,
}

impl Format {
    /// Whether such files can be scanned.
    pub fn is_hdf5(self) -> bool {
        matches!(self, Self::Hdf5 | Self::NetCdf4)
    }

    /// By how a name ends.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (_, suffix) = name.rsplit_once('.')?;
        Some(match suffix.to_ascii_lowercase().as_str() {
            "h5" | "hdf5" | "he5" => Self::Hdf5,
            "nc" | "nc4" => Self::NetCdf4,
            "nc3" | "cdf" => Self::NetCdf3,
            "hdf" | "hdf4" | "he2" => Self::Hdf4,
            "tif" | "tiff" | "txt" | "csv" | "zip" | "tar" | "gz" | "tgz" | "bz2" | "json"
            | "kml" | "kmz" | "shp" | "pdf" | "jp2" | "grb" | "grib" | "grb2" | "bin" | "dat"
            | "asc" | "las" | "laz" | "parquet" | "html" => Self::Other,
            _ => return None,
        })
    }

    /// By what a record says: `Format` and `MimeType` of UMM.
    pub(crate) fn of_words(words: &str) -> Option<Self> {
        let words: String = words
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let has = |part: &str| words.contains(part);
        if has("netcdf3") || has("netcdfclassic") {
            return Some(Self::NetCdf3);
        }
        // Also "netCDF-4 classic": the classic model in HDF5.
        if has("netcdf4") {
            return Some(Self::NetCdf4);
        }
        if has("hdf5") || has("hdfeos5") {
            return Some(Self::Hdf5);
        }
        if has("hdf4") || has("hdfeos2") {
            return Some(Self::Hdf4);
        }
        None
    }

    /// What the record says first, then the name: `.hdf` names both HDF4 and HDF5.
    pub(crate) fn of<'a>(name: &str, said: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let named = Self::of_name(name);
        // Files about others, or packed, stay what they are, whatever the granule's format.
        if named == Some(Self::Other) {
            return named;
        }
        said.into_iter().find_map(Self::of_words).or(named)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hdf5 => "HDF5",
            Self::NetCdf4 => "netCDF-4",
            Self::NetCdf3 => "netCDF-3",
            Self::Hdf4 => "HDF4",
            Self::Other => "another format",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn what_the_record_says_goes_before_the_name() {
        let of = |name, said: &[&str]| Format::of(name, said.iter().copied());
        assert_eq!(of("a.nc", &[]), Some(Format::NetCdf4));
        assert_eq!(of("a.nc", &["netCDF-3"]), Some(Format::NetCdf3));
        assert_eq!(of("a.nc", &["netCDF-4 classic"]), Some(Format::NetCdf4));
        assert_eq!(of("a.NC", &["application/x-netcdf"]), Some(Format::NetCdf4));
        assert_eq!(of("a.hdf", &["application/x-hdfeos"]), Some(Format::Hdf4));
        assert_eq!(of("a.hdf", &["application/x-hdf5"]), Some(Format::Hdf5));
        assert_eq!(of("a.hdf", &["HDF-EOS5"]), Some(Format::Hdf5));
        assert_eq!(of("a.tif", &["netCDF-4"]), Some(Format::Other));
        assert_eq!(of("a", &["HDF5"]), Some(Format::Hdf5));
        assert_eq!(of("a", &[]), None);
        assert_eq!(of("a.SAFE", &["Not provided"]), None);
    }
}

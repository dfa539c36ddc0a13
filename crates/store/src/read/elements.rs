//! What was read.

use bytes::Bytes;
use chunkref_manifest::{ByteOrder, DataType};
use ndarray::{ArrayD, IxDyn};

/// Elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Elements {
    /// Lengths of the axes; empty for a scalar.
    pub shape: Vec<u64>,
    /// The type of the elements.
    pub data_type: DataType,
    /// The elements in C order, in the byte order of their type.
    pub bytes: Bytes,
}

impl Elements {
    /// The elements as numbers; `None` where their type is another, or there are more than this
    /// machine can address.
    ///
    /// ```
    /// use chunkref_manifest::{ByteOrder, DataType};
    /// use chunkref_store::Elements;
    ///
    /// let elements = Elements {
    ///     shape: vec![1, 2],
    ///     data_type: DataType::Int { size: 2, order: ByteOrder::Big },
    ///     bytes: vec![0, 7, 1, 0].into(),
    /// };
    /// assert_eq!(elements.to_array::<i16>().unwrap(), ndarray::arr2(&[[7, 256]]).into_dyn());
    /// assert!(elements.to_array::<u16>().is_none());
    /// ```
    pub fn to_array<T: Element>(&self) -> Option<ArrayD<T>> {
        let order = T::order(&self.data_type)?;
        let shape: Option<Vec<usize>> = self
            .shape
            .iter()
            .map(|length| usize::try_from(*length).ok())
            .collect();
        ArrayD::from_shape_vec(IxDyn(&shape?), T::all(&self.bytes, order)).ok()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A number that elements can be.
pub trait Element: Copy + sealed::Sealed {
    /// The byte order of elements of this data type, if they are such numbers.
    #[doc(hidden)]
    fn order(data_type: &DataType) -> Option<ByteOrder>;
    /// The numbers that bytes are.
    #[doc(hidden)]
    fn all(bytes: &[u8], order: ByteOrder) -> Vec<Self>;
}

macro_rules! elements {
    ($($number:ty, $kind:ident, $size:literal;)*) => {$(
        impl sealed::Sealed for $number {}

        impl Element for $number {
            fn order(data_type: &DataType) -> Option<ByteOrder> {
                match data_type {
                    DataType::$kind { size: $size, order } => Some(*order),
                    _ => None,
                }
            }

            fn all(bytes: &[u8], order: ByteOrder) -> Vec<Self> {
                let (numbers, _) = bytes.as_chunks::<$size>();
                match order {
                    ByteOrder::Little => numbers.iter().map(|one| Self::from_le_bytes(*one)).collect(),
                    ByteOrder::Big => numbers.iter().map(|one| Self::from_be_bytes(*one)).collect(),
                }
            }
        }
    )*};
}

elements! {
    i8, Int, 1;
    i16, Int, 2;
    i32, Int, 4;
    i64, Int, 8;
    u8, UInt, 1;
    u16, UInt, 2;
    u32, UInt, 4;
    u64, UInt, 8;
    f32, Float, 4;
    f64, Float, 8;
}

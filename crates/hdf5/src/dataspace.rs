//! The dataspace message (IV.A.2.b).

/// The extent of a dataset or an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dataspace {
    /// One element.
    Scalar,
    /// A grid of elements.
    Simple {
        /// Current lengths of the axes.
        shape: Vec<u64>,
        /// Greatest lengths; `None` per axis for unlimited. Equal to `shape` when not stored.
        max_shape: Vec<Option<u64>>,
    },
    /// No element at all.
    Null,
}

impl Dataspace {
    /// Lengths of the axes: empty for scalar and null.
    pub fn shape(&self) -> &[u64] {
        match self {
            Self::Simple { shape, .. } => shape,
            Self::Scalar | Self::Null => &[],
        }
    }

    /// Number of elements; `None` if it overflows.
    pub fn elements(&self) -> Option<u64> {
        match self {
            Self::Scalar => Some(1),
            Self::Null => Some(0),
            Self::Simple { shape, .. } => {
                if shape.contains(&0) {
                    return Some(0);
                }
                shape
                    .iter()
                    .try_fold(1_u64, |product, &length| product.checked_mul(length))
            }
        }
    }
}

//! Named arrays of a checkpoint.

use std::borrow::Cow;
use std::fmt;

use safetensors::Dtype;
use safetensors::tensor::View;

use crate::CheckpointError;

/// The types of elements that a checkpoint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
    /// Unsigned 64-bit integer.
    U64,
    /// Raw bytes.
    U8,
}

impl ElementType {
    fn dtype(self) -> Dtype {
        match self {
            ElementType::F32 => Dtype::F32,
            ElementType::F64 => Dtype::F64,
            ElementType::U64 => Dtype::U64,
            ElementType::U8 => Dtype::U8,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ElementType::F32 => "f32",
            ElementType::F64 => "f64",
            ElementType::U64 => "u64",
            ElementType::U8 => "u8",
        })
    }
}

#[derive(Clone, Debug)]
enum Elements {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U64(Vec<u64>),
    U8(Vec<u8>),
}

/// An array of numbers with a shape, stored bit for bit (the payload of a NaN and the sign of zero included).
///
/// A vector becomes an array with one axis by `Tensor::from`; [`reshaped`](Tensor::reshaped) gives it more.
///
/// ```
/// use gradus_checkpoint::Tensor;
///
/// let weights = Tensor::from(vec![1.0_f32; 6]).reshaped(&[2, 3])?;
/// assert_eq!(weights.shape(), [2, 3]);
/// assert_eq!(weights.as_f32(), Some(&[1.0_f32; 6][..]));
/// # Ok::<(), gradus_checkpoint::CheckpointError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    elements: Elements,
}

macro_rules! element_types {
    ($($method:ident, $variant:ident, $type:ty, $doc:literal;)*) => {
        impl Tensor {
            $(
                #[doc = concat!("The elements, row by row, if they are ", $doc, ".")]
                pub fn $method(&self) -> Option<&[$type]> {
                    match &self.elements {
                        Elements::$variant(elements) => Some(elements),
                        _ => None,
                    }
                }
            )*

            /// The number of elements.
            pub fn len(&self) -> usize {
                match &self.elements {
                    $(Elements::$variant(elements) => elements.len(),)*
                }
            }

            /// The type of the elements.
            pub fn element_type(&self) -> ElementType {
                match &self.elements {
                    $(Elements::$variant(_) => ElementType::$variant,)*
                }
            }

            fn to_little_endian(&self) -> Cow<'_, [u8]> {
                match &self.elements {
                    Elements::U8(bytes) => Cow::Borrowed(bytes),
                    $(
                        #[allow(unreachable_patterns, reason = "bytes are handed out above without a copy")]
                        Elements::$variant(elements) => {
                            Cow::Owned(elements.iter().flat_map(|x| x.to_le_bytes()).collect())
                        }
                    )*
                }
            }

            /// Reads an array of the format; `None` if its elements have another type.
            pub(crate) fn from_little_endian(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Option<Self> {
                $(
                    if dtype == Dtype::$variant {
                        const SIZE: usize = size_of::<$type>();
                        let (chunks, _) = bytes.as_chunks::<SIZE>();
                        let elements = chunks.iter().map(|chunk| <$type>::from_le_bytes(*chunk)).collect();
                        return Some(Self { shape: shape.to_vec(), elements: Elements::$variant(elements) });
                    }
                )*
                None
            }
        }

        $(
            impl From<Vec<$type>> for Tensor {
                fn from(elements: Vec<$type>) -> Self {
                    Self { shape: vec![elements.len()], elements: Elements::$variant(elements) }
                }
            }
        )*
    };
}

element_types! {
    as_f32, F32, f32, "`f32`";
    as_f64, F64, f64, "`f64`";
    as_u64, U64, u64, "`u64`";
    as_bytes, U8, u8, "bytes";
}

impl Tensor {
    /// The same elements, row by row, with another shape.
    ///
    /// # Errors
    /// [`CheckpointError::ShapeMismatch`] if the shape has another number of elements.
    pub fn reshaped(mut self, shape: &[usize]) -> Result<Self, CheckpointError> {
        let product = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
        if product != Some(self.len()) {
            return Err(CheckpointError::ShapeMismatch { shape: shape.to_vec(), elements: self.len() });
        }
        self.shape = shape.to_vec();
        Ok(self)
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.element_type().dtype()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.to_little_endian()
    }

    fn data_len(&self) -> usize {
        self.len() * self.element_type().dtype().bitsize() / 8
    }
}

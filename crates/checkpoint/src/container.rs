//! One checkpoint: content in memory, its bytes, its file.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use safetensors::SafeTensors;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{CheckpointError, ElementType, FileError, Tensor, atomic_file};

/// The version of the layout that this program writes and reads.
pub const FORMAT_VERSION: u64 = 1;

/// The one name that an array cannot have; `safetensors::serialize` does not check it.
const RESERVED: &str = "__metadata__";
/// The one entry of the header's `__metadata__`.
const ENTRY: &str = "gradus";
/// What every file has after the eight bytes with the header's length, up to the digits of the checksum.
const BEFORE_CHECKSUM: &[u8] = br#"{"__metadata__":{"gradus":"{\"checksum\":\""#;
/// What every file has between the digits of the checksum and those of the length.
const BEFORE_BYTES: &[u8] = br#"\",\"bytes\":\""#;
const CHECKSUM_START: usize = 8 + BEFORE_CHECKSUM.len();
const CHECKSUM_END: usize = CHECKSUM_START + 8;
const BYTES_START: usize = CHECKSUM_END + BEFORE_BYTES.len();
const BYTES_END: usize = BYTES_START + 12;

/// The content of a checkpoint: named arrays and metadata.
///
/// Whatever must come back bit for bit belongs into an array; JSON has neither NaN nor infinity.
///
/// ```
/// use gradus_checkpoint::{Checkpoint, Tensor};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.safetensors");
/// let mut checkpoint = Checkpoint { metadata: serde_json::json!({ "step": 2048 }), ..Default::default() };
/// checkpoint.tensors.insert("parameters".to_owned(), Tensor::from(vec![0.5_f32, -0.0]));
/// checkpoint.save(&path)?;
///
/// let loaded = Checkpoint::load(&path)?;
/// assert_eq!(loaded.f32("parameters", &[2])?, [0.5, -0.0]);
/// assert_eq!(loaded.metadata["step"], 2048);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// The arrays by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Everything else.
    pub metadata: Value,
}

/// The JSON in the header's entry, whose first two fields are filled in last.
#[derive(Serialize)]
struct Entry<'a> {
    checksum: &'a str,
    bytes: &'a str,
    version: u64,
    metadata: &'a Value,
}

impl Checkpoint {
    /// Writes the checkpoint to `path`, completely or not at all ([`atomic_file::replace`]).
    ///
    /// # Errors
    /// [`FileError::Unwritable`] if the file system refuses, [`FileError::Content`] if
    /// [`to_bytes`](Self::to_bytes) does; a file that was there before is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        let bytes = self.to_bytes().map_err(|source| FileError::Content { path: path.to_owned(), source })?;
        atomic_file::write(path, &bytes)
            .map_err(|source| FileError::Unwritable { path: path.to_owned(), source })
    }

    /// Reads the checkpoint at `path` and checks every byte of it.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::Unreadable`], or [`FileError::Content`] if
    /// [`from_bytes`](Self::from_bytes) refuses.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => FileError::NotFound { path: path.to_owned() },
            _ => FileError::Unreadable { path: path.to_owned(), source },
        })?;
        Self::from_bytes(&bytes).map_err(|source| FileError::Content { path: path.to_owned(), source })
    }

    /// The bytes of the file, the same for the same content.
    ///
    /// # Errors
    /// [`CheckpointError::ReservedName`], [`CheckpointError::BadMetadata`] or
    /// [`CheckpointError::NotRepresentable`] if the format does not have what is in the checkpoint.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        self.to_bytes_of_version(FORMAT_VERSION)
    }

    /// Reads the bytes of a file and checks every one.
    ///
    /// # Errors
    /// [`CheckpointError::Truncated`], [`CheckpointError::Corrupt`] (also for a file of something else),
    /// [`CheckpointError::WrongVersion`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        verify(bytes)?;
        let (_, header) = SafeTensors::read_metadata(bytes)
            .map_err(|error| corrupt(format!("its header cannot be read ({error})")))?;
        let entry = header.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let mut entry: BTreeMap<String, Value> = entry
            .and_then(|entry| serde_json::from_str(entry).ok())
            .ok_or_else(|| corrupt("its metadata cannot be read"))?;
        match entry.get("version").and_then(Value::as_u64) {
            Some(FORMAT_VERSION) => {}
            Some(found) => return Err(CheckpointError::WrongVersion { found }),
            None => return Err(corrupt("it does not say its format version")),
        }
        let metadata = entry.remove("metadata").ok_or_else(|| corrupt("its metadata are missing"))?;
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| corrupt(format!("its arrays cannot be read ({error})")))?;
        let tensors = file.iter().map(|(name, view)| {
            let tensor = Tensor::from_little_endian(view.dtype(), view.shape(), view.data());
            let tensor = tensor.ok_or_else(|| {
                corrupt(format!("its array `{name}` has elements of type {:?}", view.dtype()))
            })?;
            Ok((name.to_owned(), tensor))
        });
        Ok(Self { tensors: tensors.collect::<Result<_, _>>()?, metadata })
    }

    /// The array `name`.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`].
    pub fn tensor(&self, name: &str) -> Result<&Tensor, CheckpointError> {
        self.tensors.get(name).ok_or_else(|| CheckpointError::MissingTensor {
            name: name.to_owned(),
            present: self.tensors.keys().cloned().collect(),
        })
    }

    /// The elements of the array `name`, which has this shape and elements of type `f32`.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`], [`CheckpointError::WrongType`], [`CheckpointError::WrongShape`].
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<&[f32], CheckpointError> {
        self.elements(name, Some(shape), ElementType::F32, Tensor::as_f32)
    }

    /// The same for `f64`.
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn f64(&self, name: &str, shape: &[usize]) -> Result<&[f64], CheckpointError> {
        self.elements(name, Some(shape), ElementType::F64, Tensor::as_f64)
    }

    /// The same for `u64`.
    ///
    /// # Errors
    /// As [`f32`](Self::f32).
    pub fn u64(&self, name: &str, shape: &[usize]) -> Result<&[u64], CheckpointError> {
        self.elements(name, Some(shape), ElementType::U64, Tensor::as_u64)
    }

    /// The bytes of the array `name`, however many there are.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`], [`CheckpointError::WrongType`].
    pub fn bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        self.elements(name, None, ElementType::U8, Tensor::as_bytes)
    }

    /// The metadata as a value of type `T`.
    ///
    /// # Errors
    /// [`CheckpointError::BadMetadata`] if it does not fit.
    pub fn metadata_as<T: DeserializeOwned>(&self) -> Result<T, CheckpointError> {
        T::deserialize(&self.metadata).map_err(|source| CheckpointError::BadMetadata { source })
    }

    fn elements<'a, T>(
        &'a self,
        name: &str,
        shape: Option<&[usize]>,
        expected: ElementType,
        view: impl Fn(&'a Tensor) -> Option<&'a [T]>,
    ) -> Result<&'a [T], CheckpointError> {
        let tensor = self.tensor(name)?;
        let elements = view(tensor).ok_or_else(|| CheckpointError::WrongType {
            name: name.to_owned(),
            expected,
            found: tensor.element_type(),
        })?;
        match shape {
            Some(shape) if shape != tensor.shape() => Err(CheckpointError::WrongShape {
                name: name.to_owned(),
                expected: shape.to_vec(),
                found: tensor.shape().to_vec(),
            }),
            _ => Ok(elements),
        }
    }

    fn to_bytes_of_version(&self, version: u64) -> Result<Vec<u8>, CheckpointError> {
        if self.tensors.contains_key(RESERVED) {
            return Err(CheckpointError::ReservedName { name: RESERVED.to_owned() });
        }
        let entry = Entry { checksum: "00000000", bytes: "000000000000", version, metadata: &self.metadata };
        let entry =
            serde_json::to_string(&entry).map_err(|source| CheckpointError::BadMetadata { source })?;
        let header = HashMap::from([(ENTRY.to_owned(), entry)]);
        let mut bytes = safetensors::serialize(&self.tensors, Some(header))
            .map_err(|source| CheckpointError::NotRepresentable { source })?;
        let length = format!("{:012}", bytes.len());
        bytes[BYTES_START..BYTES_END].copy_from_slice(length.as_bytes());
        let checksum = checksum_digits(&bytes);
        bytes[CHECKSUM_START..CHECKSUM_END].copy_from_slice(checksum.as_bytes());
        Ok(bytes)
    }
}

fn corrupt(reason: impl Into<String>) -> CheckpointError {
    CheckpointError::Corrupt { reason: reason.into() }
}

/// Checks that `bytes` are those that were written: the fixed beginning, the length, the checksum.
fn verify(bytes: &[u8]) -> Result<(), CheckpointError> {
    let truncated =
        |expected: usize| CheckpointError::Truncated { found: bytes.len() as u64, expected: expected as u64 };
    let begins_right = |start: usize, expected: &[u8]| {
        expected.iter().zip(bytes.iter().skip(start)).all(|(expected, found)| expected == found)
    };
    if !(begins_right(8, BEFORE_CHECKSUM) && begins_right(CHECKSUM_END, BEFORE_BYTES)) {
        return Err(corrupt("it does not begin like a checkpoint of gradus"));
    }
    if bytes.len() < BYTES_END {
        return Err(truncated(BYTES_END));
    }
    let length = std::str::from_utf8(&bytes[BYTES_START..BYTES_END]).ok();
    match length.and_then(|digits| digits.parse::<usize>().ok()) {
        None => return Err(corrupt("its length is illegible")),
        Some(expected) if bytes.len() < expected => return Err(truncated(expected)),
        Some(expected) if bytes.len() > expected => {
            return Err(corrupt(format!("it has {} bytes and should have {expected}", bytes.len())));
        }
        Some(_) => {}
    }
    if bytes[CHECKSUM_START..CHECKSUM_END] != *checksum_digits(bytes).as_bytes() {
        return Err(corrupt("its checksum does not fit its content"));
    }
    Ok(())
}

/// The checksum of a file, over everything but the digits of the checksum itself.
fn checksum_digits(bytes: &[u8]) -> String {
    let before = crc32c::crc32c(&bytes[..CHECKSUM_START]);
    format!("{:08x}", crc32c::crc32c_append(before, &bytes[CHECKSUM_END..]))
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;

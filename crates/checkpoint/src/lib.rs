//! Checkpoints: named arrays and JSON metadata in one safetensors file that refuses to load when altered.
//!
//! - [`Checkpoint`]: the content, its bytes ([`to_bytes`](Checkpoint::to_bytes),
//!   [`from_bytes`](Checkpoint::from_bytes)) and its file ([`save`](Checkpoint::save),
//!   [`load`](Checkpoint::load)).
//! - [`CheckpointFolder`]: the numbered checkpoints of a run.
//! - [`atomic_file`]: replacing any file as a whole.
//!
//! # The file
//! A checkpoint is an ordinary [safetensors](https://github.com/huggingface/safetensors) file, which any
//! reader of the format opens: eight bytes with the length of the header, the header (JSON), the arrays. The
//! header's `__metadata__` has one entry, `gradus`, a string that holds JSON again:
//!
//! ```text
//! {"checksum":"9ae0daaf","bytes":"000000001234","version":1,"metadata":{…}}
//! ```
//!
//! - `checksum` is the CRC-32C (Castagnoli, as in iSCSI and TFRecord) of the whole file but for those eight
//!   digits, in lower-case hexadecimal: of all bytes before them, followed by all bytes after them.
//! - `bytes` is the length of the whole file in twelve decimal digits.
//! - `version` is the version of the layout, [`FORMAT_VERSION`].
//! - `metadata` is the caller's.
//!
//! The header always begins with this entry, and `checksum` and `bytes` always come first in it, so that they
//! lie at the same place in every file of every version. A CRC of 32 bits finds every error that is confined
//! to 32 neighbouring bits, so each single flipped bit and each altered byte, and misses one in four thousand
//! million of the others. It guards against failing disks, not against forgers.
//!
//! The same content gives the same bytes: arrays are sorted by type and name, the metadata's keys by name.

pub mod atomic_file;
mod container;
mod error;
mod folder;
mod tensor;

pub use container::{Checkpoint, FORMAT_VERSION};
pub use error::{CheckpointError, FileError};
pub use folder::{CheckpointFolder, Found};
pub use tensor::{ElementType, Tensor};

//! Everything that can be wrong with a checkpoint and with its file.

use std::io;
use std::path::PathBuf;

use crate::{ElementType, FORMAT_VERSION};

/// Why the bytes or the content of a checkpoint cannot be used, wherever they come from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// There are fewer bytes than were written.
    #[error("the checkpoint is cut short: it has {found} bytes and should have {expected}")]
    Truncated {
        /// The number of bytes.
        found: u64,
        /// The number that was written, or the least that a checkpoint has where that is lost too.
        expected: u64,
    },
    /// The bytes are not what was written.
    #[error("the checkpoint is damaged: {reason}")]
    Corrupt {
        /// What does not fit.
        reason: String,
    },
    /// The bytes are intact but not of the layout that this program reads.
    #[error(
        "the checkpoint has format version {found}, and this program reads version {FORMAT_VERSION}: \
         use the release of gradus that wrote it"
    )]
    WrongVersion {
        /// Its version.
        found: u64,
    },
    /// An array that the reader needs is not in the checkpoint.
    #[error("the checkpoint has no array `{name}`; it has {}", list(.present))]
    MissingTensor {
        /// The name asked for.
        name: String,
        /// The names of the arrays that are there.
        present: Vec<String>,
    },
    /// An array has another shape than the reader needs: the checkpoint belongs to another network or
    /// configuration.
    #[error(
        "the checkpoint's array `{name}` has shape {found:?}, and {expected:?} is needed: \
         it was saved for another network or configuration"
    )]
    WrongShape {
        /// The array.
        name: String,
        /// The shape that the reader needs.
        expected: Vec<usize>,
        /// The shape in the checkpoint.
        found: Vec<usize>,
    },
    /// An array has elements of another type than the reader needs.
    #[error("the checkpoint's array `{name}` has elements of type {found}, and {expected} is needed")]
    WrongType {
        /// The array.
        name: String,
        /// The type that the reader needs.
        expected: ElementType,
        /// The type in the checkpoint.
        found: ElementType,
    },
    /// The metadata are not what the reader expects.
    #[error("the checkpoint's metadata are not what this program expects: {source}")]
    BadMetadata {
        /// The first thing that does not fit.
        source: serde_json::Error,
    },
    /// An array has a name that the format needs for itself.
    #[error("an array of a checkpoint cannot be called `{name}`: safetensors reserves that name")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// The content cannot be put into the format (a header of more than 100 MB, say).
    #[error("the checkpoint cannot be put into the safetensors format: {source}")]
    NotRepresentable {
        /// What the format refuses.
        source: safetensors::SafeTensorError,
    },
    /// The shape of an array does not fit the number of its elements.
    #[error("an array of shape {shape:?} has another number of elements than the {elements} given")]
    ShapeMismatch {
        /// The shape given.
        shape: Vec<usize>,
        /// The number of elements given.
        elements: usize,
    },
}

/// Why a checkpoint could not be written to a file or read from one; always says which.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("there is no checkpoint {}", path.display())]
    NotFound {
        /// The file asked for.
        path: PathBuf,
    },
    /// The folder holds no checkpoint at all.
    #[error("there is no checkpoint in {}: the run ended before its first one", folder.display())]
    NoneInFolder {
        /// The folder of checkpoints.
        folder: PathBuf,
    },
    /// The file or folder is there, but the system does not let it be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be written; one that was there before is unchanged.
    #[error("cannot write the checkpoint {}: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What the file holds, or was to hold, is no checkpoint.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The newest checkpoint of a folder does not load.
    #[error("{source}; {}", earlier_sentence(.usable.as_ref()))]
    NewestDamaged {
        /// What is wrong with the newest one.
        source: Box<FileError>,
        /// The newest one that does load, if any.
        usable: Option<PathBuf>,
    },
}

fn earlier_sentence(usable: Option<&PathBuf>) -> String {
    match usable {
        Some(path) => format!("{} is earlier and still loads", path.display()),
        None => "no earlier checkpoint of this run loads either".to_owned(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

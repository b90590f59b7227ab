//! Everything that can be wrong with a checkpoint.

use std::io;
use std::path::PathBuf;

use super::{ElementType, FORMAT_VERSION};

/// Why a checkpoint could not be written, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
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
    /// The file is shorter than it was written.
    #[error("the checkpoint {} is cut short: it has {found} bytes and should have {expected}",
            path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
        /// The length it was written with, or the least that a checkpoint has where that is lost too.
        expected: u64,
    },
    /// The file is not what was written.
    #[error("the checkpoint {} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file is intact but not of the layout that this program reads.
    #[error("the checkpoint {} has format version {found}, and this program reads version {FORMAT_VERSION}: \
             use the release of gradus that wrote it", path.display())]
    WrongVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// The newest checkpoint of a folder does not load.
    #[error("{source}; {}", earlier_sentence(.usable.as_ref()))]
    NewestDamaged {
        /// What is wrong with the newest one.
        source: Box<CheckpointError>,
        /// The newest one that does load, if any.
        usable: Option<PathBuf>,
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
        /// The type in the checkpoint, by its name in the format.
        found: String,
    },
    /// The metadata is not what the reader expects.
    #[error("the checkpoint's metadata is not what this program expects: {source}")]
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

fn earlier_sentence(usable: Option<&PathBuf>) -> String {
    match usable {
        Some(path) => format!("{} is earlier and still loads", path.display()),
        None => "no earlier checkpoint of this run loads either".to_owned(),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

//! Saved states of environments.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::EnvError;

/// The whole state of an environment as opaque bytes, to restore it exactly: for a checkpoint, or to try
/// several futures of one state.
///
/// Floats keep every bit. The state carries the name of what was saved, so that one task's state is not
/// taken for another's.
///
/// ```
/// use gradus_envs::State;
/// let state = State::of("Lamp", &(true, 0.25_f64));
/// assert_eq!(state.get::<(bool, f64)>("Lamp").unwrap(), (true, 0.25));
/// assert!(state.get::<(bool, f64)>("Door").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State(Vec<u8>);

impl State {
    /// Saves `content` under the `name` of what it describes.
    ///
    /// # Panics
    /// When `content` refuses to serialise: a sequence of unknown length, or a `Serialize` of its own
    /// that fails.
    pub fn of<T: Serialize + ?Sized>(name: &str, content: &T) -> Self {
        let bytes = postcard::to_allocvec(&(name, content));
        Self(bytes.expect("the content of a state serialises"))
    }

    /// What was saved under `name`.
    ///
    /// # Errors
    /// When the state has another name, or its bytes are not a `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, EnvError> {
        let unreadable = |_| EnvError::bad_state(format!("the saved state is not one of {name}"));
        let (saved, rest) = postcard::take_from_bytes::<&str>(&self.0).map_err(unreadable)?;
        if saved != name {
            return Err(EnvError::bad_state(format!("the saved state is one of {saved:?}, not of {name:?}")));
        }
        let (content, rest) = postcard::take_from_bytes(rest).map_err(unreadable)?;
        if !rest.is_empty() {
            return Err(EnvError::bad_state(format!("the saved state of {name} is too long")));
        }
        Ok(content)
    }

    /// The bytes, to store them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A state from stored bytes; restoring checks them.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

//! Flat configurations in layers: defaults, preset, file, flags, `--set key=value`.
//!
//! A table of [`Key`]s says what there is to set, in which range, and why the default is what it is.
//! [`Layers`] puts one layer over the other and reports everything that is wrong with all of them at once; what
//! comes out is a [`Config`], which is complete, in range, and writes itself to a file that gives the same
//! configuration when it is read.
//!
//! ```
//! use gradus_runner::config::{KEYS, Layers, Origin};
//!
//! let preset = toml::toml! {
//!     env = "CartPole-v1"
//!     algo = "ppo"
//!     total_steps = 100_000
//!     minibatches = 4
//! };
//! let config = Layers::new(KEYS)
//!     .table(&Origin::Preset("ppo-CartPole-v1".to_owned()), preset.clone())
//!     .set(["learning_rate=1e-3", "kl_target=none"])
//!     .resolve()?;
//! assert_eq!(config.float("learning_rate"), 1e-3);
//! assert_eq!(config.optional_float("kl_target"), None);
//! assert_eq!(config.optional_count("minibatches"), Some(4));
//!
//! let error = Layers::new(KEYS)
//!     .table(&Origin::Preset("ppo-CartPole-v1".to_owned()), preset)
//!     .set(["learnin_rate=1e-3", "gamma=1.5"])
//!     .resolve()
//!     .unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "2 problems with the configuration:\n\
//!      - gamma = 1.5 (from --set): out of range, it must be a number in [0, 1]\n\
//!      - learnin_rate = 0.001 (from --set): unknown key; did you mean learning_rate?"
//! );
//! # Ok::<(), gradus_runner::config::ConfigError>(())
//! ```

mod error;
mod key;
mod keys;
mod layered;
mod layers;
mod nearest;
mod resolved;

pub use error::{ConfigError, Origin, Problem, ProblemKind};
pub use key::{Key, Kind, Setting, reference};
pub use keys::KEYS;
pub use layered::{LookUp, layered};
pub use layers::Layers;
pub use nearest::nearest;
pub use resolved::Config;

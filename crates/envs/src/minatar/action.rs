//! What a player can press.

use serde::{Deserialize, Serialize};

/// One of the six actions that all games share, numbered as in MinAtar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Action {
    /// Nothing.
    #[default]
    Noop,
    /// Left.
    Left,
    /// Up.
    Up,
    /// Right.
    Right,
    /// Down.
    Down,
    /// Fire.
    Fire,
}

impl Action {
    /// All six, each at the place of its number.
    pub const ALL: [Self; 6] = [Self::Noop, Self::Left, Self::Up, Self::Right, Self::Down, Self::Fire];
}

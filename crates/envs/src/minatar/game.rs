//! What a game is to the environment around it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Action, Chance, Planes};
use crate::Step;

/// The state of a game, with its rules.
///
/// A game that is over stays as it is: a step then gives no reward and terminates again.
pub trait Game: Clone + Send + Serialize + DeserializeOwned {
    /// The name of the environment, without its version.
    const NAME: &'static str;

    /// What each plane of the observation shows.
    const CHANNELS: &'static [&'static str];

    /// The actions that do something in this game, in the order of their numbers.
    const MINIMAL_ACTIONS: &'static [Action];

    /// A game at its start.
    fn start<C: Chance>(chance: &mut C) -> Self;

    /// Begins anew, with the memory of the game that was if it has any on the heap.
    fn restart<C: Chance>(&mut self, chance: &mut C) {
        *self = Self::start(chance);
    }

    /// Takes one action; with `ramping` the game becomes harder as it goes on, if it is one that does.
    fn step<C: Chance>(&mut self, action: Action, ramping: bool, chance: &mut C) -> Step;

    /// Marks what there is on planes that are empty, one a channel.
    fn draw(&self, planes: &mut Planes<'_>);

    /// Whether this can be a state of the game, as far as its steps rely on it.
    fn is_sound(&self) -> bool;
}

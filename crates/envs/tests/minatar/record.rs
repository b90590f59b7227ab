//! Recorded games: how `golden/minatar/*.json` are read, and how they are played again. The head of
//! `golden/minatar.py`, which made them, says what they hold.

use std::collections::VecDeque;
use std::fmt::Debug;

use gradus_envs::minatar::{Action, Chance, Game, Grid, MinAtar};
use gradus_envs::{Outcome, Step};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) game: String,
    pub(crate) channels: Vec<String>,
    pub(crate) minimal_actions: Vec<usize>,
    attributes: Vec<String>,
    pub(crate) episodes: Vec<Episode>,
}

#[derive(Deserialize)]
pub(crate) struct Episode {
    pub(crate) kind: Kind,
    ramping: bool,
    sticky: f64,
    draws: Vec<Draw>,
    start: Vec<Value>,
    planes: String,
    steps: Vec<Recorded>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Random,
    Played,
    #[serde(rename = "far on")]
    FarOn,
    Single,
}

/// Action, draws, changed attributes, changed squares, reward, whether it is over.
type Recorded = (usize, Vec<Draw>, Vec<Value>, String, f64, u8);

/// A number of [0, 1), or one of so many whole numbers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Draw {
    Uniform(f64),
    Whole([u8; 2]),
}

/// Gives the draws of a record, and panics if others are asked for.
pub(crate) struct Replay(VecDeque<Draw>);

impl Replay {
    fn of(draws: &[Draw]) -> Self {
        Self(draws.iter().copied().collect())
    }
}

impl Chance for Replay {
    fn happens(&mut self, probability: f64) -> bool {
        match self.0.pop_front() {
            Some(Draw::Uniform(u)) => u < probability,
            other => panic!("a number of [0, 1) is asked for, and the record has {other:?}"),
        }
    }

    fn below(&mut self, n: u8) -> u8 {
        match self.0.pop_front() {
            Some(Draw::Whole([k, of])) if of == n => k,
            other => panic!("one of {n} is asked for, and the record has {other:?}"),
        }
    }
}

/// The attributes of a recorded game by name.
pub(crate) struct Attributes<'a> {
    names: &'a [String],
    values: &'a [Value],
}

impl Attributes<'_> {
    fn value(&self, name: &str) -> &Value {
        let place = self.names.iter().position(|known| known == name);
        &self.values[place.unwrap_or_else(|| panic!("there is no {name}"))]
    }

    pub(crate) fn int(&self, name: &str) -> i64 {
        self.value(name).as_i64().unwrap_or_else(|| panic!("{name} is a whole number"))
    }

    pub(crate) fn byte(&self, name: &str) -> u8 {
        self.int(name).try_into().unwrap_or_else(|_| panic!("{name} is {}", self.int(name)))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or_else(|| panic!("{name} is a flag"))
    }

    fn text(&self, name: &str) -> &str {
        self.value(name).as_str().unwrap_or_else(|| panic!("{name} is a text"))
    }

    pub(crate) fn grid(&self, name: &str) -> Grid {
        let mut grid = Grid::default();
        for square in squares(self.text(name)) {
            grid.insert((square % 10) as u8, (square / 10) as u8);
        }
        grid
    }

    pub(crate) fn ints(&self, name: &str) -> Vec<i64> {
        let numbers = self.value(name).as_array().unwrap_or_else(|| panic!("{name} is a list"));
        numbers.iter().map(|number| number.as_i64().expect("a whole number")).collect()
    }

    pub(crate) fn digits(&self, name: &str) -> Vec<u8> {
        self.text(name).bytes().map(|digit| digit_36(digit) as u8).collect()
    }

    /// The things of a list, each as its numbers; `None` where there is nothing.
    pub(crate) fn things(&self, name: &str) -> Vec<Option<Vec<u8>>> {
        let digits = |thing: &str| thing.bytes().map(|digit| digit_36(digit) as u8).collect();
        let words = self.text(name).split_whitespace();
        words.map(|word| (word != "-").then(|| digits(word))).collect()
    }
}

fn digit_36(digit: u8) -> usize {
    char::from(digit).to_digit(36).expect("a digit of base 36") as usize
}

/// Indices of two digits each.
fn squares(text: &str) -> impl Iterator<Item = usize> {
    text.as_bytes().chunks_exact(2).map(|pair| 36 * digit_36(pair[0]) + digit_36(pair[1]))
}

/// A game whose record can be read.
pub(crate) trait Known: Game + Debug + PartialEq {
    const TEXT: &'static str;
    fn read(attributes: &Attributes<'_>) -> Self;

    fn golden() -> Golden {
        serde_json::from_str(Self::TEXT).expect("the golden file reads")
    }
}

/// One recorded step.
pub(crate) struct Turn<G> {
    pub(crate) kind: Kind,
    pub(crate) ramping: bool,
    pub(crate) before: G,
    /// What was taken, which a sticky action may have changed.
    pub(crate) action: Action,
    pub(crate) after: G,
    pub(crate) reward: f64,
    pub(crate) over: bool,
}

/// The environment of an episode at its recorded start.
fn begin<G: Known>(episode: &Episode, game: G, last_action: Action) -> MinAtar<G> {
    MinAtar::default()
        .with_sticky_actions(episode.sticky)
        .expect("a probability")
        .with_difficulty_ramping(episode.ramping)
        .with_full_action_set()
        .with_state(game, last_action)
}

fn read<G: Known>(names: &[String], values: &[Value]) -> (G, Action) {
    let attributes = Attributes { names, values };
    (G::read(&attributes), Action::ALL[attributes.int("last_action") as usize])
}

fn row<G: Known>(on: &[bool]) -> Vec<f32> {
    assert_eq!(on.len(), 100 * G::CHANNELS.len());
    on.iter().map(|&on| f32::from(u8::from(on))).collect()
}

/// Plays all recorded games again with `step`, each from its start to its end, or with `restart` each step
/// from its recorded state; gives the first difference in state, observation, reward or end, and else each
/// step to `look`.
pub(crate) fn follow<G: Known>(
    golden: &Golden,
    restart: bool,
    step: impl Fn(&mut MinAtar<G>, Action, &mut Replay) -> Step,
    mut look: impl FnMut(&Turn<G>),
) -> Result<(), String> {
    for (e, episode) in golden.episodes.iter().enumerate() {
        let mut values = episode.start.clone();
        let (start, last_action) = read::<G>(&golden.attributes, &values);
        let mut on = vec![false; 100 * G::CHANNELS.len()];
        squares(&episode.planes).for_each(|square| on[square] = true);
        let mut env = begin(episode, start, last_action);
        let mut observation = vec![0.5; on.len()];
        env.observe(&mut observation);
        if observation != row::<G>(&on) {
            return Err(format!("episode {e}: the first observation differs"));
        }
        for (t, (action, draws, changes, squares_changed, reward, over)) in episode.steps.iter().enumerate() {
            let (before, last_action) = read::<G>(&golden.attributes, &values);
            for change in changes.chunks_exact(2) {
                values[change[0].as_u64().expect("an index") as usize] = change[1].clone();
            }
            squares(squares_changed).for_each(|square| on[square] = !on[square]);
            let (after, taken) = read::<G>(&golden.attributes, &values);
            if restart {
                env = begin(episode, before.clone(), last_action);
            }
            let mut chance = Replay::of(draws);
            let given = step(&mut env, Action::ALL[*action], &mut chance);
            env.observe(&mut observation);
            let outcome = if *over == 1 { Outcome::Terminated } else { Outcome::Running };
            let same = env.game() == &after
                && env.last_action() == taken
                && given == Step { reward: *reward, outcome }
                && observation == row::<G>(&on)
                && chance.0.is_empty();
            if !same {
                let found = format!("{:?} and {given:?}", env.game());
                let place = format!("episode {e} ({:?}), step {t}", episode.kind);
                return Err(format!("{place}: from {before:?} with {taken:?} to {found}, not {after:?}"));
            }
            let over = outcome.is_over();
            let (kind, ramping) = (episode.kind, episode.ramping);
            look(&Turn { kind, ramping, before, action: taken, after, reward: *reward, over });
        }
    }
    Ok(())
}

/// Holds a game to its record: how it starts, every step from its recorded state, and every game from its
/// start to its end. Gives the steps of whole games to `look`, not those from scattered states.
pub(crate) fn check<G: Known>(mut look: impl FnMut(&Turn<G>)) {
    let golden = G::golden();
    assert_eq!(G::NAME.to_lowercase(), format!("minatar/{}", golden.game.replace('_', "")));
    let channels = golden.channels.iter().map(|name| name.replace("guage", "gauge"));
    assert!(channels.eq(G::CHANNELS.iter().copied()), "{:?}", golden.channels);
    let minimal: Vec<Action> = golden.minimal_actions.iter().map(|&a| Action::ALL[a]).collect();
    assert_eq!(minimal, G::MINIMAL_ACTIONS);
    for episode in golden.episodes.iter().filter(|it| matches!(it.kind, Kind::Random | Kind::Played)) {
        let mut chance = Replay::of(&episode.draws);
        let start = G::start(&mut chance);
        assert_eq!(start, read::<G>(&golden.attributes, &episode.start).0);
        assert!(chance.0.is_empty(), "draws that nobody asked for");
    }
    for restart in [true, false] {
        let followed = follow(&golden, restart, MinAtar::play, |turn| {
            if turn.kind != Kind::Single && !restart {
                look(turn);
            }
        });
        followed.unwrap_or_else(|difference| panic!("{}: {difference}", G::NAME));
    }
}

/// That the record tells the game from one with other rules, where `step` plays by these.
pub(crate) fn refuse<G: Known>(step: impl Fn(&mut MinAtar<G>, Action, &mut Replay) -> Step) {
    for restart in [true, false] {
        assert!(follow(&G::golden(), restart, &step, |_| {}).is_err(), "{}: other rules pass", G::NAME);
    }
}

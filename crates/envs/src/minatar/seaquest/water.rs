//! What is in the water of Seaquest: how it comes, moves and meets.

use super::{
    Bullet, DEEPEST, DIVER_INTERVAL, DIVER_WAIT, ENEMY_SHOT_INTERVAL, LAST, MOST_DIVERS, SUBMARINE, Seaquest,
    Submarine, Swimmer, beside,
};
use crate::minatar::Chance;

/// What becomes of an enemy in a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Leaves,
    IsShot,
}

/// Something on a square.
pub(super) trait Placed {
    fn place(&self) -> (u8, u8);
}

impl Placed for Bullet {
    #[inline]
    fn place(&self) -> (u8, u8) {
        (self.x, self.y)
    }
}

impl Placed for Swimmer {
    #[inline]
    fn place(&self) -> (u8, u8) {
        (self.x, self.y)
    }
}

impl Placed for Submarine {
    #[inline]
    fn place(&self) -> (u8, u8) {
        self.hull.place()
    }
}

/// Removes the first thing on this square, and tells whether there was one.
#[inline]
fn hit<T: Placed>(things: &mut Vec<T>, place: (u8, u8)) -> bool {
    let first = things.iter().position(|thing| thing.place() == place);
    first.map(|i| things.remove(i)).is_some()
}

/// Removes thing i, or rather the first that equals it, as MinAtar's package does. Who goes through the
/// things from the last to the first then comes to i once more, in place of the other.
#[inline]
fn take<T: PartialEq + Copy>(things: &mut Vec<T>, i: usize) {
    let thing = things[i];
    let first = things.iter().position(|other| *other == thing);
    things.remove(first.unwrap_or(i));
}

impl Seaquest {
    #[inline]
    pub(super) fn place(&self) -> (u8, u8) {
        (self.x, self.y)
    }

    fn spawn_enemy<C: Chance>(&mut self, chance: &mut C) {
        let right = chance.happens(0.5);
        let is_submarine = chance.happens(SUBMARINE);
        let y = 1 + chance.below(DEEPEST);
        let mut others = self.fish.iter().chain(self.submarines.iter().map(|submarine| &submarine.hull));
        if others.any(|other| other.y == y && other.right != right) {
            return;
        }
        let hull = Swimmer { x: if right { 0 } else { LAST }, y, right, timer: self.enemy_wait };
        if is_submarine {
            self.submarines.push(Submarine { hull, shot_timer: ENEMY_SHOT_INTERVAL });
        } else {
            self.fish.push(hull);
        }
    }

    fn spawn_diver<C: Chance>(&mut self, chance: &mut C) {
        let right = chance.happens(0.5);
        let y = 1 + chance.below(DEEPEST);
        self.divers.push(Swimmer { x: if right { 0 } else { LAST }, y, right, timer: DIVER_WAIT });
    }

    pub(super) fn spawn<C: Chance>(&mut self, chance: &mut C) {
        if self.enemy_timer == 0 {
            self.spawn_enemy(chance);
            self.enemy_timer = self.enemy_interval;
        }
        if self.diver_timer == 0 {
            self.spawn_diver(chance);
            self.diver_timer = DIVER_INTERVAL;
        }
    }

    /// Moves our bullets, the youngest first, and gives the number of hits.
    pub(super) fn move_bullets(&mut self) -> u32 {
        let mut hits = 0;
        for i in (0..self.bullets.len()).rev() {
            let bullet = &mut self.bullets[i];
            let Some(x) = beside(bullet.x, bullet.right) else {
                self.bullets.remove(i);
                continue;
            };
            bullet.x = x;
            let place = bullet.place();
            if hit(&mut self.fish, place) || hit(&mut self.submarines, place) {
                take(&mut self.bullets, i);
                hits += 1;
            }
        }
        hits
    }

    pub(super) fn move_divers(&mut self) {
        for i in (0..self.divers.len()).rev() {
            if self.pick_up(i) {
                continue;
            }
            let diver = &mut self.divers[i];
            if diver.timer > 0 {
                diver.timer -= 1;
                continue;
            }
            diver.timer = DIVER_WAIT;
            match beside(diver.x, diver.right) {
                Some(x) => {
                    diver.x = x;
                    self.pick_up(i);
                }
                None => {
                    self.divers.remove(i);
                }
            }
        }
    }

    /// Takes diver i on board, if it is here and there is room.
    fn pick_up(&mut self, i: usize) -> bool {
        let picks = self.divers[i].place() == self.place() && self.n_divers < MOST_DIVERS;
        if picks {
            take(&mut self.divers, i);
            self.n_divers += 1;
        }
        picks
    }

    /// One step of an enemy, and what becomes of it.
    fn swim(&mut self, mut hull: Swimmer) -> (Swimmer, Fate) {
        self.over |= hull.place() == self.place();
        if hull.timer > 0 {
            hull.timer -= 1;
            return (hull, Fate::Stays);
        }
        hull.timer = self.enemy_wait;
        let Some(x) = beside(hull.x, hull.right) else { return (hull, Fate::Leaves) };
        hull.x = x;
        if hull.place() == self.place() {
            self.over = true;
            return (hull, Fate::Stays);
        }
        let is_shot = hit(&mut self.bullets, hull.place());
        (hull, if is_shot { Fate::IsShot } else { Fate::Stays })
    }

    /// Moves enemy submarines, which may shoot, also when they are hit; gives the number of hits.
    pub(super) fn move_submarines(&mut self) -> u32 {
        let mut hits = 0;
        for i in (0..self.submarines.len()).rev() {
            let (hull, fate) = self.swim(self.submarines[i].hull);
            let submarine = &mut self.submarines[i];
            submarine.hull = hull;
            if submarine.shot_timer == 0 && fate != Fate::Leaves {
                self.enemy_bullets.push(Bullet { x: hull.x, y: hull.y, right: hull.right });
                submarine.shot_timer = ENEMY_SHOT_INTERVAL;
            } else {
                submarine.shot_timer = submarine.shot_timer.saturating_sub(1);
            }
            if fate != Fate::Stays {
                self.submarines.remove(i);
                hits += u32::from(fate == Fate::IsShot);
            }
        }
        hits
    }

    pub(super) fn move_enemy_bullets(&mut self) {
        for i in (0..self.enemy_bullets.len()).rev() {
            let bullet = &mut self.enemy_bullets[i];
            self.over |= bullet.place() == (self.x, self.y);
            match beside(bullet.x, bullet.right) {
                Some(x) => {
                    bullet.x = x;
                    self.over |= bullet.place() == (self.x, self.y);
                }
                None => {
                    self.enemy_bullets.remove(i);
                }
            }
        }
    }

    /// Moves fish, and gives the number of hits.
    pub(super) fn move_fish(&mut self) -> u32 {
        let mut hits = 0;
        for i in (0..self.fish.len()).rev() {
            let (fish, fate) = self.swim(self.fish[i]);
            self.fish[i] = fish;
            match fate {
                Fate::Stays => {}
                Fate::Leaves => {
                    self.fish.remove(i);
                }
                Fate::IsShot => {
                    take(&mut self.fish, i);
                    hits += 1;
                }
            }
        }
        hits
    }
}

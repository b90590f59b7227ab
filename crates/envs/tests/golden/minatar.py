"""Records games of the package minatar 1.0.15 for crates/envs/tests/minatar: python minatar.py [FOLDER]

It uses the package's public functions and the attributes that a live game has, and replaces the generators of
random numbers by one that keeps a log. Each game gives a file of episodes:

- games with random actions, as they come;
- games of a player that looks a few steps ahead in copies of the game, and so gets far;
- games of that player which begin far on, where attributes have been set before the first step;
- single steps from states with everything at random places, for what hardly ever comes together.

A file has `attributes`, the names of what a state lists, and `episodes`. An episode has `kind`, `ramping`,
`sticky` (the probability of a sticky action), `draws` (those of the reset), `start` (the state), `planes` (the
squares that are on in the first observation), and `steps`. A step is

    [action, draws, changes, squares, reward, terminal]

with the action asked for, the draws in order (a number between 0 and 1 is itself, one of n whole numbers from
`low` on is [number − low, n]), the attributes that changed as index, value, index, value, …, and the squares of
the observation that changed. Squares are a string of two digits of base 36 each, of c·100 + y·10 + x for
channel c, row y and column x; so are the attributes `*_map`, whose channel is 0. Of the lists in `cars`, the
first numbers of all, the second ones and so on are an attribute each. The other lists of lists are a string in
which a space follows each list but the last, each number is a digit of base 36, and `-` stands for nothing. The
draws between 0 and 1 are in the middle of thousandths, so that they are exact in few digits.
"""

import copy
import json
import random
import sys
from pathlib import Path

sys.path.pop(0)  # this file has the name of the package
import minatar  # noqa: E402
import numpy as np  # noqa: E402

VERSION = "1.0.15"
NOT_STATE = {"channels", "action_map", "random", "ramping"}


class Generator:
    """Stands in for numpy's generator, and writes down what it gives."""

    def __init__(self, seed, log):
        self.numbers = random.Random(seed)
        self.log = log

    def rand(self, n=None):
        if n is not None:
            return np.array([self.rand() for _ in range(n)])
        number = (self.numbers.randrange(1000) + 0.5) / 1000
        self.log.append(round(number, 4))
        return number

    def randint(self, low, high=None, size=None):
        if size is not None:
            return np.array([self.randint(low, high) for _ in range(size)])
        low, high = (0, low) if high is None else (low, high)
        k = self.numbers.randrange(high - low)
        self.log.append([k, high - low])
        return low + k


def make(name, seed, ramping=True, sticky=0.1):
    env = minatar.Environment(name, sticky_action_prob=sticky, difficulty_ramping=ramping)
    # Two of them, so that a copy of the game alone draws what the game will.
    log = []
    env.random, env.env.random = Generator(f"sticky {seed}", log), Generator(seed, log)
    env.reset()
    return env


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base_36(numbers):
    return "".join(DIGITS[n // 36] + DIGITS[n % 36] for n in numbers)


def plain(value):
    """An attribute as JSON has it."""
    if isinstance(value, np.ndarray):
        return base_36(int(y) * 10 + int(x) for y, x in np.argwhere(value))
    if isinstance(value, list):
        return " ".join("".join(DIGITS[int(v)] for v in thing) if thing else "-" for thing in value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return value


def state_of(env):
    """The state as a dictionary, in a fixed order."""
    state = {"last_action": env.last_action}
    for name, value in vars(env.env).items():
        if name == "cars":
            columns = [[int(v) for v in column] for column in zip(*value)]
            state.update({f"cars.{k}": "".join(map(str, columns[k])) for k in range(3)})
            state["cars.3"] = columns[3]
        elif name not in NOT_STATE:
            state[name] = plain(value)
    return state


def squares_of(env):
    return sorted(int(c) * 100 + int(y) * 10 + int(x) for y, x, c in np.argwhere(env.state()))


def record(env, kind, ramping, player, limit):
    """Plays an episode, and writes it down."""
    state, squares = list(state_of(env).values()), squares_of(env)
    steps = []
    episode = {"kind": kind, "ramping": ramping, "sticky": env.sticky_action_prob}
    episode["draws"] = list(env.random.log)
    episode.update(start=state, planes=base_36(squares), steps=steps)
    for _ in range(limit):
        action = player(env)
        env.random.log.clear()
        reward, terminal = env.act(action)
        new_state, new_squares = list(state_of(env).values()), squares_of(env)
        changes = [x for i, (u, v) in enumerate(zip(state, new_state)) if u != v for x in (i, v)]
        changed = base_36(sorted(set(squares) ^ set(new_squares)))
        steps.append([action, list(env.random.log), changes, changed, int(reward), int(terminal)])
        state, squares = new_state, new_squares
        if terminal:
            break
    return episode


# Players.


def at_random(seed):
    numbers = random.Random(seed)
    return lambda env: numbers.randrange(6)


class Planner:
    """Tries random continuations in copies of the game, and that of the step before, and begins the best: rewards
    count, the end costs, and `worth` says what else is good about a state."""

    def __init__(self, seed, worth=lambda game: 0.0, tries=24, depth=9):
        self.numbers = random.Random(seed)
        self.worth, self.tries, self.depth = worth, tries, depth
        self.plan = None

    def __call__(self, env):
        actions = env.minimal_action_set()
        best, best_value = None, None
        for k in range(self.tries):
            game = copy.deepcopy(env.env)
            plan = [self.numbers.choice(actions) for _ in range(self.depth)]
            plan[0] = actions[k % len(actions)]
            if k == 0 and self.plan:
                plan = self.plan[1:] + plan[-1:]
            elif k % 3 == 0:
                plan[1:] = [0] * (self.depth - 1)
            value = 0.0
            for t, action in enumerate(plan):
                reward, terminal = game.act(action)
                value += float(reward) * 0.97**t
                if terminal:
                    value -= 30.0 - t
                    break
            value += self.worth(game)
            if best_value is None or value > best_value:
                best, best_value = plan, value
        self.plan = best
        return best[0]


class Batter:
    """Looks where the ball in Breakout will arrive, and goes there, or to where it comes from."""

    def __init__(self, seed):
        self.numbers = random.Random(seed)
        self.flight, self.choice = None, 0

    def __call__(self, env):
        game = copy.deepcopy(env.env)
        game.pos = -5
        while not game.terminal:
            game.act(0)
        arrival = (game.last_x, game.ball_x)
        if arrival != self.flight:
            self.flight, self.choice = arrival, self.numbers.randrange(2)
        target = arrival[self.choice]
        return 0 if target == env.env.pos else 1 if target < env.env.pos else 3


def walk(env):
    """Goes up in Freeway, unless a car will be in the way when it does; the test wants hits too, so not always."""
    if env.env.move_timer or env.env.terminate_timer % 11 == 0:
        return 2
    for action in (2, 0, 4):
        game = copy.deepcopy(env.env)
        for t in range(3):
            before = game.pos
            game.act(action if t == 0 else 0)
            if game.pos == 9 and before not in (8, 9) and before > 1:
                break
        else:
            return action
    return 0


def seaquest_worth(game):
    up = game.diver_count == 6 or (game.oxygen < 60 and game.diver_count != 0)
    worth = 2.0 * game.diver_count + 0.2 * min(game.oxygen, 60)
    if up:
        return worth - 0.6 * game.sub_y
    near = [abs(d[0] - game.sub_x) + abs(d[1] - game.sub_y) for d in game.divers]
    return worth - 0.1 * min(near, default=0) - (1.5 if game.sub_y == 0 else 0.0)


def invaders_worth(game):
    columns = [x for x in range(10) if game.alien_map[:, x].any()]
    return -0.1 * min((abs(x - game.pos) for x in columns), default=0)


# States with everything at random places.


def a_set(numbers, p, rows=range(10)):
    squares = np.zeros((10, 10))
    for y in rows:
        for x in range(10):
            squares[y, x] = numbers.random() < p
    return squares


def block(top, bottom, left, right):
    squares = np.zeros((10, 10))
    squares[top:bottom, left:right] = 1
    return squares


def around(x, y):
    """What meets a player at (x, y) wherever it goes."""
    return [[x - 1, y, True], [x - 1, y - 1, True], [x - 1, y + 1, True], [x + 1, y, False]]


def scatter_breakout(game, r):
    flag = lambda: r.random() < 0.5  # noqa: E731
    game.ball_x, game.ball_y, game.ball_dir = r.randrange(10), r.choice([8, r.randrange(9)]), r.randrange(4)
    game.pos = r.choice([game.ball_x, r.randrange(10)])
    game.last_x, game.last_y, game.strike = r.randrange(10), r.randrange(9), flag()
    game.brick_map = a_set(r, r.choice([0, 0.05, 0.5]), range(1, 4))


def scatter_asterix(game, r):
    flag = lambda p=0.5: r.random() < p  # noqa: E731
    game.player_x, game.player_y = r.randrange(10), r.randrange(1, 9)
    game.spawn_speed, game.move_speed = r.randrange(1, 11), r.randrange(1, 6)
    game.spawn_timer, game.move_timer = r.choice([0, 0, 1, 5]), r.choice([0, 0, 1, 3])
    game.ramp_timer, game.ramp_index = r.choice([-1, 0, 1, 50]), r.randrange(10)
    p = r.choice([0.2, 0.5, 1])
    game.entities = [[r.randrange(10), y, flag(), flag()] if flag(p) else None for y in range(1, 9)]
    if flag():
        x, y = game.player_x + r.choice([-1, 0, 1]), game.player_y
        game.entities[y - 1] = [min(9, max(0, x)), y, flag(), flag()]


def scatter_freeway(game, r):
    game.pos, game.move_timer = r.randrange(1, 10), r.randrange(4)
    game.terminate_timer = r.choice([0, 1, 77, 2500])
    x = lambda: r.choice([3, 4, 5, r.randrange(10)])  # noqa: E731
    game.cars = [[x(), y, r.randrange(3), r.choice([-1, 1]) * r.randrange(1, 6)] for y in range(1, 9)]


def scatter_seaquest(game, r):
    flag = lambda: r.random() < 0.5  # noqa: E731
    game.oxygen, game.diver_count = r.choice([0, 1, 19, 20, r.randrange(201)]), r.choice([-2, -1, 0, 1, 5, 6])
    game.sub_or, game.sub_y = flag(), r.choice([0, 1, r.randrange(9)])
    game.sub_x = r.randrange(1, 10) if game.sub_or else r.randrange(9)
    game.surface, game.shot_timer = game.sub_y == 0 and flag(), r.choice([0, 0, 1, 4])
    game.e_spawn_speed, game.move_speed, game.ramp_index = r.choice([1, 2, 19, 20]), r.randrange(2, 6), r.randrange(20)
    game.e_spawn_timer, game.d_spawn_timer = r.choice([0, 1, 5]), r.choice([0, 1, 5])
    rows = [r.choice([max(1, game.sub_y), r.randrange(1, 9)]) for _ in range(2)]
    x = lambda: min(9, max(0, r.choice([r.randrange(10), game.sub_x + r.randrange(-2, 3)])))  # noqa: E731
    wait = lambda: r.choice([0, 0, 1, 4])  # noqa: E731
    some = lambda: range(r.randrange(3))  # noqa: E731
    game.f_bullets = [[x(), r.choice(rows), flag()] for _ in some()]
    game.e_bullets = [[x(), r.choice(rows), flag()] for _ in some()]
    game.e_fish = [[x(), r.choice(rows), flag(), wait()] for _ in some()]
    game.e_subs = [[x(), r.choice(rows), flag(), wait(), wait()] for _ in some()]
    game.divers = [[x(), r.choice(rows), flag(), wait()] for _ in some()]


def scatter_space_invaders(game, r):
    flag = lambda p=0.5: r.random() < p  # noqa: E731
    game.pos, game.alien_dir = r.randrange(10), r.choice([-1, 1])
    game.enemy_move_interval = r.randrange(6, 13)
    game.ramp_index = 12 - game.enemy_move_interval
    game.shot_timer = r.choice([0, 0, 1, 4])
    game.alien_move_timer, game.alien_shot_timer = r.choice([0, 0, 1, 5]), r.choice([0, 0, 1, 5])
    game.f_bullet_map, game.e_bullet_map = a_set(r, r.choice([0, 0.05])), a_set(r, r.choice([0, 0.05]))
    game.alien_map = a_set(r, r.choice([0, 0.05, 0.2]), range(r.choice([9, 10])))
    if flag(0.3):
        game.alien_map[:, 0] = game.alien_map[:, 9] = 0
    if not game.alien_map.any():
        game.alien_map[r.randrange(1, 9), r.randrange(10)] = 1


# What is recorded of each game.




PLAYERS = {
    "breakout": Batter,
    "asterix": lambda seed: Planner(seed, tries=40, depth=14),
    "freeway": lambda seed: walk,
    "seaquest": lambda seed: Planner(seed, seaquest_worth, tries=36, depth=8),
    "space_invaders": lambda seed: Planner(seed, invaders_worth, tries=24, depth=10),
}
SCATTER = {
    "breakout": scatter_breakout,
    "asterix": scatter_asterix,
    "freeway": scatter_freeway,
    "seaquest": scatter_seaquest,
    "space_invaders": scatter_space_invaders,
}
# Games of the player: (attributes to begin with, ramping, probability of a sticky action, most steps).
PLAYED = {
    "breakout": [
        ({}, True, 0.0, 2000),
        ({}, True, 0.1, 700),
        ({}, False, 0.0, 300),
        ({"brick_map": block(3, 4, 5, 6), "ball_y": 5}, True, 0.0, 100),
        ({"brick_map": block(0, 0, 0, 0), "ball_x": 0, "ball_y": 7, "ball_dir": 2, "pos": 9}, True, 0.0, 10),
    ],
    "asterix": [
        ({}, True, 0.0, 1500),
        ({}, True, 0.1, 600),
        ({}, False, 0.1, 300),
        ({"spawn_speed": 3, "move_speed": 2, "ramp_index": 7}, True, 0.1, 300),
        ({"spawn_speed": 2, "move_speed": 1, "ramp_index": 8}, True, 0.0, 300),
    ],
    "freeway": [({}, True, 0.0, 2501), ({}, True, 0.1, 500)],
    "seaquest": [
        ({}, True, 0.0, 1300),
        ({}, True, 0.1, 500),
        ({}, False, 0.1, 250),
        ({"diver_count": 5, "e_spawn_speed": 13, "move_speed": 2, "ramp_index": 7}, True, 0.0, 300),
        ({"diver_count": 3, "e_spawn_speed": 3, "move_speed": 2, "ramp_index": 17}, True, 0.0, 250),
        ({"diver_count": 6, "e_spawn_speed": 2, "move_speed": 2, "ramp_index": 18}, True, 0.0, 250),
        ({"sub_y": 2, "surface": False, "oxygen": 30, "diver_count": 3, "e_spawn_speed": 1, "move_speed": 2,
          "ramp_index": 19}, True, 0.0, 250),
        # Without air; with less than no diver; with no room for one; between bullets; between submarines.
        ({"sub_y": 5, "surface": False, "oxygen": 3}, True, 0.0, 10),
        ({"sub_y": 4, "surface": False, "oxygen": 20, "diver_count": -1}, True, 0.0, 30),
        ({"sub_y": 4, "surface": False, "diver_count": 6, "divers": [[5, 4, True, 2], [2, 3, True, 0]]}, True, 0.0, 40),
        ({"sub_y": 4, "surface": False, "e_bullets": around(5, 4)}, True, 0.0, 10),
        ({"sub_y": 4, "surface": False, "e_subs": [it + [0, 9] for it in around(5, 4)]}, True, 0.0, 10),
    ],
    "space_invaders": [
        ({}, True, 0.0, 1600),
        ({}, True, 0.1, 600),
        ({}, False, 0.1, 300),
        ({"enemy_move_interval": 7, "ramp_index": 5}, True, 0.0, 500),
        ({"alien_map": block(5, 9, 2, 8), "f_bullet_map": block(9, 10, 3, 6)}, True, 0.0, 100),
        ({"alien_map": block(4, 8, 0, 6), "f_bullet_map": block(9, 10, 0, 2)}, True, 0.1, 100),
        # Onto the cannon; at it already; at the wall in the last row.
        ({"alien_map": block(8, 10, 4, 8), "alien_move_timer": 0, "alien_dir": 1, "pos": 8,
          "e_bullet_map": block(8, 9, 9, 10)}, True, 0.0, 10),
        ({"alien_map": block(8, 10, 2, 8)}, True, 0.0, 10),
        ({"alien_map": block(8, 10, 0, 3), "alien_move_timer": 0, "pos": 8}, True, 0.0, 10),
    ],
}
RANDOM_STEPS = 400
SINGLE_STEPS = 150


def episodes_of(name):
    seed = 0
    left = RANDOM_STEPS
    while left > 0:
        seed += 1
        ramping = seed % 3 > 0
        episode = record(make(name, seed, ramping), "random", ramping, at_random(seed), left)
        left -= len(episode["steps"])
        yield episode
    for attributes, ramping, sticky, limit in PLAYED[name]:
        seed += 1
        env = make(name, seed, ramping, sticky)
        for attribute, value in attributes.items():
            setattr(env.env, attribute, value)
        kind = "far on" if attributes else "played"
        yield record(env, kind, ramping, PLAYERS[name](seed), limit)
    numbers = random.Random(f"scatter {name}")
    for _ in range(SINGLE_STEPS):
        seed += 1
        ramping = seed % 3 > 0
        env = make(name, seed, ramping)
        env.last_action = numbers.randrange(6)
        SCATTER[name](env.env, numbers)
        yield record(env, "single", ramping, at_random(seed), 1)


def write(name, folder):
    env = minatar.Environment(name)
    golden = {
        "game": env.game_name(),
        "minatar": VERSION,
        "about": "made by minatar.py, whose head says what it holds",
        "channels": sorted(env.env.channels, key=env.env.channels.get),
        "minimal_actions": env.minimal_action_set(),
        "attributes": list(state_of(env)),
    }
    episodes = list(episodes_of(name))
    compact = {"separators": (",", ":")}
    lines = ",\n".join(json.dumps(episode, **compact) for episode in episodes)
    head = json.dumps(golden, **compact)
    path = folder / f"{name}.json"
    path.write_text(f'{head[:-1]},"episodes":[\n{lines}\n]}}\n')
    played = [(e["kind"], len(e["steps"]), sum(s[4] for s in e["steps"])) for e in episodes if e["kind"] != "single"]
    print(name, path.stat().st_size, "bytes;", played)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "minatar")
    target.mkdir(exist_ok=True)
    for game_name in sys.argv[2:] or PLAYERS:
        write(game_name, target)

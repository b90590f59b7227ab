//! Which known name a mistyped one was meant to be.

/// The candidate that is most like `name`, if any is like enough to be what was meant.
///
/// The distance counts letters inserted, left out, replaced, and neighbours swapped (the optimal string
/// alignment distance); case does not count, nor whether words are joined by `-` or `_`. A third of the letters
/// may differ. Of equally near candidates one that has the name in it wins (`wgpu` for gpu, not `cpu`), then the first.
///
/// ```
/// use gradus_runner::config::nearest;
///
/// assert_eq!(nearest("learnign-rate", ["gamma", "learning_rate"]), Some("learning_rate"));
/// assert_eq!(nearest("banana", ["gamma", "learning_rate"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (given, name) = (name, normal_form(name));
    let mut best = None;
    for candidate in candidates {
        let other = normal_form(candidate);
        let distance = distance(&name, &other);
        let allowed = (name.len().max(other.len()) / 3).max(1);
        let rank = (distance, !candidate.contains(given));
        if distance <= allowed && best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn normal_form(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(a: &str, b: &str) -> usize {
        distance(&normal_form(a), &normal_form(b))
    }

    #[test]
    fn distances() {
        let known = [
            ("", "", 0),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("Learning-Rate", "learning_rate", 0),
        ];
        for (a, b, expected) in known {
            assert_eq!(between(a, b), expected, "{a} and {b}");
            assert_eq!(between(b, a), expected, "{b} and {a}");
        }
    }

    #[test]
    fn the_nearest_wins_and_the_far_are_not_suggested() {
        let names = ["n_envs", "n_steps", "epochs"];
        assert_eq!(nearest("nsteps", names), Some("n_steps"));
        assert_eq!(nearest("n_env", names), Some("n_envs"));
        assert_eq!(nearest("x", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest("cartpole-v1", ["CartPole-v1", "Pendulum-v1"]), Some("CartPole-v1"));
    }
}

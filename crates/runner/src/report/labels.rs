//! Short names that tell runs apart.

use std::path::Path;

/// A name for each folder: its own, with as many of the folders above as tell it from the others.
///
/// The folders differ; names of which a system cannot show the difference are numbered.
pub(super) fn labels(folders: &[&Path]) -> Vec<String> {
    let parts: Vec<Vec<String>> = folders
        .iter()
        .map(|folder| {
            folder.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
        })
        .collect();
    let mut depths = vec![1; folders.len()];
    let name = |index: usize, depth: usize| {
        let parts: &Vec<String> = &parts[index];
        parts[parts.len().saturating_sub(depth)..].join("/").replace("//", "/")
    };
    loop {
        let names: Vec<String> =
            depths.iter().enumerate().map(|(index, depth)| name(index, *depth)).collect();
        let is_shared = |index: usize| names.iter().filter(|other| **other == names[index]).count() > 1;
        let growing: Vec<usize> = (0..names.len())
            .filter(|&index| is_shared(index) && depths[index] < parts[index].len())
            .collect();
        if growing.is_empty() {
            return numbered(names);
        }
        for index in growing {
            depths[index] += 1;
        }
    }
}

fn numbered(names: Vec<String>) -> Vec<String> {
    let number = |(index, name): (usize, &String)| {
        let before = names[..index].iter().filter(|other| *other == name).count();
        if before == 0 { name.clone() } else { format!("{name} ({})", before + 1) }
    };
    names.iter().enumerate().map(number).collect()
}

/// Sorts paths by name, and those that end in numbers by these: `seed-2` comes before `seed-10`.
pub(super) fn counting_key(path: &Path) -> (String, u64, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].parse().unwrap_or(0);
    (stem.to_owned(), number, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(folders: &[&str]) -> Vec<String> {
        labels(&folders.iter().map(Path::new).collect::<Vec<_>>())
    }

    #[test]
    fn a_name_is_as_long_as_it_needs_to_be() {
        assert_eq!(labels_of(&["/a/x", "/a/y"]), ["x", "y"]);
        assert_eq!(labels_of(&["/a/x", "/b/x", "/b/y"]), ["a/x", "b/x", "y"]);
        assert_eq!(labels_of(&["/r/a/c/x", "/r/b/c/x"]), ["a/c/x", "b/c/x"]);
        assert_eq!(labels_of(&["/x", "/a/x"]), ["/x", "a/x"]);
        assert_eq!(labels_of(&["/"]), ["/"]);
    }

    #[test]
    fn names_that_look_alike_are_numbered() {
        assert_eq!(labels_of(&["/x", "/x"]), ["/x", "/x (2)"]);
    }

    #[test]
    fn numbers_are_counted() {
        let mut folders = ["s/seed-10", "s/seed-2", "s/b", "s/seed-1"].map(Path::new);
        folders.sort_by_cached_key(|path| counting_key(path));
        assert_eq!(folders, ["s/b", "s/seed-1", "s/seed-2", "s/seed-10"].map(Path::new));
    }
}

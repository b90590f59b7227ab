//! Running the command, and looking at what it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gradus_checkpoint::Checkpoint;
use tempfile::TempDir;

/// A place to run the command in.
pub(crate) struct Place(TempDir);

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command, with arguments that blanks divide, to be run here.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradus"));
        command.args(args.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &str) -> Said {
        said(self.command(args).output().expect("the command starts"))
    }

    /// Runs a command that has to succeed.
    pub(crate) fn succeed(&self, args: &str) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "gradus {args}\n{}", said.err);
        said
    }

    /// Runs a command that has to fail without a trace: it names all of `parts` on standard error, prints nothing
    /// on standard output, and changes no file.
    pub(crate) fn refuse(&self, args: &str, parts: &[&str]) -> Said {
        let before = self.files();
        let said = self.run(args);
        assert!(matches!(said.code, Some(1 | 2)), "gradus {args}: {:?}\n{}", said.code, said.err);
        assert!(said.out.is_empty(), "gradus {args}\n{}", said.out);
        assert!(said.err.starts_with("error: ") && !said.err.contains("panicked"), "{}", said.err);
        for part in parts {
            assert!(said.err.contains(part), "gradus {args}\n{part}\nis not in\n{}", said.err);
        }
        assert!(self.files() == before, "gradus {args} failed and changed a file");
        said
    }

    /// All files and what they hold; the lock of a run says nothing.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
            {
                if entry.is_dir() {
                    folders.push(entry);
                } else if !entry.ends_with(".lock") {
                    let bytes = fs::read(&entry).expect("a file");
                    found.insert(entry, bytes);
                }
            }
        }
        found
    }

    /// The run's checkpoints, oldest first.
    pub(crate) fn checkpoints(&self, run: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(run).join("checkpoints")).expect("a folder");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|it| it == "safetensors"));
        paths.sort();
        paths
    }

    /// The bits of the parameters in the newest checkpoint of a run.
    pub(crate) fn parameters(&self, run: &str) -> BTreeMap<String, Vec<u32>> {
        let newest = self.checkpoints(run).pop().expect("a checkpoint");
        let checkpoint = Checkpoint::load(&newest).expect("intact");
        let names = checkpoint.tensors.keys().filter(|name| name.starts_with("parameters."));
        let bits = |name: &String| {
            let values = checkpoint.f32(name, checkpoint.tensors[name].shape()).expect("numbers");
            (name.clone(), values.iter().map(|x| x.to_bits()).collect())
        };
        let parameters: BTreeMap<_, _> = names.map(bits).collect();
        assert!(parameters.len() >= 6, "{:?}", parameters.keys());
        parameters
    }
}

pub(crate) fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Said {
    /// The one line of JSON on standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert!(self.out.ends_with('\n') && self.out.lines().count() == 1, "{}", self.out);
        serde_json::from_str(&self.out).expect("JSON")
    }
}

/// Changes one bit in the middle of a file.
pub(crate) fn flip_bit(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).expect("writable");
}

/// Small, quick runs.
pub(crate) const QUICK: &str =
    "--env CartPole-v1 --algo ppo --quiet --set epochs=2 --set checkpoint_every=1024";

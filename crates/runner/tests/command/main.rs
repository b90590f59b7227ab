//! The command `gradus` as a user meets it: its files, its one line of JSON, its messages, and Ctrl-C.

mod algorithms;
mod bad_input;
mod bad_runs;
mod devices;
mod interrupting;
mod running;
mod solving;
mod talking;
mod tools;

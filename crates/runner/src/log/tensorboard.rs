//! Event files for TensorBoard.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes scalars as a TensorBoard event file.
///
/// The file is a sequence of records (TFRecord): the length of the data as a little-endian `u64`, a checksum of
/// those eight bytes, the data, a checksum of the data. A checksum is the CRC-32C, rotated right by 15 bits
/// plus 0xa282ead8. The data is a protocol buffer `Event`: `wall_time` (field 1, double), `step` (2, varint),
/// and one of `file_version` (3, the text `brain.Event:2`, in the first record), `summary` (5: values with
/// `tag` (1) and `simple_value` (2, float)) and `session_log` (7: `status` (1), where 1 is a start).
/// Sources: `tensorboard/compat/proto/event.proto` and `summary.proto`, and TensorFlow's
/// `core/lib/io/record_writer.h`.
///
/// Values are `f32` there; the full ones are in `metrics.csv`.
#[derive(Debug)]
pub struct TensorBoardWriter {
    path: PathBuf,
    file: File,
}

impl TensorBoardWriter {
    /// Begins a new event file in `folder`, which is created if need be.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let seconds = seconds_since_epoch() as u64;
        let (path, file) = new_file(folder, seconds)?;
        let mut writer = Self { path, file };
        let mut event = new_event();
        put_bytes(&mut event, 3, b"brain.Event:2");
        writer.write_record(&event)?;
        Ok(writer)
    }

    /// Begins another event file in the folder of a run that goes on after `last_step`. TensorBoard is told to
    /// forget what earlier files have from later steps.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn resume(folder: &Path, last_step: u64) -> io::Result<Self> {
        let mut writer = Self::create(folder)?;
        let mut event = new_event();
        put_varint_field(&mut event, 2, last_step + 1);
        let mut session_log = Vec::new();
        put_varint_field(&mut session_log, 1, 1);
        put_bytes(&mut event, 7, &session_log);
        writer.write_record(&event)?;
        Ok(writer)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes scalars, by name, of one step. They are in the file when this returns.
    ///
    /// # Errors
    /// Whatever the file system refuses.
    pub fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for (tag, x) in scalars {
            let mut value = Vec::new();
            put_bytes(&mut value, 1, tag.as_bytes());
            put_key(&mut value, 2, FIXED_32);
            value.extend((*x as f32).to_le_bytes());
            put_bytes(&mut summary, 1, &value);
        }
        let mut event = new_event();
        put_varint_field(&mut event, 2, step);
        put_bytes(&mut event, 5, &summary);
        self.write_record(&event)
    }

    fn write_record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(data.len() + 16);
        record.extend(length);
        record.extend(masked_checksum(&length).to_le_bytes());
        record.extend(data);
        record.extend(masked_checksum(data).to_le_bytes());
        self.file.write_all(&record)
    }
}

/// A file whose name TensorBoard recognises; names in the order of creation sort in that order.
fn new_file(folder: &Path, seconds: u64) -> io::Result<(PathBuf, File)> {
    let mut number = 0_u32;
    loop {
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.gradus.{number:04}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            opened => return opened.map(|file| (path, file)),
        }
    }
}

fn masked_checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn seconds_since_epoch() -> f64 {
    // A clock before 1970 is wrong anyway.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

fn new_event() -> Vec<u8> {
    let mut event = Vec::new();
    put_key(&mut event, 1, FIXED_64);
    event.extend(seconds_since_epoch().to_le_bytes());
    event
}

/// Seven bits a byte, least significant first; the top bit says that more follow.
fn put_varint(message: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        message.push((x & 0x7f) as u8 | 0x80);
        x >>= 7;
    }
    message.push(x as u8);
}

fn put_key(message: &mut Vec<u8>, field: u64, wire_type: u64) {
    put_varint(message, field << 3 | wire_type);
}

fn put_varint_field(message: &mut Vec<u8>, field: u64, x: u64) {
    put_key(message, field, VARINT);
    put_varint(message, x);
}

fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_key(message, field, LENGTH_DELIMITED);
    put_varint(message, bytes.len() as u64);
    message.extend(bytes);
}

#[cfg(test)]
#[path = "tensorboard_tests.rs"]
mod tests;

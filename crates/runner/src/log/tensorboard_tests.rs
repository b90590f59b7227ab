use super::*;

/// CRC-32C bit by bit, from the polynomial alone (0x1EDC6F41, reflected).
fn slow_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let checked = |data: &[u8], stored: &[u8]| {
        let crc = slow_crc32c(data);
        let masked = crc.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(stored, masked.to_le_bytes());
    };
    while !bytes.is_empty() {
        let length = take(&mut bytes, 8);
        checked(length, take(&mut bytes, 4));
        let data = take(&mut bytes, u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize);
        checked(data, take(&mut bytes, 4));
        records.push(data);
    }
    records
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut x, mut shift) = (0, 0);
    loop {
        let byte = take(bytes, 1)[0];
        x |= u64::from(byte % 128) << shift;
        if byte < 128 {
            return x;
        }
        shift += 7;
    }
}

/// The fields of a message: number and content, the latter as bytes (a varint as eight of them).
fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let content = match key % 8 {
            0 => varint(&mut message).to_le_bytes().to_vec(),
            1 => take(&mut message, 8).to_vec(),
            2 => {
                let length = varint(&mut message) as usize;
                take(&mut message, length).to_vec()
            }
            5 => take(&mut message, 4).to_vec(),
            other => panic!("wire type {other}"),
        };
        fields.push((key / 8, content));
    }
    fields
}

fn scalars(summary: &[u8]) -> Vec<(String, f32)> {
    let decode = |(number, value): (u64, Vec<u8>)| {
        assert_eq!(number, 1);
        let value = fields(&value);
        assert_eq!(value.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        let number = f32::from_le_bytes(value[1].1.as_slice().try_into().expect("4 bytes"));
        (String::from_utf8(value[0].1.clone()).expect("text"), number)
    };
    fields(summary).into_iter().map(decode).collect()
}

#[test]
fn the_checksum_is_castagnolis() {
    assert_eq!(slow_crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn an_independent_decoder_reads_what_was_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer = TensorBoardWriter::create(&folder.path().join("tensorboard")).expect("writable");
    let long = "x".repeat(300);
    writer.scalars(128, &[("rollout/mean_return", 21.5), (&long, -0.1)]).expect("writable");
    writer.scalars(u64::from(u32::MAX) + 7, &[("loss", f64::NAN)]).expect("writable");

    let bytes = fs::read(writer.path()).expect("readable");
    let events: Vec<_> = records(&bytes).into_iter().map(fields).collect();
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(event[0].0, 1);
        let wall_time = f64::from_le_bytes(event[0].1.as_slice().try_into().expect("8 bytes"));
        assert!((1.6e9..1e11).contains(&wall_time), "{wall_time}");
    }
    assert_eq!(events[0][1], (3, b"brain.Event:2".to_vec()));
    assert_eq!(events[1][1], (2, 128_u64.to_le_bytes().to_vec()));
    assert_eq!(events[1][2].0, 5);
    let expected = [("rollout/mean_return".to_owned(), 21.5), (long, -0.1)];
    assert_eq!(scalars(&events[1][2].1), expected);
    assert_eq!(events[2][1].1, (u64::from(u32::MAX) + 7).to_le_bytes());
    assert!(scalars(&events[2][2].1)[0].1.is_nan());
}

#[test]
fn resuming_begins_another_file_that_takes_back_later_steps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = TensorBoardWriter::create(folder.path()).expect("writable");
    let second = TensorBoardWriter::resume(folder.path(), 2048).expect("writable");
    assert!(second.path() > first.path());
    let bytes = fs::read(second.path()).expect("readable");
    let events: Vec<_> = records(&bytes).into_iter().map(fields).collect();
    assert_eq!(events[1][1], (2, 2049_u64.to_le_bytes().to_vec()));
    // `session_log` with status 1, a start.
    assert_eq!(events[1][2], (7, vec![0x08, 0x01]));
}

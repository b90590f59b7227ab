use serde_json::json;

use super::*;

/// A small checkpoint with every type, an empty array, a scalar and names that need escaping.
fn example() -> Checkpoint {
    let tensors = [
        ("actor/weights", Tensor::from(vec![1.5_f32, -0.0, f32::NAN, f32::MIN_POSITIVE / 2.0])),
        ("moments", Tensor::from(vec![0.1_f64, f64::NEG_INFINITY])),
        ("generator", Tensor::from(vec![u64::MAX, 0, 1])),
        ("environments", Tensor::from(vec![7_u8, 255, 0])),
        ("empty", Tensor::from(Vec::<f32>::new())),
        ("a \"quoted\" näme", Tensor::from(vec![2.0_f32])),
    ];
    Checkpoint {
        tensors: tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect(),
        metadata: json!({ "step": u64::MAX, "text": "\"\\ \u{0} ü", "nested": { "x": 0.1, "none": null } }),
    }
}

fn load(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_bytes(bytes)
}

#[test]
fn everything_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.safetensors");
    let mut checkpoint = example();
    let bits = [0x7fc1_2345_u32, 0xffa0_0001, 0x8000_0000, 0x0000_0001, 0x7f80_0000, 0x3f80_0000];
    let floats: Vec<f32> = bits.iter().map(|&bits| f32::from_bits(bits)).collect();
    checkpoint
        .tensors
        .insert("bits".to_owned(), Tensor::from(floats).reshaped(&[2, 3]).expect("six elements"));
    checkpoint.save(&path).expect("writable");

    let loaded = Checkpoint::load(&path).expect("intact");
    assert_eq!(loaded.metadata, checkpoint.metadata);
    assert_eq!(loaded.tensors.keys().collect::<Vec<_>>(), checkpoint.tensors.keys().collect::<Vec<_>>());
    let found: Vec<u32> = loaded.f32("bits", &[2, 3]).expect("present").iter().map(|x| x.to_bits()).collect();
    assert_eq!(found, bits);
    assert_eq!(loaded.u64("generator", &[3]).expect("present"), [u64::MAX, 0, 1]);
    assert_eq!(loaded.f64("moments", &[2]).expect("present"), [0.1, f64::NEG_INFINITY]);
    assert_eq!(loaded.bytes("environments").expect("present"), [7, 255, 0]);
    assert!(loaded.tensor("empty").expect("present").is_empty());
    // The same content gives the same bytes.
    assert_eq!(loaded.to_bytes().expect("representable"), checkpoint.to_bytes().expect("representable"));
}

#[test]
fn every_single_flipped_bit_is_refused() {
    let bytes = example().to_bytes().expect("representable");
    assert!(load(&bytes).is_ok());
    let mut damaged = bytes.clone();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            damaged[index] ^= 1 << bit;
            let error = load(&damaged).expect_err("a flipped bit is found");
            assert!(
                matches!(error, CheckpointError::Corrupt { .. } | CheckpointError::Truncated { .. }),
                "byte {index}, bit {bit}: {error}"
            );
            damaged[index] = bytes[index];
        }
    }
}

#[test]
fn every_altered_byte_is_refused() {
    let bytes = Checkpoint::default().to_bytes().expect("representable");
    let mut damaged = bytes.clone();
    for index in 0..bytes.len() {
        for value in 0..=u8::MAX {
            damaged[index] = value;
            assert_eq!(load(&damaged).is_ok(), value == bytes[index], "byte {index} set to {value}");
        }
        damaged[index] = bytes[index];
    }
}

#[test]
fn every_shorter_or_longer_file_is_refused() {
    let mut bytes = example().to_bytes().expect("representable");
    for length in 0..bytes.len() {
        let error = load(&bytes[..length]).expect_err("a torn file is found");
        let CheckpointError::Truncated { found, expected, .. } = error else {
            panic!("{length} of {} bytes: {error}", bytes.len());
        };
        assert!(found == length as u64 && found < expected);
    }
    bytes.push(0);
    assert!(matches!(load(&bytes), Err(CheckpointError::Corrupt { .. })));
}

#[test]
fn other_files_are_refused() {
    let plain = safetensors::serialize(&example().tensors, None).expect("representable");
    for bytes in [&plain[..], b"not a checkpoint at all, but long enough to have a header of that length"] {
        assert!(matches!(load(bytes), Err(CheckpointError::Corrupt { .. })));
    }
}

#[test]
fn another_version_is_named() {
    let bytes = example().to_bytes_of_version(2).expect("representable");
    let error = load(&bytes).expect_err("refused");
    assert!(matches!(error, CheckpointError::WrongVersion { found: 2, .. }));
    assert!(error.to_string().contains("version 2") && error.to_string().contains("version 1"));
}

#[test]
fn what_a_reader_misses_is_named() {
    let checkpoint = example();
    let missing = checkpoint.f32("critic", &[1]).expect_err("missing");
    assert!(matches!(&missing, CheckpointError::MissingTensor { name, .. } if name == "critic"));
    assert!(missing.to_string().contains("actor/weights"));
    let shape = checkpoint.f32("actor/weights", &[2, 2]).expect_err("another shape");
    assert!(
        matches!(&shape, CheckpointError::WrongShape { expected, found, .. } if *expected == [2, 2] && *found == [4])
    );
    let element = checkpoint.f64("actor/weights", &[4]).expect_err("another type");
    assert!(matches!(element, CheckpointError::WrongType { expected: ElementType::F64, .. }));
    assert!(matches!(checkpoint.metadata_as::<Vec<u8>>(), Err(CheckpointError::BadMetadata { .. })));
    assert!(Tensor::from(vec![0_u8; 3]).reshaped(&[2, 2]).is_err());
    assert!(Tensor::from(vec![0_u8; 3]).reshaped(&[usize::MAX, 3]).is_err());
}

#[test]
fn a_name_that_the_format_reserves_is_refused() {
    let mut checkpoint = example();
    checkpoint.tensors.insert("__metadata__".to_owned(), Tensor::from(vec![0_u8]));
    assert!(matches!(checkpoint.to_bytes(), Err(CheckpointError::ReservedName { .. })));
}

#[test]
fn files_that_are_not_there_or_not_files_are_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = Checkpoint::load(&folder.path().join("none.safetensors"));
    assert!(matches!(missing, Err(FileError::NotFound { .. })));
    assert!(matches!(Checkpoint::load(folder.path()), Err(FileError::Unreadable { .. })));
    let no_folder = folder.path().join("none").join("a.safetensors");
    assert!(matches!(example().save(&no_folder), Err(FileError::Unwritable { .. })));

    let torn = folder.path().join("torn.safetensors");
    fs::write(&torn, b"half").expect("writable");
    let error = Checkpoint::load(&torn).expect_err("torn");
    assert!(matches!(&error, FileError::Content { path, .. } if *path == torn));
    assert!(error.to_string().contains("torn.safetensors: the checkpoint is cut short"), "{error}");
}

//! The state file on a real disk.

use std::collections::BTreeMap;

use super::*;
use sha2::{Digest as _, Sha256};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn owner(cluster: &str) -> Owner {
    Owner::from([("cluster".to_owned(), cluster.to_owned())])
}

fn content(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

/// What [`found`] gives where that text was kept.
fn holds(text: &str) -> Result<Option<Vec<String>>, (LoadError, PathBuf)> {
    Ok(Some(content(text)))
}

fn read(path: &Path, owner: &Owner) -> Vec<String> {
    let bytes = fs::read(path).unwrap();
    decode(&bytes, owner).unwrap().content
}

/// What the directory holds for the owner, or the reason why it was set aside and the file.
fn found(
    directory: &mut Directory,
    owner: &Owner,
) -> Result<Option<Vec<String>>, (LoadError, PathBuf)> {
    match directory.load(owner, at(1_000)).unwrap() {
        LoadResult::Nothing => Ok(None),
        LoadResult::Loaded { content, .. } => Ok(Some(content)),
        LoadResult::Quarantined { error, path } => Err((error, path)),
    }
}

#[test]
fn what_was_saved_last_is_found_and_an_empty_directory_has_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(place.path().join("new/one"));
    let blue = owner("blue");
    assert_eq!(found(&mut directory, &blue), Ok(None));
    for text in ["first", "second"] {
        let size = directory.save(&blue, at(7), &content(text)).unwrap();
        let file = fs::metadata(directory.path().join(FILE)).unwrap();
        assert_eq!(size, file.len());
    }
    assert_eq!(found(&mut directory, &blue), holds("second"));
}

#[test]
fn a_file_of_somebody_else_is_set_aside_and_kept() {
    let place = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(place.path());
    directory
        .save(&owner("blue"), at(7), &content("ours"))
        .unwrap();
    let (fault, path) = found(&mut directory, &owner("green")).unwrap_err();
    let said = "it is of external_labels {cluster=\"blue\"}, and this is external_labels {cluster=\"green\"}";
    assert_eq!(
        (fault.as_str(), fault.to_string()),
        ("foreign", said.to_owned())
    );
    assert!(path.ends_with("breakeven.state.foreign-1000") && path.exists());
    assert_eq!(found(&mut directory, &owner("green")), Ok(None));
    fs::rename(path, place.path().join(FILE)).unwrap();
    assert!(found(&mut directory, &owner("blue")).unwrap().is_some());
}

#[test]
fn a_file_with_any_byte_lost_or_turned_is_set_aside() {
    let place = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(place.path());
    let blue = owner("blue");
    directory.save(&blue, at(7), &content("text")).unwrap();
    let whole = fs::read(place.path().join(FILE)).unwrap();
    let mut spoiled: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
    spoiled.extend((0..whole.len()).map(|position| {
        let mut turned = whole.clone();
        turned[position] ^= 1;
        turned
    }));
    for bytes in spoiled {
        fs::write(place.path().join(FILE), &bytes).unwrap();
        let (fault, path) = found(&mut directory, &blue).unwrap_err();
        assert!(
            matches!(fault, LoadError::Damaged(_) | LoadError::OtherVersion(_)),
            "{fault}"
        );
        assert_eq!(fs::read(path).unwrap(), bytes);
    }
}

#[test]
fn a_file_of_another_version_or_another_content_is_set_aside() {
    let place = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(place.path());
    let blue = owner("blue");
    fs::write(place.path().join(FILE), "breakeven state 1\nwhatever").unwrap();
    let (fault, _) = found(&mut directory, &blue).unwrap_err();
    assert_eq!(fault, LoadError::OtherVersion("1".into()));
    let said = "it is of version 1, and this program reads versions 4 to 5; to use it, rename it to \
        breakeven.state and start a breakeven that reads it";
    assert_eq!(fault.to_string(), said);
    for version in ["6", "05", "+5", ""] {
        let text = format!("breakeven state {version}\nwhatever");
        fs::write(place.path().join(FILE), text).unwrap();
        let (fault, _) = found(&mut directory, &blue).unwrap_err();
        assert_eq!(fault, LoadError::OtherVersion(version.into()));
    }
    directory.save(&blue, at(7), &12).unwrap();
    let (fault, _) = found(&mut directory, &blue).unwrap_err();
    assert_eq!(fault.as_str(), "damaged");
}

#[test]
fn a_write_that_did_not_end_leaves_what_was_there() {
    let place = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(place.path());
    let blue = owner("blue");
    directory.save(&blue, at(7), &content("whole")).unwrap();
    fs::write(place.path().join(UNFINISHED), "breakeven st").unwrap();
    assert_eq!(found(&mut directory, &blue), holds("whole"));
    directory.save(&blue, at(8), &content("next")).unwrap();
    assert_eq!(found(&mut directory, &blue), holds("next"));
}

#[test]
fn a_directory_is_for_one_program_alone_until_that_ends() {
    let place = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (Directory::new(place.path()), Directory::new(place.path()));
    let blue = owner("blue");
    assert_eq!(found(&mut first, &blue), Ok(None));
    let error = second.load::<Vec<String>>(&blue, at(7)).unwrap_err();
    assert!(matches!(error, StateError::InUse(_)), "{error}");
    assert!(second.save(&blue, at(7), &12).is_err());
    drop(first);
    assert_eq!(found(&mut second, &blue), Ok(None));
}

#[test]
fn a_directory_that_cannot_be_used_is_named_and_tried_again_and_what_it_holds_is_not_lost() {
    let place = tempfile::tempdir().unwrap();
    let (path, blue) = (place.path().join("state"), owner("blue"));
    let mut directory = Directory::new(&path);
    directory.save(&blue, at(7), &content("old")).unwrap();
    drop(directory);
    // In place of the directory there is a file, for a while.
    let elsewhere = place.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    fs::write(&path, "").unwrap();
    let mut directory = Directory::new(&path);
    let error = directory.load::<Vec<String>>(&blue, at(8)).unwrap_err();
    assert!(
        error.to_string().starts_with(&path.display().to_string()),
        "{error}"
    );
    assert!(directory.save(&blue, at(8), &12).is_err());
    fs::remove_file(&path).unwrap();
    fs::rename(&elsewhere, &path).unwrap();
    directory.save(&blue, at(9), &content("new")).unwrap();
    assert_eq!(found(&mut directory, &blue), holds("new"));
    let unread = path.join("breakeven.state.unread-9");
    assert_eq!(read(&unread, &blue), ["old"]);
}

#[test]
fn a_directory_that_is_removed_is_made_and_locked_again() {
    let place = tempfile::tempdir().unwrap();
    let (path, blue) = (place.path().join("state"), owner("blue"));
    let mut directory = Directory::new(&path);
    directory.save(&blue, at(7), &content("old")).unwrap();
    fs::remove_dir_all(&path).unwrap();
    directory.save(&blue, at(8), &content("new")).unwrap();
    assert_eq!(found(&mut directory, &blue), holds("new"));
    let mut second = Directory::new(&path);
    let in_use = second.load::<Vec<String>>(&blue, at(9));
    assert!(matches!(in_use, Err(StateError::InUse(_))), "{in_use:?}");

    // Another program is faster than this one.
    fs::remove_dir_all(&path).unwrap();
    second.save(&blue, at(10), &content("other")).unwrap();
    let in_use = directory.save(&blue, at(11), &content("lost"));
    assert!(matches!(in_use, Err(StateError::InUse(_))), "{in_use:?}");
    drop(second);
    directory.save(&blue, at(12), &content("own")).unwrap();
    let unread = path.join("breakeven.state.unread-12");
    assert_eq!(read(&unread, &blue), ["other"]);
}

#[test]
fn a_copy_from_before_a_clock_correction_is_kept_and_three_at_most() {
    let place = tempfile::tempdir().unwrap();
    let (mut directory, blue) = (Directory::new(place.path()), owner("blue"));
    assert_eq!(directory.keep_clock_copy(at(1)).unwrap(), None);
    for second in [500, 600, 700, 800, 100] {
        let text = format!("before {second}");
        directory.save(&blue, at(7), &content(&text)).unwrap();
        let copy = directory.keep_clock_copy(at(second)).unwrap().unwrap();
        directory.save(&blue, at(8), &content("after")).unwrap();
        assert_eq!(read(&copy, &blue), [text]);
    }
    let names = fs::read_dir(place.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut copies: Vec<String> = names.filter(|name| name.contains(".clock-")).collect();
    copies.sort();
    let expected = [100, 700, 800].map(|second| format!("{CLOCK_COPY}{second}"));
    assert_eq!(copies, expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_what_was_there() {
    let place = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(place.path());
    let blue = owner("blue");
    directory.save(&blue, at(7), &content("whole")).unwrap();
    let unfinished = place.path().join(UNFINISHED);
    std::os::unix::fs::symlink("/dev/full", &unfinished).unwrap();
    let error = directory
        .save(&blue, at(8), &vec!["x".repeat(100_000)])
        .unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(found(&mut directory, &blue), holds("whole"));
    fs::remove_file(unfinished).unwrap();
    directory.save(&blue, at(9), &content("next")).unwrap();
    assert_eq!(found(&mut directory, &blue), holds("next"));
}

/// What the fixture of version 4 has, whose owner is `demo`.
const VERSION_4: &[u8] = include_bytes!("../../../tests/fixtures/version-4.state");

#[test]
fn a_copy_of_a_file_of_an_earlier_version_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let (mut directory, demo) = (Directory::new(place.path()), owner("demo"));
    let copy = place.path().join("breakeven.state.version-4");
    for stale in ["nothing", "an older copy"] {
        fs::write(place.path().join(FILE), VERSION_4).unwrap();
        let loaded = directory.load::<ciborium::Value>(&demo, at(1_000)).unwrap();
        assert!(matches!(loaded, LoadResult::Loaded { version: 4, .. }));
        for text in ["new", "newer"] {
            directory.save(&demo, at(8), &content(text)).unwrap();
            assert_eq!(fs::read(&copy).unwrap(), VERSION_4, "over {stale}");
        }
        fs::write(&copy, stale).unwrap();
    }
    assert_eq!(found(&mut directory, &demo), holds("newer"));
    directory.save(&demo, at(9), &content("newest")).unwrap();
    let names = fs::read_dir(place.path()).unwrap();
    assert_eq!(names.count(), 3, "the file, its lock and one copy");
}

/// A file of a version with this body and a valid checksum.
fn file(version: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = [format!("breakeven state {version}\n").as_bytes(), body].concat();
    let sum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

#[test]
fn foreign_bytes_with_a_valid_checksum_are_damage_and_take_little_memory() {
    let header = |version| {
        let mut header = Vec::new();
        let (owner, at) = (owner("blue"), "2026-03-02T12:00:00Z");
        match version {
            4 => ciborium::into_writer(&(owner, at), &mut header).unwrap(),
            _ => {
                let map = BTreeMap::from([
                    ("owner", ciborium::Value::serialized(&owner).unwrap()),
                    ("written_at", at.into()),
                ]);
                ciborium::into_writer(&map, &mut header).unwrap();
            }
        }
        header
    };
    let long = u64::MAX.to_be_bytes();
    let bodies = [
        Vec::new(),
        vec![0x81; 1_000_000],               // arrays in arrays
        vec![0xa1; 1_000_000],               // maps as keys of maps
        [&[0x9b], &long[..]].concat(),       // an array of 2^64 items
        [&[0xbb], &long[..]].concat(),       // a map of as many
        [&[0x7b], &long[..], b"t"].concat(), // a text of as many bytes
        vec![0x9f; 10],                      // arrays without an end
    ];
    for version in [4, 5] {
        for body in &bodies {
            for start in [Vec::new(), header(version)] {
                let bytes = file(version, &[start, body.clone()].concat());
                let read = decode::<Vec<String>>(&bytes, &owner("blue"));
                let error = read.unwrap_err();
                assert_eq!(error.as_str(), "damaged", "{error}");
            }
        }
    }
}

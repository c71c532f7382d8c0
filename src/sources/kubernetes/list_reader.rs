//! Splits the JSON of a list into its objects while it arrives, so that no list is ever held whole.
//!
//! Crates that were looked at: `struson` 0.7.2 reads from a blocking reader, `actson` 2.1.0 yields tokens, from which each
//! object would have to be put together again, and `serde_json` 1.0 streams only values without an array around them.

use std::mem;

use super::limits::{MAX_LIST_METADATA, MAX_OBJECT, MAX_SKIPPED};

/// What cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListError {
    /// What is around the objects is too long.
    MetadataTooLong,
    /// An object has no end within [`MAX_SKIPPED`] bytes.
    ObjectEndless,
}

/// Finds the objects of the array `items` of a JSON object.
#[derive(Debug, Default)]
pub(super) struct ListReader {
    /// How many brackets and braces are open.
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// The last string directly in the list, which may be a key.
    key: Vec<u8>,
    /// Whether the array `items` is open.
    in_items: bool,
    /// The object that is being read; what of it is beyond the limit is counted only.
    object: Vec<u8>,
    object_length: usize,
    /// All but the objects.
    metadata: Vec<u8>,
}

impl ListReader {
    /// Reads a piece of the list, and hands each object on that ends in it; nothing in place of one that is too long.
    pub(super) fn read(
        &mut self,
        piece: &[u8],
        mut take: impl FnMut(Option<&[u8]>),
    ) -> Result<(), ListError> {
        for byte in piece {
            let was_in_object = self.is_in_object();
            self.step(*byte);
            if !was_in_object && !self.is_in_object() {
                if self.is_between_objects(*byte) {
                    continue;
                }
                self.metadata.push(*byte);
                if self.metadata.len() > MAX_LIST_METADATA {
                    return Err(ListError::MetadataTooLong);
                }
                continue;
            }
            self.push(*byte);
            if self.object_length > MAX_SKIPPED {
                return Err(ListError::ObjectEndless);
            }
            if !self.is_in_object() {
                let is_whole = self.object_length <= MAX_OBJECT;
                take(is_whole.then_some(self.object.as_slice()));
                self.object_length = 0;
                self.object.clear();
            }
        }
        Ok(())
    }

    /// All but the objects: a list without any.
    pub(super) fn into_metadata(self) -> Vec<u8> {
        self.metadata
    }

    const fn is_in_object(&self) -> bool {
        self.in_items && self.depth > 2
    }

    const fn is_between_objects(&self, byte: u8) -> bool {
        self.in_items
            && self.depth == 2
            && !self.in_string
            && (byte == b',' || byte.is_ascii_whitespace())
    }

    /// The capacity grows to the limit and never beyond.
    fn push(&mut self, byte: u8) {
        self.object_length += 1;
        if self.object_length > MAX_OBJECT {
            self.object = Vec::new();
            return;
        }
        if self.object.len() == self.object.capacity() {
            let wanted = (2 * self.object.capacity()).clamp(4_096, MAX_OBJECT);
            self.object.reserve_exact(wanted - self.object.len());
        }
        self.object.push(byte);
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            self.step_in_string(byte);
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if self.depth == 1 {
                    self.key.clear();
                }
            }
            b'{' => self.depth += 1,
            b'[' => {
                self.depth += 1;
                self.in_items |= self.depth == 2 && self.key == b"items";
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.in_items &= self.depth >= 2;
            }
            b',' if self.depth == 1 => self.key.clear(),
            _ => {}
        }
    }

    fn step_in_string(&mut self, byte: u8) {
        if mem::take(&mut self.is_escaped) {
            return;
        }
        match byte {
            b'\\' => self.is_escaped = true,
            b'"' => self.in_string = false,
            // Longer than any key that matters.
            _ if self.depth == 1 && self.key.len() < 16 => self.key.push(byte),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objects, and what is left of the list, when it arrives in pieces of this length.
    fn split(list: &[u8], length: usize) -> (Vec<Option<String>>, String) {
        let mut reader = ListReader::default();
        let mut objects = Vec::new();
        for piece in list.chunks(length) {
            let take = |object: Option<&[u8]>| {
                objects.push(object.map(|text| String::from_utf8(text.to_vec()).unwrap()));
            };
            reader.read(piece, take).unwrap();
        }
        let metadata = String::from_utf8(reader.into_metadata()).unwrap();
        (objects, metadata)
    }

    #[test]
    fn objects_are_found_however_the_list_is_cut_into_pieces() {
        let list = r#"{"kind":"PodList","metadata":{"items":[{"no":1}],"continue":"items"},
            "other": "items", "items" : [ {"a":"}]\"{","b":[{"c":{}}]} ,{}, {"d":"\\"}],"last":[{"e":1}]}"#;
        let objects = [r#"{"a":"}]\"{","b":[{"c":{}}]}"#, "{}", r#"{"d":"\\"}"#];
        let rest = r#"{"kind":"PodList","metadata":{"items":[{"no":1}],"continue":"items"},
            "other": "items", "items" : [],"last":[{"e":1}]}"#;
        for length in 1..list.len() {
            let (found, metadata) = split(list.as_bytes(), length);
            assert_eq!(found, objects.map(|one| Some(one.to_owned())), "{length}");
            assert_eq!(metadata, rest, "{length}");
        }
    }

    #[test]
    fn an_object_that_is_too_long_is_left_out_and_the_next_is_read() {
        let long = "x".repeat(MAX_OBJECT);
        let list = format!(r#"{{"items":[{{"a":"{long}"}},{{"b":1}}]}}"#);
        let (objects, _) = split(list.as_bytes(), 1 << 16);
        assert_eq!(objects, [None, Some(r#"{"b":1}"#.to_owned())]);
    }

    #[test]
    fn memory_is_bounded_whatever_arrives() {
        let mut reader = ListReader::default();
        reader.read(br#"{"items":[{"a":""#, |_| {}).unwrap();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..16 {
            reader.read(&piece, |_| {}).unwrap();
            assert!(reader.object.capacity() <= MAX_OBJECT);
        }
        let ended = (0..MAX_SKIPPED >> 20).find_map(|_| reader.read(&piece, |_| {}).err());
        assert_eq!(ended, Some(ListError::ObjectEndless));
        let mut reader = ListReader::default();
        let ended = (0..16).find_map(|_| reader.read(&piece, |_| {}).err());
        assert_eq!(ended, Some(ListError::MetadataTooLong));
    }
}

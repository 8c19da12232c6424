//! Input for parsers: anything at all, and what is nearly right, which gets further.
//!
//! Each property is tried with 2,000 inputs in `./dev test` and with more in `./dev fuzz`. Input is
//! drawn anew each time; one that a property does not hold for is shrunk and printed.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

/// Inputs of each property in `./dev test`; proptest's variable `PROPTEST_CASES` overrules it.
const INPUTS: u32 = 2_000;
/// What proptest tries where nobody says anything.
const PROPTESTS_OWN: u32 = 256;
/// The longest input that is made up from nothing, in bytes.
const LONGEST: usize = 300;
/// Changes that are made to what is right, at most.
const EDITS: usize = 4;

/// One change of a text. Places are shares of its length.
#[derive(Debug, Clone)]
enum Edit {
    Replace(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    /// From here so many bytes come twice.
    Double(usize, usize),
    /// It ends here.
    Cut(usize),
}

/// Any bytes.
pub fn anything() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..LONGEST)
}

/// What is nearly one of these texts, or is one.
pub fn nearly(right: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let text = proptest::sample::select(right);
    (text, vec(edit(), 0..=EDITS)).prop_map(|(text, edits)| {
        edits.into_iter().fold(text.into_bytes(), |bytes, edit| changed(bytes, &edit))
    })
}

/// Either, as bytes.
pub fn bytes(right: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => anything(), 3 => nearly(right)]
}

/// Either, as text.
pub fn text(right: Vec<String>) -> impl Strategy<Value = String> {
    bytes(right).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn edit() -> impl Strategy<Value = Edit> {
    // Bytes that mean something to one parser or another are tried more often than others.
    let byte = || {
        prop_oneof![
            any::<u8>(),
            proptest::sample::select(b",;:=-_.*+/\\\"'{}[] \t\r\n\0e0919".to_vec()),
        ]
    };
    let place = || any::<usize>();
    prop_oneof![
        (place(), byte()).prop_map(|(place, byte)| Edit::Replace(place, byte)),
        (place(), byte()).prop_map(|(place, byte)| Edit::Insert(place, byte)),
        place().prop_map(Edit::Remove),
        (place(), 1_usize..40).prop_map(|(place, count)| Edit::Double(place, count)),
        place().prop_map(Edit::Cut),
        Just(Edit::Cut(usize::MAX)),
    ]
}

fn changed(mut bytes: Vec<u8>, edit: &Edit) -> Vec<u8> {
    let at = |place: usize, bytes: &[u8]| place % (bytes.len() + 1);
    match *edit {
        Edit::Replace(place, byte) => {
            let place = at(place, &bytes);
            if let Some(there) = bytes.get_mut(place) {
                *there = byte;
            }
        }
        Edit::Insert(place, byte) => bytes.insert(at(place, &bytes), byte),
        Edit::Remove(place) => {
            let place = at(place, &bytes);
            if place < bytes.len() {
                bytes.remove(place);
            }
        }
        Edit::Double(place, count) => {
            let begin = at(place, &bytes);
            let end = bytes.len().min(begin + count);
            let again = bytes[begin..end].to_vec();
            bytes.splice(end..end, again);
        }
        Edit::Cut(place) => bytes.truncate(at(place, &bytes)),
    }
    bytes
}

/// Tries a property; panics with the smallest input that it does not hold for.
#[track_caller]
pub fn holds<S: Strategy>(inputs: S, property: impl Fn(S::Value) -> bool)
where
    S::Value: Debug,
{
    // Nothing is written into the repository.
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if config.cases == PROPTESTS_OWN {
        config.cases = INPUTS;
    }
    let tried = TestRunner::new(config).run(&inputs, |input| {
        if property(input) { Ok(()) } else { Err(TestCaseError::fail("it does not hold")) }
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(why, input)) => panic!("{why} for {input:?}"),
        Err(error) => panic!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_that_does_not_hold_is_found_and_shrunk() {
        let found = std::panic::catch_unwind(|| {
            holds(nearly(vec!["spring".to_owned()]), |bytes| !bytes.contains(&b'{'));
        });
        let said = found.expect_err("some edit inserts it");
        let said = said.downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        assert!(said.contains("123"), "{said}");
    }

    #[test]
    fn what_is_right_itself_comes_too() {
        let seen = std::cell::Cell::new(false);
        holds(nearly(vec!["spring".to_owned()]), |bytes| {
            seen.set(seen.get() || bytes == b"spring");
            true
        });
        assert!(seen.get());
    }
}

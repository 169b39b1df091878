//! For ids, regions, addresses and names that nobody thought of the cause is the same; a text that was cut or
//! whose words lost their order gives the same cause or none, never another.

use super::{
    read::{self, Told, read},
    reading::Reading,
    rows::{Row, Values, means, rows},
};
use proptest::{prelude::*, sample::select};
use std::collections::BTreeMap;

const REGIONS: [&str; 6] =
    ["us-east-1", "eu-central-2", "ap-northeast-2", "cn-north-1", "us-gov-west-1", "mx-central-1"];

fn values() -> impl Strategy<Value = Values> {
    let inside = prop_oneof![
        "10\\.[1-9][0-9]?\\.[1-9][0-9]?\\.[1-9][0-9]?",
        "192\\.168\\.[1-9][0-9]?\\.[1-9]",
        "172\\.(1[6-9]|2[0-9]|3[01])\\.[1-9]\\.[1-9]",
    ];
    let public = prop_oneof![
        "52\\.21[6-9]\\.[1-9][0-9]?\\.[1-9]",
        "16\\.15\\.[1-9]\\.[1-9][0-9]?",
        "3\\.5\\.[1-9]\\.[1-9]"
    ];
    let image = "[a-z][a-z0-9]{0,8}(/[a-z][a-z0-9_-]{0,8}[a-z]){0,2}";
    let name = "[a-zA-Z][a-zA-Z0-9_-]{0,20}[a-z]";
    (select(&REGIONS[..]), "[0-9]{12}", inside, public, image, name, "[0-9a-f]{8,32}", 1..99_u32)
        .prop_map(|(region, account, inside, public, image, name, hex, count)| Values {
            region: region.to_owned(),
            account,
            inside,
            public,
            image,
            name,
            hex,
            count,
        })
}

fn row() -> impl Strategy<Value = Row> {
    select(rows())
}

/// Whether this is the same cause, with nothing said that the whole text does not say, or none.
fn agrees(told: &Told, row: Row) -> bool {
    let Some(reading) = told.cause() else { return true };
    let told = means(reading);
    told == row.means || row.means.split(' ').next() == Some(told.as_str())
}

/// Every part that is told of a cut text is told of the whole one: a name is whole or not told.
fn is_less(cut: &Reading, whole: &Reading) -> bool {
    fn less<T: PartialEq>(cut: Option<&T>, whole: Option<&T>) -> bool {
        cut.is_none() || cut == whole
    }
    less(cut.dial.as_ref(), whole.dial.as_ref())
        && less(cut.host.as_ref(), whole.host.as_ref())
        && less(cut.action.as_ref(), whole.action.as_ref())
        && less(cut.role.as_ref(), whole.role.as_ref())
        && less(cut.codes.as_ref(), whole.codes.as_ref())
        && less(cut.port.as_ref(), whole.port.as_ref())
        && match (&cut.resource, &whole.resource) {
            (None, _) => true,
            (Some(cut), Some(whole)) => whole.starts_with(cut.as_str()),
            (Some(_), None) => false,
        }
}

proptest! {
    #[test]
    fn other_ids_give_the_same_cause(row in row(), values in values()) {
        let (text, plain) = (values.fill(row.text), Values::default().fill(row.text));
        let told = read(&text).cause().map(means);
        prop_assert_eq!(told.as_deref(), Some(row.means), "{}", text);
        prop_assert_eq!(read::kind(&text), read::kind(&plain));
    }

    #[test]
    fn shuffled_words_give_the_cause_or_none(
        (row, words) in row().prop_flat_map(|row| {
            let words: Vec<_> = Values::default().fill(row.text).split(' ').map(str::to_owned).collect();
            (Just(row), Just(words).prop_shuffle())
        }),
    ) {
        let text = words.join(" ");
        let told = read(&text);
        prop_assert!(agrees(&told, row), "{told:?} of {text}");
    }

    #[test]
    fn swapped_halves_give_the_cause_or_none(row in row(), at in any::<prop::sample::Index>()) {
        let text = Values::default().fill(row.text);
        let words: Vec<_> = text.split(' ').collect();
        let (left, right) = words.split_at(at.index(words.len()));
        let text = [right, left].concat().join(" ");
        let told = read(&text);
        prop_assert!(agrees(&told, row), "{told:?} of {text}");
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,200}", control in "(.|\\n|\\r|\\x1b){0,80}") {
        for text in [&text, &control] {
            let (told, kind) = (read(text), read::kind(text));
            prop_assert!(told == read(text) && !kind.contains('\n'));
            if let Told::Cause(reading) = told {
                let line = reading.to_string();
                prop_assert!(!line.contains(char::is_control) && line.chars().count() <= 221, "{line}");
            }
        }
    }
}

proptest! {
    // Each case is hundreds of texts.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cut_text_gives_its_cause_or_none(row in row(), values in values()) {
        let text = values.fill(row.text);
        let whole = read(&text);
        for (end, _) in text.char_indices() {
            let told = read(&text[..end]);
            prop_assert!(agrees(&told, row), "{told:?} of {}", &text[..end]);
            if let (Told::Cause(cut), Told::Cause(whole)) = (&told, &whole) {
                prop_assert!(is_less(cut, whole), "{cut:?} of {}", &text[..end]);
            }
        }
    }

    #[test]
    fn a_text_without_its_beginning_gives_its_cause_or_none(row in row(), values in values()) {
        let text = values.fill(row.text);
        for (start, _) in text.char_indices() {
            let told = read(&text[start..]);
            prop_assert!(agrees(&told, row), "{told:?} of {}", &text[start..]);
        }
    }
}

#[test]
fn every_row_cut_anywhere_gives_its_cause_or_none() {
    for row in rows() {
        let text = Values::default().fill(row.text);
        for (at, _) in text.char_indices() {
            for part in [&text[..at], &text[at..]] {
                let told = read(part);
                assert!(agrees(&told, row), "{told:?} of {part}");
            }
        }
    }
}

#[test]
fn two_failures_are_not_of_one_kind() {
    let mut kinds: BTreeMap<String, &str> = BTreeMap::new();
    for row in rows() {
        let kind = read::kind(&Values::default().fill(row.text));
        let other = kinds.insert(kind.clone(), row.means);
        assert!(other.is_none_or(|means| means == row.means), "{kind}");
    }
    let unknown =
        |at: u32| format!("SomethingError: task {at}f3e of host 10.0.0.{at} went away at 12:0{at}");
    assert_eq!(read::kind(&unknown(1)), read::kind(&unknown(2)));
    assert_ne!(read::kind(&unknown(1)), read::kind("AnotherError: the task went away"));
}

//! A `Text` is the string it holds, in bytes that may be shared.

use commonhold::bytemuck::{Zeroable, bytes_of, checked};
use commonhold::{Shared, Text, TextTooLong};
use std::collections::{BTreeSet, HashMap};

fn text<const N: usize>(text: &str) -> Text<N> {
    text.parse().unwrap()
}

#[test]
fn it_holds_up_to_n_bytes_and_refuses_more() {
    assert_eq!(text::<4>("abcd"), "abcd");
    assert_eq!(text::<4>("äö"), "äö");
    assert_eq!(text::<0>(""), "");
    assert_eq!(Text::<4>::try_from("äöa"), Err(TextTooLong { len: 5, capacity: 4 }));
    assert_eq!(Text::<0>::try_from(&String::from("a")), Err(TextTooLong { len: 1, capacity: 0 }));
    let longest = "x".repeat(65_535);
    assert_eq!(text::<65_535>(&longest), *longest);
    assert!(Text::<65_535>::try_from(&format!("{longest}x")).is_err());
    let huge = "x".repeat(65_536 + 3);
    assert!(Text::<10>::try_from(&huge).is_err(), "a length that wraps around two bytes");
}

#[test]
fn it_behaves_as_a_str() {
    let name = text::<16>("worker 7");
    assert_eq!(name.len(), 8);
    assert!(name.ends_with('7'));
    assert_eq!(format!("{name:>10}|{name:?}"), "  worker 7|\"worker 7\"");
    assert_eq!(String::from(name), "worker 7");
    assert_eq!(Text::<16>::default(), "");
    assert_eq!(text::<16>("a"), text::<32>("a"));
    let sorted: BTreeSet<_> = ["b", "", "ab", "a"].map(text::<3>).into();
    assert_eq!(sorted.iter().map(Text::as_str).collect::<Vec<_>>(), ["", "a", "ab", "b"]);
    let ages = HashMap::from([(text::<8>("ada"), 36)]);
    assert_eq!(ages.get("ada"), Some(&36));
}

#[test]
fn equal_texts_have_equal_bytes() {
    fn shared<T: Shared + Zeroable>() {}
    shared::<Text<9>>();
    assert_eq!(size_of::<Text<9>>(), 11);
    assert_eq!(align_of::<Text<9>>(), 1);
    let long = text::<9>("abcdefghi");
    assert_eq!(bytes_of(&long), b"\x09\0abcdefghi");
    assert_eq!(bytes_of(&text::<9>(&long[..2])), b"\x02\0ab\0\0\0\0\0\0\0");
    assert_eq!(bytes_of(&Text::<9>::default()), [0; 11]);
}

#[test]
fn only_what_a_text_can_hold_is_read_back() {
    let read = |bytes: &[u8]| checked::try_pod_read_unaligned::<Text<4>>(bytes).ok();
    assert_eq!(read(b"\x02\0ab\0\0"), Some(text("ab")));
    assert_eq!(read(b"\x04\0abcd"), Some(text("abcd")));
    assert_eq!(read(b"\x05\0abcd"), None, "longer than its room");
    assert_eq!(read(b"\0\x01abcd"), None, "256 bytes");
    assert_eq!(read(b"\x02\0a\xff\0\0"), None, "not UTF-8");
    assert_eq!(read(b"\x01\0\xc3\xa4\0\0"), None, "cut within a character");
    assert_eq!(read(b"\x02\0abc\0"), None, "something behind its end");
}

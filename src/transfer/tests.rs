use super::{Packer, Transfer, Unpacker};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

fn packed<T: Transfer>(value: &T) -> Vec<u8> {
    let mut packer = Packer::new();
    value.pack(&mut packer).unwrap();
    packer.bytes().to_vec()
}

fn unpacked<T: Transfer>(bytes: &[u8]) -> Result<T, super::Refused> {
    let mut from = Unpacker::new(bytes);
    let value = T::unpack(&mut from)?;
    from.finish()?;
    Ok(value)
}

/// It arrives as it was; cut short at any byte it is refused.
fn crosses<T: Transfer + PartialEq + Debug>(value: T) {
    let bytes = packed(&value);
    assert_eq!(unpacked::<T>(&bytes).unwrap(), value);
    for len in 0..bytes.len() {
        assert!(unpacked::<T>(&bytes[..len]).is_err(), "{value:?} cut after {len} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(unpacked::<T>(&longer).is_err(), "{value:?} and a byte more");
}

#[derive(Clone, PartialEq, Debug)]
struct Page {
    url: String,
    links: Vec<Page>,
}
crate::transfer!(Page { url, links });

#[derive(Clone, Copy, PartialEq, Debug, bytemuck::NoUninit, bytemuck::CheckedBitPattern)]
#[repr(u8)]
enum Phase {
    Idle,
    Busy = 7,
}
crate::transfer!(Phase);

#[derive(PartialEq, Debug)]
struct Unit;
crate::transfer!(Unit {});

#[derive(PartialEq, Debug)]
struct Pair(u8, String);
crate::transfer!(Pair { 0, 1 });

#[test]
fn values_arrive_as_they_were() {
    crosses((u64::MAX, i8::MIN, 1_u128 << 100, -1_isize, 0.5_f32, f64::INFINITY, 'ß', true));
    crosses(());
    crosses(((), (1_u8,)));
    crosses(String::from("grüße"));
    crosses(String::new());
    crosses(vec![1.5_f64, -0.0]);
    crosses(vec![vec![Some("a".to_owned()), None], vec![]]);
    crosses(vec![(); 5]);
    crosses([(), ()]);
    crosses([[1_u16; 3]; 2]);
    crosses([String::from("a"), String::from("b")]);
    crosses(vec![7_u8; 1000].into_boxed_slice());
    crosses(vec![Unit, Unit]);
    crosses(vec![[0_u64; 0]; 3]);
    crosses(Ok::<u8, String>(3));
    crosses(Err::<u8, String>("no".to_owned()));
    crosses(Duration::new(u64::MAX, 999_999_999));
    crosses(PathBuf::from("/dev/shm/ä"));
    crosses(Page { url: "a".into(), links: vec![Page { url: "b".into(), links: vec![] }] });
    crosses([Phase::Idle, Phase::Busy]);
    crosses(Pair(1, "one".into()));
}

#[test]
fn bytes_that_are_no_value_are_refused() {
    assert!(unpacked::<bool>(&[2]).is_err());
    assert!(unpacked::<char>(&0xD800_u32.to_ne_bytes()).is_err());
    assert!(unpacked::<Phase>(&[1]).is_err());
    assert!(unpacked::<Option<u8>>(&[2, 0]).is_err());
    assert!(unpacked::<String>(&packed(&vec![0xFF_u8])).is_err());
    assert!(unpacked::<Duration>(&packed(&(0_u64, 1_000_000_000_u32))).is_err());
}

#[test]
fn a_length_that_cannot_be_allocates_nothing() {
    let huge = |len: u64| [&len.to_ne_bytes()[..], &[0; 16]].concat();
    for len in [17, 1 << 40, u64::MAX] {
        assert!(unpacked::<Vec<()>>(&huge(len)).is_err());
        assert!(unpacked::<Vec<u8>>(&huge(len)).is_err());
        assert!(unpacked::<Vec<[u64; 1000]>>(&huge(len)).is_err());
        assert!(unpacked::<Vec<Vec<String>>>(&huge(len)).is_err());
        assert!(unpacked::<String>(&huge(len)).is_err());
    }
    assert!(unpacked::<Vec<u64>>(&huge(16)).is_err(), "128 bytes are not there");
}

#[test]
fn what_is_too_deep_is_refused_on_both_sides() {
    let nested = |depth| {
        let leaf = Page { url: String::new(), links: vec![] };
        (0..depth).fold(leaf, |page, _| Page { url: String::new(), links: vec![page] })
    };
    crosses(nested(20));
    assert!(nested(1000).pack(&mut Packer::new()).is_err());
    // A thousand times an empty url and one link.
    let level = [&0_u64.to_ne_bytes()[..], &1_u64.to_ne_bytes()].concat();
    let why = unpacked::<Page>(&level.repeat(1000)).unwrap_err();
    assert!(why.reason().contains("deep"), "{why}");
}

#[test]
fn a_packer_is_used_again() {
    let mut packer = Packer::new();
    (1_u64, 2_u64).pack(&mut packer).unwrap();
    packer.carry(String::from("kept"));
    packer.clear();
    assert!(packer.bytes().is_empty() && packer.take_carried().is_empty());
    3_u8.pack(&mut packer).unwrap();
    assert_eq!(packer.bytes(), [3]);
}

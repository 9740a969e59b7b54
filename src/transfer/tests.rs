use super::{Packer, Transfer, Unpacker};
use crate::{Array, Event, Lock, Process, Queue, Segment, Value};
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
    if let Some(size) = T::SIZE {
        is_of_size(size, value, &bytes);
    }
}

/// It is put as it is packed, and several that were put are read back together; not one less, or more.
fn is_of_size<T: Transfer + PartialEq + Debug>(size: usize, value: T, packed: &[u8]) {
    let mut put = vec![0xA5; size];
    value.put(&mut put);
    assert_eq!(put, packed, "{value:?}");
    assert_eq!(T::get(packed).as_ref(), Some(&value));
    assert!((0..size).all(|len| T::get(&packed[..len]).is_none()), "{value:?} cut");
    assert!(T::get(&[packed, &[0]].concat()).is_none(), "{value:?} and a byte more");
    let mut items = vec![value];
    T::unpack_onto(&mut items, 2, &packed.repeat(2)).unwrap();
    assert!(items.len() == 3 && items[1] == items[0] && items[2] == items[0], "{items:?}");
    for count in [1, 3].into_iter().filter(|_| size > 0) {
        assert!(T::unpack_onto(&mut Vec::new(), count, &packed.repeat(2)).is_err(), "{count}");
    }
}

#[derive(PartialEq, Debug)]
struct Point {
    at: (i32, i32),
    phase: Phase,
}
crate::transfer!(Point { at, phase });

#[test]
fn what_is_always_as_long_is_known_by_its_type() {
    assert_eq!(
        [u64::SIZE, <()>::SIZE, bool::SIZE, char::SIZE],
        [Some(8), Some(0), Some(1), Some(4)]
    );
    assert_eq!([<(u8, [u16; 3])>::SIZE, Phase::SIZE, Unit::SIZE], [Some(7), Some(1), Some(0)]);
    assert_eq!([Point::SIZE, Duration::SIZE], [Some(9), Some(12)]);
    assert_eq!([Pair::SIZE, Option::<u8>::SIZE, <(u8, String)>::SIZE, Vec::<u8>::SIZE], [None; 4]);
    // A byte for each item that has none, so that the number of items is not more than the bytes there are.
    assert_eq!([<[(); 3]>::SIZE, <[Unit; 0]>::SIZE], [None; 2]);
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
    crosses(Unit);
    crosses(Point { at: (-1, 1), phase: Phase::Busy });
    crosses([Point { at: (0, 1), phase: Phase::Idle }, Point { at: (2, 3), phase: Phase::Busy }]);
    crosses([[[0x5A_u8; 7]; 5]; 9]);
}

#[test]
fn bytes_that_are_no_value_are_refused() {
    assert!(unpacked::<bool>(&[2]).is_err());
    assert!(bool::unpack_onto(&mut Vec::new(), 3, &[1, 0, 2]).is_err());
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

// ---- handles in messages ----

const LONG: Duration = Duration::from_secs(60);

/// In another process: the bytes of a value, and 42 added to it.
fn add_42(bytes: Vec<u8>) -> Result<(), super::Refused> {
    unpacked::<Value<u64>>(&bytes)?.fetch_add(42);
    Ok(())
}

#[test]
fn a_handle_in_a_message_leads_to_the_same_object() {
    let name = format!("transfer-{}", std::process::id());
    let shop = Segment::create(&name, 1 << 16).unwrap();
    let values = [
        Value::new(0_u64).unwrap(),
        Value::create(&format!("{name}-own"), 0).unwrap(),
        Value::create(shop.at("value"), 0).unwrap(),
    ];
    for value in values {
        let mut packer = Packer::new();
        value.pack(&mut packer).unwrap();
        unpacked::<Value<u64>>(packer.bytes()).unwrap().fetch_add(1);
        let child = Process::spawn(add_42, packer.bytes().to_vec()).unwrap();
        assert!(child.join().unwrap().success(), "{value:?}");
        assert_eq!(value.get(), 43);
        // Of another type, or at another place, it is refused.
        let why = unpacked::<Value<i64>>(packer.bytes()).unwrap_err();
        assert!(why.reason().contains("holds Value<u64>"), "{why}");
        let mut elsewhere = packer.bytes().to_vec();
        let last = elsewhere.len() - 8;
        elsewhere[last] ^= 8;
        assert!(unpacked::<Value<u64>>(&elsewhere).is_err());
    }
    let mut packer = Packer::new();
    shop.pack(&mut packer).unwrap();
    let same = unpacked::<Segment>(packer.bytes()).unwrap();
    assert_eq!(same.names().unwrap(), ["value"]);
}

#[test]
fn a_name_that_leads_elsewhere_now_is_not_followed() {
    let name = format!("transfer-old-{}", std::process::id());
    let old = Value::create(&name, 1_u64).unwrap();
    old.unlink().unwrap();
    let new = Value::create(&name, 2_u64).unwrap();
    let mut packer = Packer::new();
    old.pack(&mut packer).unwrap();
    let child = Process::spawn(add_42, packer.bytes().to_vec()).unwrap();
    assert!(child.join().unwrap().success());
    assert_eq!((old.get(), new.get()), (43, 2));
}

#[test]
fn what_is_carried_keeps_the_object_and_counts_the_sender() {
    let queue = Queue::<u64>::new(4).unwrap();
    let sender = queue.sender();
    let mut packer = Packer::new();
    sender.pack(&mut packer).unwrap();
    drop(sender);
    assert!(!queue.is_closed(), "it is on its way");
    let arrived = unpacked::<crate::Sender<u64>>(packer.bytes()).unwrap();
    packer.clear();
    arrived.send(7).unwrap();
    drop(arrived);
    assert!(queue.is_closed());
    assert_eq!(queue.recv(), Ok(7));
}

#[test]
fn a_descriptor_crosses_in_no_message() {
    let file = tempfile::tempfile().unwrap();
    let why = file.pack(&mut Packer::new()).unwrap_err();
    assert!(why.reason().contains("argument of `spawn`"), "{why}");
}

/// Makes an anonymous value that another process uses as well, and tells its bytes.
fn tell_and_wait(bytes: Array<u8>, told: Event, keeper: Value<u32>, go: Event) {
    let value = Value::<u64>::new(7).unwrap();
    let hold = |value: Value<u64>, go: Event| {
        go.wait();
        assert_eq!(value.get(), 49);
    };
    let child = Process::options().detach(true).spawn(hold, (value.clone(), go)).unwrap();
    keeper.set(child.pid());
    let packed = packed(&value);
    bytes.set(0, packed.len() as u8).unwrap();
    packed.iter().enumerate().for_each(|(at, byte)| bytes.set(at + 1, *byte).unwrap());
    told.set();
    std::thread::sleep(LONG);
}

#[test]
fn an_anonymous_object_is_found_through_another_user_when_who_sent_it_is_dead() {
    let (bytes, told) = (Array::<u8>::new(256).unwrap(), Event::new().unwrap());
    let (keeper, go) = (Value::new(0).unwrap(), Event::new().unwrap());
    let args = (bytes.clone(), told.clone(), keeper.clone(), go.clone());
    let sender = Process::spawn(tell_and_wait, args).unwrap();
    assert!(told.wait_timeout(LONG));
    sender.kill().unwrap();
    sender.join().unwrap();
    let all = bytes.to_vec();
    let packed = &all[1..1 + usize::from(all[0])];
    {
        let value = unpacked::<Value<u64>>(packed).unwrap();
        value.fetch_add(42);
    }
    go.set();
    let start = std::time::Instant::now();
    while !crate::sys::liveness::is_dead(keeper.get(), 0) {
        assert!(start.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(1));
    }
    let why = unpacked::<Value<u64>>(packed).unwrap_err();
    assert!(why.reason().contains("gone"), "{why}");
}

#[test]
fn bytes_that_were_overwritten_make_no_handle_and_do_no_harm() {
    let lock = Lock::new().unwrap();
    let good = packed(&lock);
    for at in 0..good.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= bit;
            // Where the descriptor's or a pid's bytes are not needed, it is the lock all the same.
            if let Ok(found) = unpacked::<Lock>(&bytes) {
                drop(found.lock().unwrap());
            }
        }
    }
    drop(lock.lock().unwrap());
}

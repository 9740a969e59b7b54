use crate::children::{Child, alone, fork};
use crate::sys::hook::arm;
use crate::{Buffer, ErrorKind, Segment};

/// A child that is stopped at this point of adding ten thousand sevens to the segment.
fn stopped_adding(shop: &Segment, point: &'static str) -> Child {
    let child = fork(|| {
        arm(point);
        Buffer::create_from_slice(shop.at("sevens"), &[7_u8; 10_000]).unwrap();
    });
    child.stopped();
    child
}

alone! {
    fn an_object_whose_maker_died_half_way_does_not_exist_and_left_nothing() {
        let shop = Segment::create("shop", 1 << 16).unwrap();
        Buffer::create_from_slice(shop.at("before"), &[1_u8; 100]).unwrap();
        for _ in 0..2 {
            let maker = stopped_adding(&shop, "add.built");
            assert_eq!(shop.names().unwrap(), ["before"]);
            let missing = Buffer::<u8>::open(shop.at("sevens")).unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
            maker.kill();
            assert_eq!(shop.names().unwrap(), ["before"]);
        }
        // Smaller, then beyond what was touched.
        for (name, len) in [("small", 500), ("large", 20_000), ("last", 5_000)] {
            let zeros = Buffer::<u8>::create(shop.at(name), len).unwrap();
            assert!(zeros.read().unwrap().iter().all(|byte| *byte == 0), "{name}");
            zeros.write().unwrap().fill(9);
        }
        assert_eq!(shop.names().unwrap(), ["before", "small", "large", "last"]);
        assert_eq!(Buffer::<u8>::open(shop.at("before")).unwrap().read().unwrap()[..], [1; 100]);
    }

    fn an_object_whose_maker_died_right_after_exists_whole() {
        let shop = Segment::create("shop", 1 << 16).unwrap();
        let maker = stopped_adding(&shop, "add.committed");
        let sevens = Buffer::<u8>::open(shop.at("sevens")).unwrap();
        assert_eq!(sevens.read().unwrap()[..], [7; 10_000]);
        maker.kill();
        Buffer::<u8>::create(shop.at("next"), 10).unwrap();
        assert_eq!(shop.names().unwrap(), ["sevens", "next"]);
    }

    fn one_that_is_stopped_in_the_middle_is_waited_for() {
        let shop = Segment::create("shop", 1 << 16).unwrap();
        let maker = stopped_adding(&shop, "add.built");
        let other = fork(|| {
            let found = Buffer::<u8>::open_or_create(shop.at("sevens"), 5).unwrap();
            assert_eq!(found.read().unwrap()[..], [7; 10_000]);
        });
        std::thread::sleep(std::time::Duration::from_millis(50)); // so that it waits; if not, it still works
        assert!(other.is_running());
        maker.resume();
        maker.succeed();
        other.succeed();
    }
}

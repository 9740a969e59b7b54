use super::*;
use crate::children::{LONG, alone, fork, stop_here};
use crate::segment::options::SegmentOptions;
use crate::segment::tag::GENERATIONS;
use crate::{Buffer, Lock, LockError, Mutex, Queue, Segment, Semaphore};

alone! {
    /// Its tag comes back as a living one's, and is nowhere to be found.
    fn what_a_dead_process_held_stays_a_dead_ones_when_its_tag_is_given_out_again() {
        let shop = Segment::options().participants(2).create("shop", 1 << 20).unwrap();
        let door = Lock::create(shop.at("door")).unwrap();
        let books = Mutex::create(shop.at("books"), 7_u64).unwrap();
        let seats = Semaphore::create(shop.at("seats"), 3).unwrap();
        let (page, pad) = (
            Buffer::<u8>::create(shop.at("page"), 10).unwrap(),
            Buffer::<u8>::create(shop.at("pad"), 10).unwrap(),
        );
        let jobs = Queue::<u64>::create(shop.at("jobs"), 4).unwrap();
        jobs.send(1).unwrap();
        let holder = fork(|| {
            let _door = door.lock().unwrap();
            let _books = books.lock().unwrap();
            let _seats = (seats.acquire(), seats.acquire());
            let _reading = page.read().unwrap();
            let _writing = pad.write().unwrap();
            let _lease = jobs.lease().unwrap();
            stop_here();
        });
        holder.stopped();
        holder.kill();
        let held_under = Tag::new(1, 1);
        let segment = lifecycle::open("shop", &SegmentOptions::default()).unwrap();
        let mut came_back = false;
        for _ in 0..=GENERATIONS {
            let tag = segment.register(Identity::of_this_process().unwrap()).unwrap();
            assert_eq!(tag.row(), 1);
            if tag == held_under {
                came_back = true;
                break; // and this process has it
            }
            segment.participants().retire(tag);
        }
        assert!(came_back);
        assert!(!segment.is_dead(held_under, Look::Quick));
        assert!(!claims::holds_guards(&segment, held_under));
        assert_eq!(door.lock().unwrap_err(), LockError::OwnerDied);
        drop(door.recover().unwrap());
        assert_eq!(books.lock().unwrap_err(), LockError::OwnerDied);
        assert_eq!(*books.recover().unwrap(), 7);
        drop([seats.acquire(), seats.acquire(), seats.acquire()]);
        drop(page.write().unwrap());
        assert_eq!(pad.read().unwrap_err(), LockError::OwnerDied);
        drop(pad.recover().unwrap());
        assert_eq!(jobs.recv(), Ok(1));
        segment.participants().retire(held_under);
    }
}

alone! {
    fn permits_of_the_dead_come_back_to_who_gets_their_row_too() {
        let place = || Segment::options().participants(2);
        let seats = Semaphore::create(place().at("seats"), 3).unwrap();
        for _ in 0..3 {
            let holder = fork(|| {
                let _held = (seats.acquire(), seats.acquire());
                stop_here();
            });
            holder.stopped();
            holder.kill();
            // One is left; whoever takes it has the dead one's row, and its count.
            fork(|| drop(seats.acquire())).succeed();
            let all: Vec<_> = (0..3).map(|_| seats.acquire_timeout(LONG).unwrap()).collect();
            assert!(seats.try_acquire().is_err());
            drop(all);
            assert_eq!(seats.available(), 3);
        }
    }
}

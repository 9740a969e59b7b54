//! Tries beside the dead: "empty" is not said of a queue in which dead receivers left a message.

use super::*;
use crate::Value;
use crate::children::{alone, fork, wait_until};
use crate::raw::hook::arm;

/// Points on a receiver's way, and on the way to recover another.
const POINTS: [&str; 12] = [
    "queue.recv.before_claim",
    "queue.recv.claimed",
    "queue.recv.before_release",
    "queue.before_record",
    "queue.adopt.before_newest",
    "queue.adopt.before_orphan",
    "queue.adopted",
    "queue.bias.before_grant",
    "queue.bias.granted",
    "queue.bias.revoking",
    "queue.bias.revoked",
    "queue.bias.seated",
];

/// A receiver that dies at this point, if it comes there; else it has its message, or finds none.
fn dies(queue: &Queue<u64>, point: &'static str, received: &Value<u32>) {
    let receiver = fork(|| {
        arm(point);
        if queue.try_recv().is_ok() {
            received.fetch_add(1);
        }
    });
    wait_until("it to stop or end", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", receiver.pid()));
        stat.is_ok_and(|stat| stat.contains(") T ") || stat.contains(") Z "))
    });
    receiver.kill();
}

alone! {
    fn what_two_dead_receivers_left_is_found_by_one_try() {
        let received = Value::<u32>::new(0).unwrap();
        for (first, second) in POINTS.iter().flat_map(|first| POINTS.map(|second| (*first, second))) {
            for is_due in [true, false] {
                let queue = Queue::<u64>::new(4).unwrap();
                received.set(0);
                queue.send(1).unwrap();
                dies(&queue, first, &received);
                dies(&queue, second, &received);
                let other = queue.clone();
                if !is_due {
                    other.recv_end.looks_no_more();
                }
                let expected = if received.get() > 0 { Err(TryRecvError::Empty) } else { Ok(1) };
                assert_eq!(other.try_recv(), expected, "{first}, {second}, due: {is_due}");
                assert_eq!(other.try_recv(), Err(TryRecvError::Empty));
            }
        }
    }
}

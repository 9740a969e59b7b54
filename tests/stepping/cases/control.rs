//! What must be caught: things of others, and a textbook lock, that do not outlive a death.

use commonhold::Value;
use nix::unistd::Pid;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::case::{Case, Ground, Trial};
use crate::controls::{ALL, Control, Make, PATIENCE};
use crate::helper::{BOUND, Helper, sleeps};
use crate::log::Page;

pub fn cases() -> Vec<Case> {
    let all = [
        Case::new("a CAS lock without an owner", "free", textbook_lock),
        Case::new(ALL[0].0, "taken, given back", |ground| dies(ground, ALL[0].1)),
        Case::new(ALL[1].0, "taken, given back", |ground| dies(ground, ALL[1].1)),
        Case::new(ALL[2].0, "taken, given back", |ground| dies(ground, ALL[2].1)),
        Case::new(ALL[2].0, "woken beside another waiter", |ground| {
            woken(ground, ALL[2].1, |_, _| {})
        }),
        Case::new(ALL[3].0, "woken beside another waiter, in vain", |ground| {
            woken(ground, ALL[3].1, take_before)
        }),
        Case::new(ALL[4].0, "taken, given back", |ground| dies(ground, ALL[4].1)),
    ];
    all.into_iter().map(Case::control).collect()
}

/// Whether it could be taken in time.
fn lock(word: &Value<u64>) -> bool {
    let since = Instant::now();
    while word.compare_exchange(0, 1).is_err() {
        if since.elapsed() > Duration::from_millis(50) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

fn textbook_lock(ground: &Ground) -> Trial {
    let word = Value::<u64>::create(ground.segment.at("word"), 0).unwrap();
    let (own, enter) = (word.clone(), ground.entrance());
    Trial::new(
        move |mark| {
            enter();
            mark.begin();
            lock(&own);
            own.set(0);
            mark.end(&[])
        },
        move |_| {
            assert!(lock(&word), "waits for the dead");
            word.set(0);
        },
    )
}

/// Nobody has it once its user is dead.
fn dies(_: &Ground, make: Make) -> Trial {
    let thing: Rc<dyn Control> = make().into();
    let own = thing.clone();
    Trial::new(
        move |mark| {
            mark.begin();
            own.take();
            own.give();
            mark.end(&[])
        },
        move |_| {
            assert!(thing.take(), "waits for the dead");
            thing.give();
        },
    )
}

/// Where the victim says who it is.
const PID: usize = 15;

/// Two wait; who is woken dies; the other must be served.
fn woken(ground: &Ground, make: Make, then: Then) -> Trial {
    let thing: Rc<dyn Control> = make().into();
    let page = ground.page;
    let (own, other) = (thing.clone(), thing);
    let holder = Helper::start(page, 2, move |log| {
        assert!(other.take());
        log.tell(PID, 1);
        log.end(&[u64::from(serve(&*other, page, then))])
    });
    let since = Instant::now();
    while page.log(2).told(PID) == 0 {
        assert!(since.elapsed() < BOUND, "nobody takes it: {}", page.said());
        std::thread::yield_now();
    }
    Trial::new(
        move |mark| {
            mark.tell(PID, u64::from(std::process::id()));
            mark.begin();
            let took = own.take();
            mark.end(&[u64::from(took)])
        },
        move |_| assert_eq!(holder.ends(), [1], "it waited in vain"),
    )
}

/// What is done after it was given away.
type Then = fn(&dyn Control, Page);

fn victim(page: Page) -> Pid {
    Pid::from_raw(page.log(0).told(PID) as i32)
}

/// Takes it again before who was woken does, until that one is dead.
fn take_before(thing: &dyn Control, page: Page) {
    assert!(thing.take());
    let since = Instant::now();
    while is_there(victim(page)) && since.elapsed() < PATIENCE / 4 {
        std::thread::sleep(Duration::from_micros(100));
    }
    thing.give();
}

/// Gives it away once the victim sleeps, or is dead, and another after it; and says how that one fared.
fn serve(thing: &dyn Control, page: Page, then: Then) -> bool {
    let since = Instant::now();
    let comes = || victim(page).as_raw() == 0;
    while comes() || (is_there(victim(page)) && !sleeps(victim(page))) {
        assert!(since.elapsed() < BOUND, "the victim does not come to wait");
        std::thread::sleep(Duration::from_micros(100));
    }
    // SAFETY: a reference to what outlives the child, which is a copy of this process.
    let second: &'static dyn Control = unsafe { std::mem::transmute(thing) };
    let second = Helper::asleep(page, 3, move |log| log.end(&[u64::from(second.take())]));
    thing.give();
    then(thing, page);
    second.ends() == [1]
}

fn is_there(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

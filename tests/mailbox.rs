//! The public contract of `Mailbox`, between processes: anything crosses, handles too, and whole.

mod children;

use children::{LONG, all_succeed, alone, fork, promptly, stop_here, wait_until};
use commonhold::*;
use std::time::Duration;

commonhold::test_support!();

#[derive(Clone, PartialEq, Debug)]
struct Page {
    url: String,
    links: Vec<Page>,
    size: Option<u64>,
}
transfer!(Page { url, links, size });

fn page() -> Page {
    let leaf = |url: &str| Page { url: url.into(), links: vec![], size: None };
    Page { url: "/".into(), links: vec![leaf("/a"), leaf("/ä")], size: Some(7) }
}

/// What a worker is asked, and where it answers.
struct Request {
    numbers: Vec<u64>,
    reply: Mailbox<(u64, String)>,
    done: Event,
}
transfer!(Request { numbers, reply, done });

#[test]
fn a_child_gets_a_mailbox_and_answers_to_another_that_comes_in_a_message() {
    let requests = Mailbox::<Request>::new(1 << 16).unwrap();
    let child = Process::spawn(
        |requests: Mailbox<Request>| {
            while let Ok(Request { numbers, reply, done }) = requests.recv() {
                reply.send((numbers.iter().sum(), "sum".into())).unwrap();
                done.set();
            }
        },
        (requests.clone(),),
    )
    .unwrap();
    for number in 1..=20 {
        let (reply, done) = (Mailbox::new(256).unwrap(), Event::new().unwrap());
        // Longer than the capacity now and then.
        let numbers = vec![number; number as usize * 1000];
        let request = Request { numbers, reply: reply.clone(), done: done.clone() };
        requests.send(request).ok().unwrap();
        assert_eq!(reply.recv().unwrap(), (number * number * 1000, "sum".into()));
        assert!(done.wait_timeout(LONG));
    }
    requests.close();
    assert!(child.join().unwrap().success());
}

#[test]
fn another_type_under_its_name_is_refused_and_one_of_the_same_name_is_not() {
    let name = format!("mailbox-types-{}", std::process::id());
    let _mailbox = Mailbox::<Page>::create(&name, 4096).unwrap();
    let other = Mailbox::<String>::open(&name).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::TypeMismatch);
    let text = other.to_string();
    assert!(text.contains("Mailbox<Page>") && text.contains("Mailbox<String>"), "{text}");
    mod elsewhere {
        pub struct Page(pub u8);
        commonhold::transfer!(Page { 0 });
    }
    assert!(Mailbox::<elsewhere::Page>::open(&name).is_ok());
    assert_eq!(Queue::<u64>::open(&name).unwrap_err().kind(), ErrorKind::TypeMismatch);
}

#[test]
fn a_message_of_another_type_of_that_name_panics_and_is_gone() {
    let name = format!("mailbox-mixed-{}", std::process::id());
    let pages = Mailbox::<Page>::create(&name, 4096).unwrap();
    mod elsewhere {
        pub struct Page(pub u8);
        commonhold::transfer!(Page { 0 });
    }
    let others = Mailbox::<elsewhere::Page>::open(&name).unwrap();
    others.send(elsewhere::Page(3)).ok().unwrap();
    pages.send(page()).unwrap();
    let received = std::panic::catch_unwind(|| pages.recv());
    let panic = *received.unwrap_err().downcast::<String>().unwrap();
    assert!(panic.contains("message cannot be received"), "{panic}");
    assert_eq!(pages.recv(), Ok(page()));
}

#[test]
fn what_crosses_to_a_child_only_is_refused_in_a_message() {
    let mailbox = Mailbox::<std::fs::File>::new(4096).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let sent = std::panic::catch_unwind(|| mailbox.send(file).is_ok());
    let panic = *sent.unwrap_err().downcast::<String>().unwrap();
    assert!(panic.contains("cannot cross"), "{panic}");
    assert!(mailbox.is_empty());
}

#[test]
fn several_in_one_segment_have_long_messages_of_their_own() {
    let name = format!("mailbox-several-{}", std::process::id());
    let segment = Segment::create(&name, 1 << 20).unwrap();
    let names: Vec<String> = (0..5).map(|number| format!("box{number}")).collect();
    let all: Vec<Mailbox<Vec<u8>>> =
        names.iter().map(|name| Mailbox::create(segment.at(name), 512).unwrap()).collect();
    for round in 1..4 {
        for (number, mailbox) in all.iter().enumerate() {
            mailbox.send(vec![number as u8; round * 50_000]).unwrap();
            mailbox.send(vec![number as u8; 10]).unwrap();
        }
        for (number, name) in names.iter().enumerate() {
            let same = Mailbox::<Vec<u8>>::open(segment.at(name)).unwrap();
            assert_eq!(same.recv().unwrap(), vec![number as u8; round * 50_000]);
            assert_eq!(same.recv().unwrap(), vec![number as u8; 10]);
        }
    }
    // The file goes on beyond what is mapped now, and is opened as before.
    alone_opens(&name);
}

/// Opens the segment in a process that has not, and uses a mailbox there.
fn alone_opens(name: &str) {
    let child = Process::spawn(
        |name: String| {
            let segment = Segment::open(&name).unwrap();
            let mailbox = Mailbox::<Vec<u8>>::open(segment.at("box0")).unwrap();
            mailbox.send(vec![9; 100_000]).unwrap();
            assert_eq!(mailbox.recv().unwrap(), vec![9; 100_000]);
            assert!(segments().unwrap().iter().all(|info| info.size() < 1 << 40));
        },
        (name.to_owned(),),
    )
    .unwrap();
    assert!(child.join().unwrap().success());
}

alone! {
    fn a_handle_in_flight_outlives_its_senders_own() {
        let mailbox = Mailbox::<Queue<u64>>::new(4096).unwrap();
        let child = fork(|| {
            let queue = Queue::<u64>::new(4).unwrap();
            queue.send(7).unwrap();
            mailbox.send(queue).unwrap(); // and so it is gone here
            stop_here();
        });
        child.stopped();
        let queue = mailbox.recv().unwrap();
        assert_eq!(queue.recv(), Ok(7));
        queue.send(8).unwrap();
        child.kill();
        assert_eq!(queue.recv(), Ok(8));
    }

    fn a_named_object_in_flight_keeps_its_name() {
        let mailbox = Mailbox::<Value<u64>>::new(4096).unwrap();
        let child = fork(|| {
            mailbox.send(Value::create("in-flight", 7).unwrap()).unwrap();
            stop_here();
        });
        child.stopped();
        let value = mailbox.recv().unwrap();
        assert_eq!(value.get(), 7);
        child.kill();
        assert_eq!(Value::<u64>::open("in-flight").unwrap().get(), 7);
    }

    fn a_handle_whose_object_is_gone_panics_and_the_next_message_is_received() {
        let mailbox = Mailbox::<Option<Queue<u64>>>::new(4096).unwrap();
        let child = fork(|| {
            mailbox.send(Some(Queue::new(4).unwrap())).unwrap();
            mailbox.send(None).unwrap();
        });
        child.succeed();
        let received = std::panic::catch_unwind(|| mailbox.recv());
        assert!(received.is_err(), "its only user has ended");
        assert!(mailbox.recv().unwrap().is_none());
    }

    fn a_sender_that_ended_has_sent_and_a_persistent_mailbox_keeps_it() {
        let at = || Segment::options().persistent(true).at("mail");
        fork(|| {
            let mailbox = Mailbox::<Page>::create(at(), 4096).unwrap();
            mailbox.send(page()).unwrap();
            let long = Page { url: "x".repeat(100_000), links: vec![], size: None };
            mailbox.send(long).unwrap();
        }).succeed();
        let mailbox = Mailbox::<Page>::open("mail").unwrap();
        assert_eq!(mailbox.len(), 2);
        assert_eq!(mailbox.recv().unwrap(), page());
        assert_eq!(mailbox.recv().unwrap().url.len(), 100_000);
        mailbox.unlink().unwrap();
    }

    fn waits_over_processes_end() {
        let mailbox = Mailbox::<Vec<u8>>::new(64).unwrap();
        let receiver = fork(|| assert_eq!(mailbox.recv(), Ok(vec![1])));
        receiver.asleep();
        mailbox.send(vec![1]).unwrap();
        promptly("received", || receiver.succeed());
        mailbox.send(vec![0; 50]).unwrap();
        let sender = fork(|| mailbox.send(vec![2; 50]).unwrap());
        sender.asleep();
        assert_eq!(mailbox.recv().unwrap(), [0; 50]);
        promptly("sent", || sender.succeed());
        let late = mailbox.recv_timeout(Duration::from_secs(1));
        assert_eq!(late.unwrap(), [2; 50]);
        let waiting: Vec<_> = (0..3).map(|_| fork(|| {
            assert_eq!(mailbox.recv(), Err(RecvError::Closed));
        })).collect();
        waiting.iter().for_each(children::Child::asleep);
        mailbox.close();
        promptly("closed", || all_succeed(waiting));
    }

    /// Senders are killed all the time, in the middle of long messages too: what they sent is received,
    /// each once and in order, and no memory stays behind.
    fn senders_killed_at_random_leave_nothing_half_sent() {
        let mailbox = Mailbox::<(u64, Vec<u8>)>::create("storm", 2000).unwrap();
        let length = |number: u64| (number * 997 % 9000) as usize;
        let mut next = 0;
        for round in 0..60 {
            let sender = fork(|| {
                for number in next.. {
                    mailbox.send((number, vec![number as u8; length(number)])).unwrap();
                }
            });
            let wanted = next + 1 + round * 7 % 40;
            wait_until("messages", || {
                while let Ok((number, bytes)) = mailbox.try_recv() {
                    assert_eq!((number, bytes.len()), (next, length(number)));
                    assert!(bytes.iter().all(|byte| *byte == number as u8));
                    next += 1;
                }
                next >= wanted
            });
            sender.kill();
            while let Ok((number, _)) = mailbox.recv_timeout(Duration::from_millis(1)) {
                assert_eq!(number, next);
                next += 1;
            }
        }
        println!("{next} messages");
        // All of its memory is what it was made with.
        let held = |path: &std::path::Path| {
            std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap())
        };
        let path = children::directory().join("storm");
        let fresh = Mailbox::<(u64, Vec<u8>)>::create("fresh", 2000).unwrap();
        mailbox.send((next, vec![0; 100_000])).unwrap();
        mailbox.recv().unwrap();
        assert_eq!(held(&path), held(&children::directory().join("fresh")));
        drop(fresh);
    }
}

alone! {
    fn a_limit_on_files_is_a_panic_that_says_so_and_no_signal() {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let mailbox = Mailbox::<Vec<u8>>::new(4096).unwrap();
        let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
        setrlimit(Resource::RLIMIT_FSIZE, 1 << 20, hard).unwrap();
        let sent = std::panic::catch_unwind(|| mailbox.send(vec![1; 100_000]));
        let panic = *sent.unwrap_err().downcast::<String>().unwrap();
        assert!(panic.contains("100008 bytes") && panic.contains("File too large"), "{panic}");
        setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
        mailbox.send(vec![1; 100_000]).unwrap();
        assert_eq!(mailbox.recv().unwrap().len(), 100_000);
    }

    fn a_long_message_waits_for_memory() {
        use nix::mount::{MsFlags, mount};
        use nix::sched::{CloneFlags, unshare};
        let small = children::directory().join("small");
        std::fs::create_dir(&small).unwrap();
        fork(|| {
            if let Err(why) = unshare(CloneFlags::CLONE_NEWNS) {
                return println!("skipped, a small file system: {why}");
            }
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            mount(Some("tmpfs"), &small, Some("tmpfs"), MsFlags::empty(), Some("size=1m")).unwrap();
            // SAFETY: no other thread reads the environment.
            unsafe { std::env::set_var("COMMONHOLD_DIR", &small) };
            let mailbox = Mailbox::<Vec<u8>>::create("mail", 4096).unwrap();
            mailbox.send(vec![1; 600_000]).unwrap();
            let full = mailbox.try_send(vec![2; 600_000]).unwrap_err();
            assert!(matches!(full, TrySendError::Full(_)));
            mailbox.send(vec![3; 10]).unwrap(); // a short one needs none
            let waiter = fork(|| mailbox.send(vec![4; 600_000]).unwrap());
            waiter.asleep();
            assert_eq!(mailbox.recv().unwrap(), vec![1; 600_000]);
            promptly("sent", || waiter.succeed());
            assert_eq!(mailbox.recv().unwrap(), vec![3; 10]);
            assert_eq!(mailbox.recv().unwrap(), vec![4; 600_000]);
            let never = std::panic::catch_unwind(|| mailbox.send(vec![0; 5 << 20]));
            assert!(never.is_err(), "more than there is in all");
            assert!(mailbox.is_empty());
        })
        .succeed();
        std::fs::remove_dir(&small).unwrap();
    }

    /// Whatever byte of it was overwritten: an error, a wrong message, or a panic; and no end of it.
    fn every_byte_changed_is_survived() {
        let at = || Segment::options().persistent(true).participants(2).at("mail");
        let path = children::directory().join("mail");
        let mailbox = Mailbox::<Vec<u8>>::create(at(), 64).unwrap();
        mailbox.send(vec![1; 20]).unwrap();
        mailbox.send(vec![2; 300]).unwrap();
        drop(mailbox);
        let mapped = segments().unwrap()[0].size() as usize;
        let length = std::fs::metadata(&path).unwrap().len() as usize;
        assert!(length > mapped && length < 10 * mapped, "it goes on beyond what is mapped: {length}");
        std::panic::set_hook(Box::new(|_| ()));
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut start = vec![0; mapped];
        use std::os::unix::fs::FileExt;
        file.read_exact_at(&mut start, 0).unwrap();
        let (mut panics, mut errors, mut fine) = (0, 0, 0);
        // What the blocks begin with is another test's.
        let used = start.iter().rposition(|byte| *byte != 0).unwrap() + 256;
        for at in 256..used.min(mapped) {
            let mut bad = start.clone();
            bad[at] ^= [1, 0x80, 0xFF][at % 3];
            file.write_all_at(&bad, 0).unwrap();
            let Ok(mailbox) = Mailbox::<Vec<u8>>::open("mail") else {
                errors += 1;
                continue;
            };
            for _ in 0..3 {
                match std::panic::catch_unwind(|| mailbox.try_recv()) {
                    Ok(_) => fine += 1,
                    Err(_) => panics += 1,
                }
                let _ = std::panic::catch_unwind(|| mailbox.try_send(vec![3]));
            }
            drop(mailbox);
        }
        println!("{errors} errors, {panics} panics, {fine} fine, of {} bytes", used.min(mapped) - 256);
        assert!(errors > 0 && panics > 0 && fine > 0);
        unlink("mail").unwrap();
    }
}

//! What a process is started with: handles of every object, wherever it lies, and open files.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use commonhold::{
    Array, Buffer, Event, Lock, Mutex, Place, Process, Queue, Segment, Semaphore, Value,
};

commonhold::test_support!();

const LONG: Duration = Duration::from_secs(60);

fn name(what: &str) -> String {
    format!("args-{what}-{}", std::process::id())
}

// ---- handles ----

type Objects = (
    Value<u64>,
    Value<[u64; 6]>,
    Array<u32>,
    Buffer<u16>,
    Lock,
    Mutex<[u32; 3]>,
    (Event, Event, Semaphore),
    (Queue<u64>, Queue<[u64; 20]>, Option<Segment>),
);

/// One of everything, made at the places that `at` says.
macro_rules! objects {
    ($home:expr, $at:expr) => {{
        let at = $at;
        (
            Value::create(at("small"), 1).unwrap(),
            Value::create(at("large"), [1; 6]).unwrap(),
            Array::create(at("row"), 8).unwrap(),
            Buffer::create(at("page"), 32).unwrap(),
            Lock::create(at("door")).unwrap(),
            Mutex::create(at("books"), [1; 3]).unwrap(),
            (
                Event::create(at("go")).unwrap(),
                Event::create(at("done")).unwrap(),
                Semaphore::create(at("seats"), 3).unwrap(),
            ),
            (
                Queue::create(at("jobs"), 8).unwrap(),
                Queue::create(at("large jobs"), 8).unwrap(),
                $home,
            ),
        )
    }};
}

fn anonymous() -> Objects {
    (
        Value::new(1).unwrap(),
        Value::new([1; 6]).unwrap(),
        Array::new(8).unwrap(),
        Buffer::new(32).unwrap(),
        Lock::new().unwrap(),
        Mutex::new([1; 3]).unwrap(),
        (Event::new().unwrap(), Event::new().unwrap(), Semaphore::new(3).unwrap()),
        (Queue::new(8).unwrap(), Queue::new(8).unwrap(), None),
    )
}

/// What the child does with them.
#[allow(clippy::too_many_arguments, reason = "one of everything")]
fn use_each(
    small: Value<u64>,
    large: Value<[u64; 6]>,
    row: Array<u32>,
    page: Buffer<u16>,
    door: Lock,
    books: Mutex<[u32; 3]>,
    (go, done, seats): (Event, Event, Semaphore),
    (jobs, large_jobs, home): (Queue<u64>, Queue<[u64; 20]>, Option<Segment>),
) {
    assert!(go.wait_timeout(LONG));
    assert!(door.try_lock().is_err(), "the parent holds it");
    assert_eq!(seats.available(), 2);
    small.fetch_add(1);
    large.update(|numbers| numbers.map(|number| number + 1));
    row.fetch_add(7, 5).unwrap();
    page.write().unwrap()[31] = 9;
    books.lock().unwrap()[2] += 1;
    jobs.send(jobs.recv().unwrap() + 1).unwrap();
    large_jobs.lease().unwrap().done();
    if let Some(home) = home {
        let found = Value::<u64>::open(home.at("small")).unwrap();
        assert_eq!(found.fetch_add(1), 2);
        Value::<u32>::create(home.at("made by the child"), 77).unwrap();
    }
    done.set();
    std::mem::forget(seats.acquire());
}

fn cross(objects: Objects) {
    let clone = objects.clone();
    let child = Process::spawn(use_each, clone).unwrap();
    let (small, large, row, page, door, books, (go, done, seats), (jobs, large_jobs, home)) =
        objects;
    let held = door.lock().unwrap();
    let seat = seats.acquire();
    jobs.send(41).unwrap();
    large_jobs.send([1; 20]).unwrap();
    go.set();
    assert!(done.wait_timeout(LONG), "{child:?}");
    drop((held, seat));
    let status = child.join().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!((small.get(), large.get()), (2 + u64::from(home.is_some()), [2; 6]));
    assert_eq!((row.get(7), page.read().unwrap()[31]), (Some(5), 9));
    assert_eq!(*books.lock().unwrap(), [1, 1, 2]);
    assert_eq!((jobs.recv(), large_jobs.len()), (Ok(42), 0));
    let all: Vec<_> = (0..3).map(|_| seats.acquire_timeout(LONG).unwrap()).collect();
    assert_eq!(all.len(), 3, "the child's permit came back");
    if let Some(home) = home {
        assert_eq!(Value::<u32>::open(home.at("made by the child")).unwrap().get(), 77);
    }
}

#[test]
fn anonymous_objects_cross() {
    cross(anonymous());
}

#[test]
fn named_objects_cross() {
    let prefix = name("named");
    cross(objects!(None, |what: &str| format!("{prefix}-{what}").leak() as &str));
}

#[test]
fn named_objects_cross_after_their_names_are_gone() {
    let prefix = name("unlinked");
    let objects: Objects = objects!(None, |what: &str| format!("{prefix}-{what}").leak() as &str);
    let left = fs::read_dir("/dev/shm").unwrap().filter_map(|entry| {
        entry.unwrap().file_name().into_string().ok().filter(|name| name.starts_with(&prefix))
    });
    let names: Vec<String> = left.collect();
    assert_eq!(names.len(), 11);
    names.iter().for_each(|name| commonhold::unlink(name).unwrap());
    cross(objects);
}

#[test]
fn a_segment_crosses_with_what_is_in_it() {
    let shop = Segment::create(&name("shop"), 1 << 20).unwrap();
    let home = shop.clone();
    cross(objects!(Some(home), |what: &'static str| -> Place<'_> { shop.at(what) }));
}

#[test]
fn a_named_object_keeps_its_name_in_the_child() {
    let name = name("kept");
    let value = Value::<u64>::create(&name, 1).unwrap();
    let go = Event::new().unwrap();
    let hold = |value: Value<u64>, go: Event| {
        assert!(go.wait_timeout(LONG));
        value.fetch_add(1);
        println!("{value:?}");
    };
    let child = Process::spawn(hold, (value.clone(), go.clone())).unwrap();
    drop(value);
    assert_eq!(Value::<u64>::open(&name).unwrap().get(), 1, "the child keeps it");
    go.set();
    assert!(child.join().unwrap().success());
    assert!(Value::<u64>::open(&name).is_err(), "and took the name with it");
}

#[test]
fn many_objects_of_one_arena_need_few_descriptors() {
    let values: Vec<Value<u64>> = (0..500).map(|n| Value::new(n).unwrap()).collect();
    let add = |values: Vec<Value<u64>>| {
        let open = fs::read_dir("/proc/self/fd").unwrap().count();
        assert!(open < 20, "{open} descriptors");
        values.iter().for_each(|value| _ = value.fetch_add(1000));
    };
    let child = Process::spawn(add, values.clone()).unwrap();
    assert!(child.join().unwrap().success());
    assert!(values.iter().zip(1000..).all(|(value, n)| value.get() == n));
}

#[test]
fn large_anonymous_objects_cross() {
    let page = Buffer::<u64>::new(1 << 20).unwrap();
    page.write().unwrap()[1 << 19] = 7;
    let grow = |page: Buffer<u64>| page.write().unwrap()[1 << 19] *= 6;
    assert!(Process::spawn(grow, page.clone()).unwrap().join().unwrap().success());
    assert_eq!(page.read().unwrap()[1 << 19], 42);
}

// ---- files and sockets ----

#[test]
fn files_are_inherited_with_their_position() {
    let mut file = tempfile::tempfile().unwrap();
    write!(file, "hello").unwrap();
    let append = |mut file: File| {
        write!(file, ", world").unwrap();
        ExitCode::from(7)
    };
    let child = Process::spawn(append, file.try_clone().unwrap()).unwrap();
    assert_eq!(child.join().unwrap().code(), Some(7));
    assert_eq!(file.stream_position().unwrap(), 12);
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello, world");
}

#[test]
fn more_descriptors_come_than_one_parcel_holds() {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<File> = (0..450_u32)
        .map(|number| {
            let mut file = tempfile::tempfile_in(&directory).unwrap();
            file.write_all(&number.to_ne_bytes()).unwrap();
            file.rewind().unwrap();
            file
        })
        .collect();
    let read = |files: Vec<File>| {
        for (mut file, number) in files.into_iter().zip(0_u32..) {
            let mut found = [0; 4];
            file.read_exact(&mut found).unwrap();
            assert_eq!(u32::from_ne_bytes(found), number);
        }
    };
    let child = Process::spawn(read, (files,)).unwrap();
    assert!(child.join().unwrap().success());
}

#[test]
fn sockets_are_inherited() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = |listener: TcpListener| {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"served by a child").unwrap();
    };
    let child = Process::spawn(serve, listener).unwrap();
    let mut answer = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "served by a child");
    assert!(child.join().unwrap().success());
    // Nobody has it any more, but perhaps a sibling that is just about to `exec`.
    let start = std::time::Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(start.elapsed() < LONG, "it is still open here");
    }

    let (here, there) = UnixStream::pair().unwrap();
    let (left, right) = UnixDatagram::pair().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let unix = UnixListener::bind(&path).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp_address = udp.local_addr().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let all = |mut stream: UnixStream,
               datagram: UnixDatagram,
               unix: UnixListener,
               udp: UdpSocket,
               pipe: OwnedFd| {
        stream.write_all(b"stream").unwrap();
        drop(stream);
        datagram.send(b"datagram").unwrap();
        unix.accept().unwrap().0.write_all(b"unix").unwrap();
        let mut word = [0; 8];
        let (len, from) = udp.recv_from(&mut word).unwrap();
        udp.send_to(&word[..len], from).unwrap();
        File::from(pipe).write_all(b"pipe").unwrap();
    };
    let child = Process::spawn(all, (there, right, unix, udp, OwnedFd::from(writer))).unwrap();
    let read = |mut from: Box<dyn Read>| {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(read(Box::new(here)), "stream");
    let mut word = [0; 16];
    let len = left.recv(&mut word).unwrap();
    assert_eq!(&word[..len], b"datagram");
    assert_eq!(read(Box::new(UnixStream::connect(&path).unwrap())), "unix");
    let me = UdpSocket::bind("127.0.0.1:0").unwrap();
    me.set_read_timeout(Some(LONG)).unwrap();
    me.send_to(b"echo", udp_address).unwrap();
    let len = me.recv(&mut word).unwrap();
    assert_eq!(&word[..len], b"echo");
    assert_eq!(read(Box::new(reader)), "pipe", "closed here when it was handed over");
    assert!(child.join().unwrap().success());
}

#[test]
fn a_standard_stream_handed_over_is_not_the_childs() {
    fn as_input(number: i32, mut file: File) {
        assert!(file.as_raw_fd() > 2 && number == 0);
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
    }
    // A process whose standard input is closed, so that the next file is number 0.
    fn without_input() {
        // SAFETY: nobody uses it in this process.
        drop(unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(0) });
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(file.as_raw_fd(), 0);
        write!(file, "content").unwrap();
        file.rewind().unwrap();
        let child = Process::spawn(as_input, (file.as_raw_fd(), file)).unwrap();
        assert!(child.join().unwrap().success());
    }
    assert!(Process::spawn(without_input, ()).unwrap().join().unwrap().success());
}

/// What a child has open, without standard streams and what it opens itself.
fn count_open(count: Value<u64>, _mine: File, go: Event) {
    let open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| {
        let number: i32 = entry.unwrap().file_name().into_string().unwrap().parse().unwrap();
        (number, fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default())
    });
    let files = open.filter(|(number, link)| {
        *number > 2 && link.to_string_lossy().contains("one-of-the-siblings")
    });
    count.fetch_add(files.count() as u64);
    assert!(go.wait_timeout(LONG));
}

#[test]
fn siblings_see_nothing_of_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let (count, go) = (Value::<u64>::new(0).unwrap(), Event::new().unwrap());
    let children: Vec<Process> = thread::scope(|scope| {
        let starters: Vec<_> = (0..4)
            .map(|starter| {
                let (directory, count, go) = (directory.path(), &count, &go);
                scope.spawn(move || {
                    (0..10)
                        .map(|n| {
                            let path = directory.join(format!("one-of-the-siblings-{starter}-{n}"));
                            let file = File::create(path).unwrap();
                            Process::spawn(count_open, (count.clone(), file, go.clone())).unwrap()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        starters.into_iter().flat_map(|starter| starter.join().unwrap()).collect()
    });
    // They read it before they wait.
    let start = std::time::Instant::now();
    while count.get() < 40 && start.elapsed() < LONG {
        thread::sleep(Duration::from_millis(1));
    }
    go.set();
    assert!(children.iter().all(|child| child.join().unwrap().success()));
    assert_eq!(count.get(), 40, "each has its own and no other");
}

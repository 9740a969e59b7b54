//! Whether every public operation that changes shared memory has its case.
//!
//! Read from the sources: a new operation fails this until it is stepped, or said to be like one that is.

use std::collections::BTreeSet;
use std::path::Path;

use crate::case::Case;

/// They change nothing that is shared.
const READ: &[&str] = &[
    "len",
    "is_empty",
    "is_full",
    "capacity",
    "get",
    "iter",
    "to_vec",
    "as_ptr",
    "is_set",
    "is_locked",
    "is_closed",
    "is_ready",
    "available",
    "deliveries",
    "name",
    "names",
    "at",
    "options",
    "segments",
    "cpu_count",
    "current",
    "parent",
    "active_children",
    "pack_copy",
    "unpack_copy",
    "put_copy",
    "get_copy",
    "put_part",
    "get_part",
    "size_of_part",
    "total",
];

/// What there is of these is no shared memory's.
const APART: &[&str] = &[
    "Error",
    "ExitStatus",
    "MapOptions",
    "ProcessInfo",
    "ProcessOptions",
    "Process",
    "SegmentInfo",
    "SendError",
    "SendTimeoutError",
    "TrySendError",
];

/// The same steps as another's, of which there is a case. `*`: of any type.
const LIKE: &[(&str, &str)] = &[
    // An atomic instruction, or the same update of a pair of copies.
    ("Value::fetch_sub", "Value::fetch_add"),
    ("Value::fetch_and", "Value::fetch_add"),
    ("Value::fetch_or", "Value::fetch_add"),
    ("Value::fetch_max", "Value::fetch_add"),
    ("Value::fetch_min", "Value::fetch_add"),
    ("Array::fetch_sub", "Array::fetch_add"),
    ("Array::fetch_and", "Array::fetch_add"),
    ("Array::fetch_or", "Array::fetch_add"),
    ("Array::fetch_max", "Array::fetch_add"),
    ("Array::fetch_min", "Array::fetch_add"),
    // Looks once, or until a moment, on the way of the one that waits.
    ("Lock::lock_deadline", "Lock::lock_timeout"),
    ("Mutex::lock_deadline", "Mutex::lock_timeout"),
    ("Buffer::read_deadline", "Buffer::read_timeout"),
    ("Buffer::write_deadline", "Buffer::write_timeout"),
    ("Event::wait_deadline", "Event::wait_timeout"),
    ("Semaphore::acquire_deadline", "Semaphore::acquire_timeout"),
    ("Queue::send_deadline", "Queue::send_timeout"),
    ("Queue::recv_deadline", "Queue::recv_timeout"),
    ("Queue::lease_deadline", "Queue::lease_timeout"),
    ("Queue::reserve_deadline", "Queue::reserve_timeout"),
    ("Queue::try_reserve", "Queue::reserve_timeout"),
    ("Queue::wait_done_deadline", "Queue::wait_done_timeout"),
    ("Mailbox::send_deadline", "Mailbox::send_timeout"),
    ("Mailbox::recv_deadline", "Mailbox::recv_timeout"),
    ("Queue<[T]>::send_deadline", "Queue<[T]>::send_timeout"),
    ("Queue<[T]>::recv_deadline", "Queue<[T]>::recv_timeout"),
    ("Queue<[T]>::try_recv_into", "Queue<[T]>::recv_into"),
    ("Queue<[T]>::recv_into_timeout", "Queue<[T]>::recv_timeout"),
    ("Queue<[T]>::recv_into_deadline", "Queue<[T]>::recv_timeout"),
    ("Task::get_timeout", "Task::get"),
    ("Task::get_deadline", "Task::get"),
    ("Task::try_get", "Task::get"),
    ("Task::wait", "Task::get"),
    ("Task::wait_timeout", "Task::get"),
    ("Task::wait_deadline", "Task::get"),
    // An end that is counted does as its queue.
    ("Sender::*", "Queue::send"),
    ("Sender<[T]>::*", "Queue<[T]>::send"),
    ("Receiver::*", "Queue::recv"),
    ("Receiver<[T]>::*", "Queue<[T]>::recv"),
    // Names are one thing for all types, and what is in them is made likewise.
    ("*::open", "Segment::open"),
    ("*::unlink", "Queue::unlink"),
    ("*::bounded", "Semaphore::new"),
    ("*::create_bounded", "Semaphore::create"),
    ("*::from_slice", "Array::new"),
    ("*::create_from_slice", "Array::create"),
    ("SegmentOptions::*", "SegmentOptions::create"),
    // Hands over, waits and collects as one of these.
    ("PoolOptions::*", "Pool::new"),
    ("Pool::map_with", "Pool::map"),
    ("Pool::starmap", "Pool::map"),
    ("Pool::starmap_with", "Pool::map"),
    ("Pool::map_async", "Pool::apply_async"),
    ("Pool::starmap_async", "Pool::apply_async"),
    ("Pool::apply_async_with", "Pool::apply_async"),
    ("Pool::imap_with", "Pool::imap"),
    ("Pool::imap_unordered", "Pool::imap"),
    ("Pool::imap_unordered_with", "Pool::imap"),
    // Starts a child: no object of this one's is touched.
    ("init", "Pool::new"),
    ("run_parallel", "Pool::new"),
];

/// What has no case, and what is said to be like something that has none.
pub fn uncovered(cases: &[Case]) -> Vec<String> {
    let stepped: BTreeSet<String> = cases.iter().flat_map(stepped).collect();
    let has = |name: &str| stepped.contains(name);
    let public = public();
    let missing = public.iter().filter(|one| !has(&one.name()) && !one.needs_none());
    let missing = missing.map(|one| format!("{} is stepped by no case", one.name()));
    let bad = LIKE.iter().filter(|(_, like)| !has(like));
    missing.chain(bad.map(|(one, like)| format!("{one} is like {like}, of no case"))).collect()
}

/// What a case is of: `Queue<[u64]>::send` is one of `Queue<[T]>`, any other of `Queue`.
fn stepped(case: &Case) -> impl Iterator<Item = String> {
    case.operation.split(", ").map(|part| {
        let Some((of, name)) = part.rsplit_once("::") else { return part.to_owned() };
        let plain = of.split('<').next().unwrap_or(of);
        let slices = if of.ends_with("<[u64]>") { "<[T]>" } else { "" };
        format!("{plain}{slices}::{name}")
    })
}

/// A public function.
struct Function {
    /// Its type; nothing if it is free.
    of: String,
    name: String,
}

impl Function {
    fn name(&self) -> String {
        match self.of.as_str() {
            "" => self.name.clone(),
            of => format!("{of}::{}", self.name),
        }
    }

    fn needs_none(&self) -> bool {
        let names = [self.name(), format!("*::{}", self.name), format!("{}::*", self.of)];
        READ.contains(&self.name.as_str())
            || APART.contains(&self.of.as_str())
            || LIKE.iter().any(|(one, _)| names.iter().any(|name| name == one))
    }
}

/// All public functions of public types, and free ones, of the floors that are public.
fn public() -> Vec<Function> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
            let path = entry.path();
            let hidden = ["raw", "sys"].iter().any(|floor| path == source.join(floor));
            match path.is_dir() {
                true if !hidden => folders.push(path),
                false => functions(&std::fs::read_to_string(path).expect("a source"), &mut all),
                true => {}
            }
        }
    }
    all
}

fn functions(text: &str, all: &mut Vec<Function>) {
    let mut of = Some(String::new());
    for line in text.lines() {
        if line.starts_with("impl") {
            of = type_of(line);
        } else if line.starts_with('}') {
            of = Some(String::new());
        }
        let line = line.trim_start();
        let function = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub const fn "));
        if let (Some(of), Some(function)) = (&of, function) {
            let end = function.find(['<', '(']).unwrap_or(function.len());
            all.push(Function { of: of.clone(), name: function[..end].to_owned() });
        }
    }
}

/// Whose functions follow, of a line that begins with `impl`. Those of traits are nobody's.
fn type_of(line: &str) -> Option<String> {
    let line = line.strip_prefix("impl").unwrap_or(line);
    let mut depth = 0;
    let generics = line.find(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0
    });
    let rest = if line.starts_with('<') { &line[generics? + 1..] } else { line };
    let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
    let slices = if rest.contains("<[T]>") { "<[T]>" } else { "" };
    (!rest.contains(" for ") && !name.is_empty()).then(|| format!("{name}{slices}"))
}

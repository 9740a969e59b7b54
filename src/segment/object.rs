//! What a kind of object tells the segment, so that every kind has the same doors.

use super::layout::{Layout, TooLarge};
use super::mapped::{Block, Damaged};

/// The kinds of objects, as stored in a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Kind {
    Value = 1,
    Array = 2,
    Buffer = 3,
    Lock = 4,
    Mutex = 5,
    Event = 6,
    Semaphore = 7,
    Queue = 8,
    Mailbox = 9,
    Pool = 20,
    Slab = 21,
}

impl Kind {
    /// As people read it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Value => "Value",
            Kind::Array => "Array",
            Kind::Buffer => "Buffer",
            Kind::Lock => "Lock",
            Kind::Mutex => "Mutex",
            Kind::Event => "Event",
            Kind::Semaphore => "Semaphore",
            Kind::Queue => "Queue",
            Kind::Mailbox => "Mailbox",
            Kind::Pool => "Pool",
            Kind::Slab => "Slab",
        }
    }
}

/// What an object's blocks must agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Signature {
    pub(crate) kind: Kind,
    /// As shown to people and compared: `Value<u64>`, `Lock`.
    pub(crate) name: String,
    /// Size and alignment of the type parameter; 0 and 1 without one.
    pub(crate) size: usize,
    pub(crate) align: usize,
}

impl Signature {
    /// The signature of a kind without a type parameter.
    pub(crate) fn plain(kind: Kind) -> Signature {
        Signature { kind, name: kind.name().to_owned(), size: 0, align: 1 }
    }

    /// The signature of a kind over `T`, named without its path.
    pub(crate) fn of<T>(kind: Kind) -> Signature {
        Signature { name: over::<T>(kind), kind, size: size_of::<T>(), align: align_of::<T>() }
    }
}

impl Signature {
    /// The signature of a kind over slices of `T`.
    pub(crate) fn of_slices<T>(kind: Kind) -> Signature {
        Signature { name: over::<[T]>(kind), ..Signature::of::<T>(kind) }
    }
}

/// The name of a kind over this type: `Queue<Job>`.
fn over<T: ?Sized>(kind: Kind) -> String {
    let (kind, of) = (kind.name(), std::any::type_name::<T>());
    let mut name = String::with_capacity(kind.len() + of.len() + 2);
    name.push_str(kind);
    name.push('<');
    push_unqualified(&mut name, of);
    name.push('>');
    name
}

/// Drops the paths of a type's name: `core::option::Option<app::Job>` is `Option<Job>`, and so is
/// what was defined in a function or closure, as `app::main::{{closure}}::Job` is.
fn push_unqualified(out: &mut String, name: &str) {
    let mut outer = Vec::new();
    let mut path = out.len(); // where in `out` the path begins that may go on here
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            out.truncate(path);
            rest = after;
            continue;
        }
        out.push(next);
        rest = &rest[next.len_utf8()..];
        match next {
            '<' | '(' | '[' | '{' => {
                outer.push(path);
                path = out.len();
            }
            '>' | ')' | ']' | '}' => path = outer.pop().unwrap_or(out.len()),
            _ if next.is_alphanumeric() || next == '_' => {}
            _ => path = out.len(),
        }
    }
}

/// A kind of object: how it lies in a block, how a new one starts, how one is looked at.
pub(crate) trait Object: Sized {
    /// What `new` and `create` are told.
    type Args<'a>;

    fn signature() -> Signature;

    /// Plans the block, for a segment with this many participant rows.
    fn layout(args: &Self::Args<'_>, rows: usize) -> Result<Layout, TooLarge>;

    /// Fills in a block of zero bytes that nobody else sees yet.
    fn init(block: &Block, args: Self::Args<'_>) -> Result<(), Damaged>;

    /// Views a block that was filled in, possibly by another program: trusts no number in it.
    fn attach(block: &Block) -> Result<Self, Damaged>;
}

#[cfg(test)]
mod tests {
    use super::push_unqualified;

    #[test]
    fn paths_are_dropped_everywhere() {
        for (full, short) in [
            ("u64", "u64"),
            ("app::Job", "Job"),
            ("core::option::Option<app::wire::Job>", "Option<Job>"),
            ("[app::Job; 4]", "[Job; 4]"),
            ("(u8, a::b::C)", "(u8, C)"),
            ("commonhold::text::Text<32>", "Text<32>"),
            ("app::main::{{closure}}::Job", "Job"),
            ("[app::main::{{closure}}::{{closure}}::Job; 4]", "[Job; 4]"),
            ("app::<impl app::Shop for b::C>::open::Job<b::Part>", "Job<Part>"),
            ("<a::B as c::D<e::F>>::open::Job", "Job"),
            ("(a::P<b::Q, (c::R, [u8; 4])>, d::S)", "(P<Q, (R, [u8; 4])>, S)"),
        ] {
            let mut out = String::from("Value<");
            push_unqualified(&mut out, full);
            assert_eq!(out.strip_prefix("Value<"), Some(short));
        }
    }
}

//! Named pipes of the kernel.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{Inlet, Link, Linked, Outlet, has_usual_capacity};
use crate::engines::message::{Buffer, Content, Message};
use crate::engines::rendezvous::{Files, path};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Linked::<Pipe>::boxed()]
}

struct Pipe;

/// What the kernel grants without privilege, and a message at a time needs at most.
const BUFFER: i32 = 1 << 20;

pub struct End(File, Buffer);

impl Outlet for End {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        self.0.write_all(self.1.write(number, content)).expect("a reader");
    }
}

impl Inlet for End {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        self.0.read_exact(self.1.bytes_mut()).expect("a writer");
        self.1.read(content)
    }
}

impl Link for Pipe {
    const CARD: Card = Card {
        name: "pipe",
        kind: Kind::Processes,
        about: "`write`, `read`, with a buffer of 1 MiB; each message is one call where it can be. Both ends sleep.",
    };
    type Outlet<M: Message> = End;
    type Inlet<M: Message> = End;

    fn takes(what: &What) -> bool {
        match what {
            What::Stream(shape) => has_usual_capacity(shape),
            What::RoundTrip { .. } => true,
            _ => false,
        }
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        mkfifo(&path(place), Mode::S_IRUSR | Mode::S_IWUSR).map_err(|error| error.to_string())?;
        Ok(Box::new(Files(vec![path(place)])))
    }

    fn outlet<M: Message>(place: &str, _: &Shape) -> End {
        let file = OpenOptions::new().write(true).open(path(place)).expect("the pipe");
        fcntl(&file, FcntlArg::F_SETPIPE_SZ(BUFFER)).expect("a larger buffer");
        End(file, Buffer::of::<M>())
    }

    fn inlet<M: Message>(place: &str, _: &Shape) -> End {
        End(File::open(path(place)).expect("the pipe"), Buffer::of::<M>())
    }
}

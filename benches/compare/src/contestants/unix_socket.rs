//! Unix sockets, with streams and with packets.

use std::io::{Read, Write};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept, bind, connect, listen,
    recv, send, setsockopt, socket, sockopt,
};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{Inlet, Link, Linked, Outlet, has_usual_capacity};
use crate::engines::message::{Buffer, Content, Message};
use crate::engines::rendezvous::{Files, path, wait_for};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Linked::<Stream>::boxed(), Linked::<Packets>::boxed()]
}

struct Stream;
struct Packets;

fn takes_any(what: &What) -> bool {
    match what {
        What::Stream(shape) => shape.is_one_to_one() && has_usual_capacity(shape),
        What::RoundTrip { .. } => true,
        _ => false,
    }
}

fn keep(place: &str) -> Result<Keeper, String> {
    Ok(Box::new(Files(vec![path(place)])))
}

pub struct StreamEnd(UnixStream, Buffer);

impl Outlet for StreamEnd {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        self.0.write_all(self.1.write(number, content)).expect("a peer");
    }
}

impl Inlet for StreamEnd {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        self.0.read_exact(self.1.bytes_mut()).expect("a peer");
        self.1.read(content)
    }
}

impl Link for Stream {
    const CARD: Card = Card {
        name: "Unix socket, stream",
        kind: Kind::Processes,
        about: "`write`, `read`. Both ends sleep.",
    };
    type Outlet<M: Message> = StreamEnd;
    type Inlet<M: Message> = StreamEnd;

    fn takes(what: &What) -> bool {
        takes_any(what)
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        keep(place)
    }

    fn outlet<M: Message>(place: &str, _: &Shape) -> StreamEnd {
        let connect = || UnixStream::connect(path(place)).ok();
        StreamEnd(wait_for("a listener", connect), Buffer::of::<M>())
    }

    fn inlet<M: Message>(place: &str, _: &Shape) -> StreamEnd {
        let listener = UnixListener::bind(path(place)).expect("a listener");
        StreamEnd(listener.accept().expect("a peer").0, Buffer::of::<M>())
    }
}

/// The kernel allows no more to who asks for more.
const BUFFER: usize = 4 << 20;

pub struct PacketEnd<M>(OwnedFd, Buffer, PhantomData<M>);

fn packets() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).expect("a socket");
    setsockopt(&socket, sockopt::SndBuf, &BUFFER).expect("a larger buffer");
    socket
}

impl<M: Message> Outlet for PacketEnd<M> {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        let message = self.1.write(number, content);
        let sent = send(self.0.as_raw_fd(), message, MsgFlags::empty());
        assert_eq!(sent, Ok(M::BYTES));
    }
}

impl<M: Message> Inlet for PacketEnd<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        let received = recv(self.0.as_raw_fd(), self.1.bytes_mut(), MsgFlags::empty());
        assert_eq!(received, Ok(M::BYTES));
        self.1.read(content)
    }
}

impl Link for Packets {
    const CARD: Card = Card {
        name: "Unix socket, packets",
        kind: Kind::Processes,
        about: "`SOCK_SEQPACKET`, with as large a buffer as is granted; up to 64 KiB. Both ends sleep.",
    };
    type Outlet<M: Message> = PacketEnd<M>;
    type Inlet<M: Message> = PacketEnd<M>;

    fn takes(what: &What) -> bool {
        let fits = !matches!(what, What::Stream(shape) if shape.bytes > 64 << 10);
        fits && takes_any(what)
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        keep(place)
    }

    fn outlet<M: Message>(place: &str, _: &Shape) -> PacketEnd<M> {
        let socket = packets();
        let address = UnixAddr::new(&path(place)).expect("an address");
        wait_for("a listener", || connect(socket.as_raw_fd(), &address).ok());
        PacketEnd(socket, Buffer::of::<M>(), PhantomData)
    }

    fn inlet<M: Message>(place: &str, _: &Shape) -> PacketEnd<M> {
        let socket = packets();
        let address = UnixAddr::new(&path(place)).expect("an address");
        bind(socket.as_raw_fd(), &address).expect("a listener");
        listen(&socket, Backlog::new(1).expect("one")).expect("a listener");
        let peer = accept(socket.as_raw_fd()).expect("a peer");
        // SAFETY: `accept` made it, and nobody else has it.
        PacketEnd(unsafe { OwnedFd::from_raw_fd(peer) }, Buffer::of::<M>(), PhantomData)
    }
}

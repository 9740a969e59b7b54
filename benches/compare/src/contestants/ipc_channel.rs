//! ipc-channel: bytes over Unix sockets.

use std::fs;
use std::marker::PhantomData;

use ipc_channel::ipc::{
    IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel,
};

use crate::case::{Shape, What};
use crate::contestant::{Card, Contestant, Keeper, Kind};
use crate::engines::link::{Inlet, Link, Linked, Outlet, has_usual_capacity};
use crate::engines::message::{Buffer, Content, Message, read_bytes};
use crate::engines::rendezvous::{Files, path, wait_for};

pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![Linked::<Bytes>::boxed()]
}

struct Bytes;

pub struct Sending(IpcBytesSender, Buffer);
pub struct Receiving<M>(IpcBytesReceiver, PhantomData<M>);

impl Outlet for Sending {
    #[inline(always)]
    fn send(&mut self, number: u64, content: Content) {
        self.0.send(self.1.write(number, content)).expect("a receiver");
    }
}

impl<M: Message> Inlet for Receiving<M> {
    #[inline(always)]
    fn recv(&mut self, content: Content) -> u64 {
        read_bytes::<M>(&self.0.recv().expect("a sender"), content)
    }
}

impl Link for Bytes {
    const CARD: Card = Card {
        name: "ipc-channel",
        kind: Kind::Processes,
        about: "Its channel of bytes, the faster of its two; unbounded but for the socket's buffer. Received as a \
                new `Vec`.",
    };
    type Outlet<M: Message> = Sending;
    type Inlet<M: Message> = Receiving<M>;

    fn takes(what: &What) -> bool {
        match what {
            What::Stream(shape) => shape.is_one_to_one() && has_usual_capacity(shape),
            What::RoundTrip { .. } => true,
            _ => false,
        }
    }

    fn make<M: Message>(place: &str, _: &Shape) -> Result<Keeper, String> {
        Ok(Box::new(Files(vec![path(place), path(&format!("{place}-new"))])))
    }

    fn outlet<M: Message>(place: &str, _: &Shape) -> Sending {
        let (sender, receiver) = bytes_channel().expect("a channel");
        let name = wait_for("the name of a server", || fs::read_to_string(path(place)).ok());
        let server = IpcSender::<IpcBytesReceiver>::connect(name).expect("a server");
        server.send(receiver).expect("a server");
        Sending(sender, Buffer::of::<M>())
    }

    fn inlet<M: Message>(place: &str, _: &Shape) -> Receiving<M> {
        let (server, name) = IpcOneShotServer::<IpcBytesReceiver>::new().expect("a server");
        let new = path(&format!("{place}-new"));
        fs::write(&new, name).expect("a file");
        fs::rename(new, path(place)).expect("a file");
        Receiving(server.accept().expect("a sender").1, PhantomData)
    }
}

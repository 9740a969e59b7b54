//! Open files and sockets: inherited by the process that is started with them, and in no message.
#![forbid(unsafe_code)]

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use super::{Packer, Refused, Transfer, Unpacker};

macro_rules! descriptors {
    ($($kind:ty)*) => {$(
        impl Transfer for $kind {
            fn pack(&self, to: &mut Packer) -> Result<(), Refused> {
                to.inherit(self.as_fd())
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
                from.take_inherited().map(<$kind>::from)
            }
        }
    )*};
}

descriptors!(OwnedFd File TcpListener TcpStream UdpSocket UnixListener UnixStream UnixDatagram);

//! Open files and sockets: handed over to the process that is started with them, and in no message.
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
                to.hand_over(self.as_fd())
            }

            fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Refused> {
                from.take_descriptor().map(<$kind>::from)
            }
        }
    )*};
}

descriptors!(OwnedFd File TcpListener TcpStream UdpSocket UnixListener UnixStream UnixDatagram);

//! Creates sockets in the network namespace of another process.
//!
//! A socket belongs to the network namespace in which it was created, even when another thread uses it. A new thread enters the
//! namespace, creates the socket, and ends with the call, so no other thread ever has another network.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::namespace::NamespaceError;
use crate::process::ProcessFd;
use crate::{Doing, SysError};

/// A TCP socket (IPv4, not connected, non-blocking) in the network namespace of `process`.
pub fn tcp_socket_beside(process: &ProcessFd) -> Result<OwnedFd, NamespaceError> {
    let of = format!("/proc/{}/ns/net", process.pid());
    let body = || -> Result<OwnedFd, NamespaceError> {
        match move_into_thread_name_spaces(process.as_fd(), ThreadNameSpaceType::NETWORK) {
            Ok(()) => {}
            Err(Errno::SRCH) => return Err(NamespaceError::Ended { pid: process.pid() }),
            Err(e) => return Err(SysError::new("enter the network namespace", &of, e).into()),
        }
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .doing("create a socket in", &of)?)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("network-namespace".into()).spawn_scoped(scope, body);
        let thread = thread.doing("start a thread for", &of)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

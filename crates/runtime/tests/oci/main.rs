//! The OCI driver on a real host: real containers, real volumes on loop devices. Needs root, runc and conmon.

mod crash;
mod exec;
mod host;
mod http;
mod life;
mod volumes;

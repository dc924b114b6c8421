//! The whole state half (verbs, sessions, database) with scripted agents that speak the real protocol on a real unix socket.
//! Nothing here waits for a time: each step waits for what the other side says.

mod agents;
mod bounds;
mod connection;
mod effects;
mod restores;
mod snapshots;
mod streams;

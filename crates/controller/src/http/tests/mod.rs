//! The API as its callers see it: the real router, verbs and database, and an agent that says yes to everything.

mod computers;
mod harness;
mod refusals;
mod surface;
mod volumes;

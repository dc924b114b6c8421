//! Aim: what services promise, on real devices and containers, through the public API: volumes are there from the first
//! instruction on and survive every promotion; an exclusive one never has two writers; a bad version costs nothing that the good
//! one wrote; replicas find their own volumes again; and a crash anywhere leaves the old or the new.
//!
//! Method: every test has a server of its own. Replicas are shell scripts that write down what they see. One file for each topic.

use miosa_testkit::server::{Server, ServerOptions};
use serde_json::{Value, json};

mod crash;
mod health;
mod model;
mod promotion;
mod replicas;
mod story;
mod trouble;

fn server() -> Server {
    Server::start(ServerOptions::new(env!("CARGO_BIN_EXE_miosa")))
}

/// A first process that ends as soon as it is asked to: stops need not wait for their grace.
const STAY: &str = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";

/// Notes its release on the volume, and stays. Meanwhile it writes its own name down again and again, and looks whether it is
/// still the one that it wrote: two users of one volume at once cannot both find theirs.
fn watchful(path: &str) -> String {
    format!(
        "trap 'exit 0' TERM; me=$(cat /proc/sys/kernel/random/uuid); echo $me > {path}/owner; \
         echo $MIOSA_RELEASE >> {path}/log; sync; \
         while :; do \
           test \"$(cat {path}/owner)\" = $me || {{ echo \"$MIOSA_RELEASE NOT ALONE\" >> {path}/log; sync; }}; \
           usleep 20000; \
         done"
    )
}

/// A volume as a service mounts it for itself.
fn own(volume: &str, path: &str) -> Value {
    json!({"dataServiceId": volume, "mountPath": path})
}

fn shared(volume: &str, path: &str) -> Value {
    json!({"dataServiceId": volume, "mountPath": path, "shared": true})
}

fn number(release: &Value) -> u64 {
    release["number"].as_u64().unwrap_or_else(|| panic!("no number in {release}"))
}

//! Writes the OpenAPI document of the HTTP API to standard output, for `cargo xtask openapi`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let document = miosa_controller::openapi()?;
    writeln!(io::stdout(), "{document}")
}

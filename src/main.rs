//! The program: hands its arguments to the command line and exits as it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    healthpost::cli::main(std::env::args_os())
}

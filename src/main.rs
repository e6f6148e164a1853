//! The command line of healthpost.
fn main() {}

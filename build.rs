//! How the binary is linked. Half a megabyte of relocations is packed into some
//! kilobytes where the C library of this machine reads them so (DT_RELR, glibc
//! from 2.36 on, which Debian 12 has). Built for another machine nobody knows
//! which library waits there, so nothing is packed.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this is how a build script is asked and answers"
)]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    let here = of("HOST") == of("TARGET");
    if here && of("CARGO_CFG_TARGET_ENV") == "gnu" && of("PROFILE") == "release" {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

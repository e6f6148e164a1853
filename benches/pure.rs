//! How long the pure parts take for one message, without disk or network:
//! `cargo bench`. The program as a whole is measured by `benches/run`.

use healthpost::core::id::RecordId;
use healthpost::core::phone;
use std::str::FromStr;

fn main() {
    divan::main();
}

#[divan::bench]
fn phone_number_as_the_provider_writes_it() -> bool {
    phone::parse_international(divan::black_box("243970000001")).is_some()
}

#[divan::bench]
fn record_id_said_and_read_back() -> bool {
    let said = RecordId::from_random(divan::black_box(0x5eed_cafe)).to_string();
    RecordId::from_str(&said).is_ok()
}

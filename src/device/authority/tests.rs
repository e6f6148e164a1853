//! What the authority makes is taken by a strict client, and nothing else is.

use super::*;
use crate::core::time::HOUR_MS;
use crate::device::KernelChance;
use proptest::prelude::*;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

const NOW: Now = Now {
    at: UnixMs(1_795_168_800_000),
    trusted: true,
};

fn chance() -> KernelChance {
    KernelChance::new().unwrap()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

fn authority() -> Authority {
    Authority::make(&["clinic.example".to_owned()], NOW.at, &chance()).unwrap()
}

/// As a phone that trusts the authority looks at a certificate.
fn taken(authority: &Authority, leaf: &[u8], name: &str, at: UnixMs) -> bool {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(authority.certificate()))
        .unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), ring)
        .build()
        .unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at.0.try_into().unwrap()));
    let leaf = CertificateDer::from(leaf.to_vec());
    verifier
        .verify_server_cert(&leaf, &[], &name, &[], at)
        .is_ok()
}

#[test]
fn a_leaf_is_taken_under_its_names_and_in_its_time_only() {
    let authority = authority();
    let names = set(&["healthpost.local", "192.168.4.1", "::1"]);
    let leaf = authority.issue(&names, NOW, &chance()).unwrap().certificate;
    for name in ["healthpost.local", "192.168.4.1", "::1"] {
        assert!(taken(&authority, &leaf, name, NOW.at), "{name}");
    }
    assert!(!taken(&authority, &leaf, "other.local", NOW.at));
    assert!(!taken(&authority, &leaf, "192.168.4.2", NOW.at));
    for (days, fine) in [(-29, true), (-31, false), (89, true), (91, false)] {
        let at = NOW.at.plus_ms(days * DAY_MS);
        assert_eq!(
            taken(&authority, &leaf, "healthpost.local", at),
            fine,
            "{days}"
        );
    }
    let facts = Facts::read(&leaf).unwrap();
    assert_eq!(facts.names, names);
    assert!(facts.not_after.ms_since(NOW.at) <= LEAF_MS_MAX);
    // More than this browsers and phones refuse.
    assert!(facts.not_after.ms_since(facts.not_before) <= 398 * DAY_MS);
}

#[test]
fn the_authority_cannot_pose_as_the_internet() {
    let authority = authority();
    for name in [
        "example.com",
        "evil.clinic.example.com",
        "8.8.8.8",
        "xlocal",
        "2001:db8::1",
    ] {
        assert!(!authority.permits(name), "{name}");
        assert!(authority.issue(&set(&[name]), NOW, &chance()).is_err());
    }
    for name in [
        "healthpost.local",
        "a.b.lan",
        "clinic.example",
        "10.9.8.7",
        "fd00::1",
    ] {
        assert!(authority.permits(name), "{name}");
    }
    // Whoever stole its key and asks nobody is refused by the client.
    let key = PrivateKey::draw(&chance());
    let mut params = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let own = authority_params(&authority.kept.name);
    let issuer = Issuer::from_params(&own, authority.key.pair().unwrap());
    let forged = params.signed_by(&key.pair().unwrap(), &issuer).unwrap();
    assert!(!taken(&authority, forged.der(), "example.com", NOW.at));
}

#[test]
fn it_comes_back_from_the_database_and_goes_on() {
    let authority = authority();
    let number = authority.key().to_sealable();
    let key = || PrivateKey::from_sealable(&number).unwrap();
    let kept = authority.public_part();
    let again = Authority::from_parts(key(), &kept).unwrap();
    assert_eq!(again.certificate(), authority.certificate());
    let leaf = again
        .issue(&set(&["healthpost.local"]), NOW, &chance())
        .unwrap();
    assert!(taken(
        &authority,
        &leaf.certificate,
        "healthpost.local",
        NOW.at
    ));
    let other = Authority::make(&[], NOW.at, &chance()).unwrap();
    assert!(!taken(
        &other,
        &leaf.certificate,
        "healthpost.local",
        NOW.at
    ));
    for bad in [&b""[..], b"{}", &kept[..kept.len() - 1]] {
        assert!(Authority::from_parts(key(), bad).is_none());
    }
}

#[test]
fn when_a_leaf_is_renewed() {
    let authority = authority();
    let names = set(&["healthpost.local", "10.0.0.2"]);
    let leaf = authority.issue(&names, NOW, &chance()).unwrap();
    let facts = Facts::read(&leaf.certificate).unwrap();
    let at = |ms: i64, trusted| Now {
        at: NOW.at.plus_ms(ms),
        trusted,
    };
    let cases = [
        (0, true, None),
        (59 * DAY_MS, true, None),
        (60 * DAY_MS, true, Some(Why::Ends)),
        (400 * DAY_MS, true, Some(Why::Ends)),
        (-31 * DAY_MS, true, Some(Why::Early)),
        // A box that woke up in the past does not throw its leaf away.
        (-400 * DAY_MS, false, None),
        (0, false, None),
        (61 * DAY_MS, false, Some(Why::Ends)),
    ];
    for (ms, trusted, why) in cases {
        assert_eq!(
            facts.why_renew(&names, at(ms, trusted)),
            why,
            "{ms} {trusted}"
        );
    }
    // An address that went away is no reason; a new one and a host name are.
    let renew = |wanted: &[&str]| facts.why_renew(&set(wanted), NOW);
    assert_eq!(renew(&["healthpost.local"]), None);
    assert_eq!(renew(&["healthpost.local", "10.0.0.3"]), Some(Why::Names));
    assert_eq!(renew(&["10.0.0.2"]), Some(Why::Names));
}

#[test]
fn a_leaf_made_by_a_clock_that_is_not_believed_holds_by_the_true_one() {
    let authority = authority();
    let woken = Now {
        trusted: false,
        ..NOW
    };
    let leaf = authority.issue(&set(&["a.lan"]), woken, &chance()).unwrap();
    let facts = Facts::read(&leaf.certificate).unwrap();
    assert_eq!(NOW.at.ms_since(facts.not_before), 5 * DAY_MS);
    // The true time is learned later: the box was off for two months.
    let later = Now {
        at: NOW.at.plus_ms(60 * DAY_MS),
        trusted: true,
    };
    assert_eq!(facts.why_renew(&facts.names, later), Some(Why::Ends));
    assert!(taken(&authority, &leaf.certificate, "a.lan", later.at));
}

#[test]
fn a_key_comes_back_from_its_file_and_knows_its_certificate() {
    let leaf = authority().issue(&set(&["a.lan"]), NOW, &chance()).unwrap();
    let again = PrivateKey::from_pkcs8(&leaf.key.to_pkcs8()).unwrap();
    assert!(again.is_of(&leaf.certificate));
    assert!(!PrivateKey::draw(&chance()).is_of(&leaf.certificate));
    assert_eq!(format!("{again:?}"), "PrivateKey");
}

#[test]
fn a_fingerprint_reads_as_phones_show_it() {
    let shown = fingerprint(b"abc");
    assert!(shown.starts_with("BA:78:16:BF:8F:01:CF:EA:41:41:40:DE"));
    assert_eq!(shown.len(), 95);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Facts::read(&bytes);
    }

    #[test]
    fn a_damaged_certificate_is_read_without_a_panic(at in 0..400_usize, byte: u8) {
        let mut leaf = authority()
            .issue(&set(&["a.lan", "10.0.0.1"]), NOW, &chance())
            .unwrap()
            .certificate;
        if let Some(there) = leaf.get_mut(at) {
            *there = byte;
        }
        if let Some(facts) = Facts::read(&leaf) {
            let _ = facts.why_renew(&BTreeSet::new(), NOW);
        }
    }

    #[test]
    fn renewal_is_monotone_in_time(hours in 0..4_000_i64) {
        let facts = Facts {
            not_before: NOW.at.plus_ms(-BACK_MS),
            not_after: NOW.at.plus_ms(LEAF_MS_MAX),
            names: set(&["a.lan"]),
            issuer: Vec::new(),
            subject: Vec::new(),
        };
        let at = |ms| Now { at: NOW.at.plus_ms(ms), trusted: true };
        let due = facts.why_renew(&facts.names, at(hours * HOUR_MS));
        let later = facts.why_renew(&facts.names, at((hours + 1) * HOUR_MS));
        prop_assert!(due.is_none() || later.is_some());
    }
}

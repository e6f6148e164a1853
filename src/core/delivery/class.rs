//! What a provider's error means for the message and for the channel.
//!
//! One table, by numeric code. The HTTP status counts only for a code that is
//! not in it: the same code comes with different statuses.

use crate::core::inbound::ProviderError;
use serde::{Deserialize, Serialize};

/// The code of an error that came without one.
pub const CODE_MISSING: i64 = -1;

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The account or its settings: the channel stops, no message is to blame.
    Configuration,
    /// Too fast for our number: everything waits.
    ThrottleNumber,
    /// Our number is limited because people complain of it: everything waits
    /// for hours, and each try before that makes it worse.
    NumberLimited,
    /// Too fast for this person: the others go on.
    ThrottleContact,
    /// The same message again, later.
    Retry,
    /// This message will never go.
    Permanent,
    /// Outside the 24-hour window: only a template could go.
    NeedsTemplate,
    /// It may or may not have been carried out.
    Unknown,
    /// The provider says that it has it already.
    PossiblySent,
}

/// Codes from the first to the last, what they mean, and how often a retry is
/// worth it where that is known.
type Row = (i64, i64, Class, Option<u8>);

/// A fault of one template or one form stands as `Permanent`: it must not stop
/// the words of everybody else. So does a country we may not write to (130497).
const TABLE: &[Row] = {
    use Class::{
        Configuration as C, NeedsTemplate as T, NumberLimited, Permanent as P, PossiblySent,
        Retry as R, ThrottleContact as Rp, ThrottleNumber as Rn, Unknown as U,
    };
    &[
        (0, 0, C, None),
        (1, 1, R, Some(3)),
        (2, 2, U, None),
        (3, 3, C, None),
        (4, 4, Rn, None),
        (10, 10, C, None),
        (33, 33, C, None),
        (100, 100, P, None),
        (190, 190, C, None),
        (200, 299, C, None),
        (368, 368, C, None),
        (506, 506, PossiblySent, None),
        (80_007, 80_007, Rn, None),
        (130_403, 130_403, P, None),
        (130_429, 130_429, Rn, None),
        (130_472, 130_472, P, None),
        (130_497, 130_497, P, None),
        (131_000, 131_000, U, None),
        (131_005, 131_005, C, None),
        (131_008, 131_009, P, None),
        (131_016, 131_016, U, None),
        (131_020, 131_021, P, None),
        (131_026, 131_026, P, None),
        (131_030, 131_031, C, None),
        (131_037, 131_037, C, None),
        (131_041, 131_041, P, None),
        (131_042, 131_042, C, None),
        (131_043, 131_043, T, None),
        (131_044, 131_045, C, None),
        (131_047, 131_047, T, None),
        (131_048, 131_048, NumberLimited, None),
        (131_049, 131_052, P, None),
        (131_053, 131_053, R, Some(3)),
        (131_055, 131_055, P, None),
        (131_056, 131_056, Rp, None),
        (131_057, 131_057, Rn, None),
        (131_062, 131_063, P, None),
        (131_064, 131_064, C, None),
        (131_200, 131_299, P, None),
        (132_000, 132_001, P, None),
        (132_005, 132_005, P, None),
        (132_007, 132_008, P, None),
        (132_012, 132_012, P, None),
        (132_015, 132_016, P, None),
        (132_018, 132_018, P, None),
        (132_068, 132_068, P, None),
        (132_069, 132_069, R, None),
        (133_000, 133_000, C, None),
        (133_004, 133_004, R, None),
        (133_005, 133_006, C, None),
        (133_008, 133_010, C, None),
        (133_015, 133_015, R, None),
        (133_016, 133_016, C, None),
        (134_100, 134_100, P, None),
        (134_101, 134_101, R, None),
        (134_102, 134_102, P, None),
        (135_000, 135_000, R, Some(1)),
        (136_024, 136_024, P, None),
        (137_000, 137_000, P, None),
        (138_000, 138_999, P, None),
        (139_000, 139_004, P, None),
        (139_200, 139_200, T, None),
    ]
};

/// The code that an account which is barred is refused with.
pub const ACCOUNT_LOCKED: i64 = 131_031;
/// The same of one that is limited for what it sent.
pub const ACCOUNT_LIMITED: i64 = 368;

/// Whether an error that a template met says how many people may be written to
/// first in 24 hours. Words inside an open window are not counted by that limit
/// (Meta, "Messaging limits"), and go on: should the number itself be limited,
/// they are told so themselves.
pub const fn limits_first_contacts(code: i64) -> bool {
    matches!(code, 131_048 | 131_064)
}

/// The sub-code of 100 that blames the object in the URL: our own number.
const OBJECT_UNKNOWN: i64 = 33;

fn find(code: i64) -> Option<&'static Row> {
    TABLE
        .iter()
        .find(|(first, last, _, _)| (*first..=*last).contains(&code))
}

/// What an error means. `http` is the status of the answer it came in, or 0 if
/// it came in a status webhook: what failed there is known to have failed.
pub fn classify(error: &ProviderError, http: u16) -> Class {
    if error.code == 100 && error.subcode == Some(OBJECT_UNKNOWN) {
        return Class::Configuration;
    }
    let class = match find(error.code) {
        Some((_, _, class, _)) => *class,
        None if http == 429 => Class::ThrottleNumber,
        None if http >= 500 => Class::Unknown,
        None => Class::Permanent,
    };
    match class {
        Class::Unknown if http == 0 => Class::Retry,
        Class::Configuration
        | Class::ThrottleNumber
        | Class::NumberLimited
        | Class::ThrottleContact
        | Class::Retry
        | Class::Permanent
        | Class::NeedsTemplate
        | Class::Unknown
        | Class::PossiblySent => class,
    }
}

/// Whether an error that a question about our own number met says only that the
/// token may not ask it. Whoever may not look may still be let send.
pub fn may_not_look(error: &ProviderError) -> bool {
    let object = error.code == 100 && error.subcode == Some(OBJECT_UNKNOWN);
    object || matches!(error.code, 3 | 10 | 33 | 200..=299)
}

/// Whether the code is one we know; of another one staff should hear.
pub fn is_known(error: &ProviderError) -> bool {
    find(error.code).is_some()
}

/// The provider's servers are not there for now.
const SERVERS_DOWN: i64 = 133_004;

/// Whether an error that passes says more of the provider than of the message:
/// its servers are down, or it does not know itself what it did.
pub fn blames_provider(error: &ProviderError, http: u16) -> bool {
    match classify(error, http) {
        Class::Unknown => true,
        Class::Retry => http >= 500 || error.code == SERVERS_DOWN,
        Class::Configuration
        | Class::ThrottleNumber
        | Class::NumberLimited
        | Class::ThrottleContact
        | Class::Permanent
        | Class::NeedsTemplate
        | Class::PossiblySent => false,
    }
}

/// How often an error of class `Retry` is worth another try before it counts
/// as permanent; none where only the message's own age bounds it.
pub fn retries_max(error: &ProviderError) -> Option<u8> {
    find(error.code).and_then(|(_, _, _, retries)| *retries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(code: i64) -> ProviderError {
        ProviderError {
            code,
            subcode: None,
        }
    }

    #[test]
    fn an_account_that_is_barred_or_limited_is_no_messages_fault() {
        for code in [ACCOUNT_LOCKED, ACCOUNT_LIMITED] {
            assert_eq!(classify(&error(code), 0), Class::Configuration);
        }
    }

    #[test]
    fn every_code_of_the_reference_has_its_class() {
        use Class as K;
        let cases: [(K, &[i64]); 9] = [
            (
                K::Configuration,
                &[
                    0, 3, 10, 33, 190, 200, 250, 299, 368, 131_005, 131_030, 131_031, 131_037,
                    131_042, 131_044, 131_045, 131_064, 133_000, 133_005, 133_006, 133_008,
                    133_009, 133_010, 133_016,
                ],
            ),
            (K::ThrottleNumber, &[4, 80_007, 130_429, 131_057]),
            (K::NumberLimited, &[131_048]),
            (K::ThrottleContact, &[131_056]),
            (
                K::Retry,
                &[1, 131_053, 132_069, 133_004, 133_015, 134_101, 135_000],
            ),
            (
                K::Permanent,
                &[
                    100, 130_403, 130_472, 130_497, 131_008, 131_009, 131_020, 131_021, 131_026,
                    131_041, 131_049, 131_050, 131_051, 131_052, 131_055, 131_062, 131_063,
                    131_200, 131_215, 132_000, 132_001, 132_005, 132_007, 132_008, 132_012,
                    132_015, 132_016, 132_018, 132_068, 134_100, 134_102, 136_024, 137_000,
                    138_000, 138_015, 139_000, 139_004,
                ],
            ),
            (K::NeedsTemplate, &[131_043, 131_047, 139_200]),
            (K::Unknown, &[2, 131_000, 131_016]),
            (K::PossiblySent, &[506]),
        ];
        for (class, codes) in cases {
            for code in codes {
                for http in [200, 400, 401, 403, 429, 500, 503] {
                    assert_eq!(classify(&error(*code), http), class, "{code} with {http}");
                }
                assert!(is_known(&error(*code)));
            }
        }
    }

    #[test]
    fn the_object_in_the_url_is_a_matter_of_settings() {
        let gone = ProviderError {
            code: 100,
            subcode: Some(33),
        };
        assert_eq!(classify(&gone, 400), Class::Configuration);
    }

    #[test]
    fn an_unknown_code_goes_by_its_status() {
        assert_eq!(classify(&error(999_999), 400), Class::Permanent);
        assert_eq!(classify(&error(999_999), 503), Class::Unknown);
        assert_eq!(classify(&error(CODE_MISSING), 429), Class::ThrottleNumber);
        assert!(!is_known(&error(999_999)));
    }

    #[test]
    fn what_failed_by_webhook_is_not_in_doubt() {
        for code in [2, 131_000, 131_016] {
            assert_eq!(classify(&error(code), 0), Class::Retry);
        }
        assert_eq!(classify(&error(131_047), 0), Class::NeedsTemplate);
        assert_eq!(classify(&error(999_999), 0), Class::Permanent);
    }

    #[test]
    fn some_retries_are_counted() {
        let counts = [
            (1, Some(3)),
            (131_053, Some(3)),
            (135_000, Some(1)),
            (133_004, None),
        ];
        for (code, retries) in counts {
            assert_eq!(retries_max(&error(code)), retries);
        }
    }

    #[test]
    fn the_table_is_sorted_and_nothing_is_in_it_twice() {
        for pair in TABLE.windows(2) {
            let [(first, last, _, _), (next, _, _, _)] = pair else {
                continue;
            };
            assert!(first <= last && last < next, "{first} {last} {next}");
        }
    }

    proptest! {
        #[test]
        fn the_status_never_overrules_a_known_code(row in prop::sample::select(TABLE), a in 1_u16..600, b in 1_u16..600) {
            let (first, last, class, _) = row;
            for code in [first, last] {
                prop_assert_eq!(classify(&error(code), a), class);
                prop_assert_eq!(classify(&error(code), b), class);
            }
        }

        #[test]
        fn any_code_has_a_class(code: i64, subcode: Option<i64>, http: u16) {
            classify(&ProviderError { code, subcode }, http);
        }
    }
}

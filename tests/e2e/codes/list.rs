//! Every error code of the reference with its class, written down a second
//! time and by hand: the product's own table is held against it.

use healthpost::core::delivery::{self, classify, is_known};
use healthpost::core::inbound::ProviderError;

/// What a code means for the message and for the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The account or its settings: the channel stops, no message is failed.
    Configuration,
    /// Too fast for the number: everybody waits.
    ThrottleNumber,
    /// People complain of the number: everybody waits for hours.
    NumberLimited,
    /// Too fast for this patient: the others go on.
    ThrottleContact,
    /// The same message again, later.
    Retry,
    /// Never: staff call.
    Permanent,
    /// Only a template could go.
    NeedsTemplate,
    /// It may or may not have gone.
    Unknown,
    /// Meta says that it has it already.
    PossiblySent,
}

use Class as C;

/// The codes of the reference that stand alone.
const CODES: [(Class, &[i64]); 9] = [
    (
        C::Configuration,
        &[
            0, 3, 10, 33, 190, 368, 131_005, 131_030, 131_031, 131_037, 131_042, 131_044, 131_045,
            131_064, 133_000, 133_005, 133_006, 133_008, 133_009, 133_010, 133_016,
        ],
    ),
    (C::ThrottleNumber, &[4, 80_007, 130_429, 131_057]),
    (C::NumberLimited, &[131_048]),
    (C::ThrottleContact, &[131_056]),
    (
        C::Retry,
        &[1, 131_053, 132_069, 133_004, 133_015, 134_101, 135_000],
    ),
    (
        C::Permanent,
        &[
            100, 130_403, 130_472, 130_497, 131_008, 131_009, 131_020, 131_021, 131_026, 131_041,
            131_049, 131_050, 131_051, 131_052, 131_055, 131_062, 131_063, 132_000, 132_001,
            132_005, 132_007, 132_008, 132_012, 132_015, 132_016, 132_018, 132_068, 134_100,
            134_102, 136_024, 137_000, 139_000, 139_001, 139_002, 139_003, 139_004,
        ],
    ),
    (C::NeedsTemplate, &[131_043, 131_047, 139_200]),
    (C::Unknown, &[2, 131_000, 131_016]),
    (C::PossiblySent, &[506]),
];

/// Of those that are tried again, the codes that are worth so many tries only.
const COUNTED: [i64; 3] = [1, 131_053, 135_000];

/// The one among those that tells of the provider's servers and of no message.
const SERVERS_DOWN: i64 = 133_004;

/// Whole ranges of codes that mean the same: permissions, groups, calls.
const RANGES: [(Class, i64, i64); 3] = [
    (C::Configuration, 200, 299),
    (C::Permanent, 131_200, 131_299),
    (C::Permanent, 138_000, 138_999),
];

/// Codes that come with another HTTP status too: one edition of Meta's table
/// says this, another that. The class is the same.
const OTHER_HTTP: [(i64, u16); 9] = [
    (2, 500),
    (4, 400),
    (80_007, 400),
    (130_429, 400),
    (131_000, 400),
    (131_048, 400),
    (131_056, 400),
    (132_001, 400),
    (132_015, 500),
];

/// One refusal, as Meta may answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The code; none in an answer without a body of Meta's.
    pub code: Option<i64>,
    /// The finer code, where it matters.
    pub subcode: Option<i64>,
    /// The HTTP status, where it is not the usual one.
    pub http: Option<u16>,
    /// What it has to be taken for.
    pub class: Class,
}

impl Case {
    const fn usual(class: Class, code: i64) -> Self {
        Self {
            code: Some(code),
            subcode: None,
            http: None,
            class,
        }
    }

    /// Whether its refusal uses up a try of the message's own.
    pub fn counts(&self) -> bool {
        self.code.is_some_and(|code| COUNTED.contains(&code))
    }

    /// Whether it says more of the provider than of the message: three of them
    /// in a row are an outage.
    pub fn blames_the_provider(&self) -> bool {
        self.class == Class::Unknown || self.code == Some(SERVERS_DOWN)
    }

    /// As it is called in the table that is printed.
    pub fn name(&self) -> String {
        let mut name = self.code.map_or("no code".to_owned(), |it| it.to_string());
        if let Some(subcode) = self.subcode {
            name.push_str(&format!("/{subcode}"));
        }
        if let Some(http) = self.http {
            name.push_str(&format!(" under {http}"));
        }
        name
    }
}

/// Of each code of the reference one refusal, of each range its ends and its
/// middle; then the same code under another status, and codes nobody knows.
pub fn cases() -> Vec<Case> {
    let alone = CODES
        .iter()
        .flat_map(|(class, codes)| codes.iter().map(|code| Case::usual(*class, *code)));
    let ranges = RANGES.iter().flat_map(|(class, first, last)| {
        [*first, first.midpoint(*last), *last].map(|code| Case::usual(*class, code))
    });
    let mut cases: Vec<Case> = alone.chain(ranges).collect();
    let others = OTHER_HTTP.map(|(code, http)| {
        let known = cases.iter().find(|case| case.code == Some(code)).unwrap();
        Case {
            http: Some(http),
            ..*known
        }
    });
    cases.extend(others);
    let odd = |code, subcode, http, class| Case {
        code,
        subcode,
        http,
        class,
    };
    cases.extend([
        // The object in the URL, our own number, is at fault.
        odd(Some(100), Some(33), Some(400), C::Configuration),
        odd(Some(NEW_CODE), None, Some(400), C::Permanent),
        odd(Some(NEW_CODE), None, Some(503), C::Unknown),
        odd(Some(NEW_CODE), None, Some(429), C::ThrottleNumber),
        odd(None, None, Some(429), C::ThrottleNumber),
    ]);
    cases
}

/// A code that stands in no table.
pub const NEW_CODE: i64 = 199_999;

/// The class of a code by the lists above.
fn listed(code: i64) -> Option<Class> {
    let alone = CODES.iter().find(|(_, codes)| codes.contains(&code));
    let range = RANGES
        .iter()
        .find(|(_, first, last)| (*first..=*last).contains(&code));
    alone
        .map(|(class, _)| *class)
        .or(range.map(|(class, _, _)| *class))
}

const fn same(class: Class) -> delivery::Class {
    match class {
        C::Configuration => delivery::Class::Configuration,
        C::ThrottleNumber => delivery::Class::ThrottleNumber,
        C::NumberLimited => delivery::Class::NumberLimited,
        C::ThrottleContact => delivery::Class::ThrottleContact,
        C::Retry => delivery::Class::Retry,
        C::Permanent => delivery::Class::Permanent,
        C::NeedsTemplate => delivery::Class::NeedsTemplate,
        C::Unknown => delivery::Class::Unknown,
        C::PossiblySent => delivery::Class::PossiblySent,
    }
}

/// Fails if the product's table has a code that is not in the lists, or lacks
/// one, or has another class for it.
pub fn hold_against_the_product() {
    for code in -1_000..1_000_000 {
        let error = ProviderError {
            code,
            subcode: None,
        };
        let listed = listed(code);
        assert_eq!(is_known(&error), listed.is_some(), "code {code}");
        if let Some(class) = listed {
            assert_eq!(classify(&error, 400), same(class), "code {code}");
        }
    }
}

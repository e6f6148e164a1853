//! Signs of which some are said to be there and others not: "fever but no
//! cough", "neither fever nor cough", "none except a headache".
//!
//! How far a "no" reaches is never guessed: "fever no cough" and "no fever and
//! cough" are left to be asked again.

use super::choice::{is_overtaken, label_at};
use super::lexicon::{self, exact_at, filler_at};
use super::none;
use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// What ends a denial.
static BUT: Table<()> = Table::of(&[
    (
        En,
        (),
        "but|except|except for|apart from|besides|other than|but only|only",
    ),
    (
        Fr,
        (),
        "mais|sauf|excepte|a part|hormis|mais seulement|seulement",
    ),
    (Sw, (), "lakini|isipokuwa|ila|ila tu|bali"),
    (
        Es,
        (),
        "pero|excepto|salvo|menos|sino|pero si|pero solo|solo|solamente|unicamente",
    ),
    (
        Pt,
        (),
        "mas|exceto|excepto|salvo|menos|senao|a nao ser|mas so|so|somente|apenas",
    ),
]);

/// How much of a sign there is.
static AMOUNTS: Table<()> = Table::of(&[
    (
        En,
        (),
        "a little|a little bit of|a bit of|little|some|slight|mild|bad|severe|strong|high|dry|a lot of|lots of|much|also|very bad",
    ),
    (
        Fr,
        (),
        "un peu de|un peu|peu de|legere|leger|forte|fort|beaucoup de|beaucoup|petite|petit|seche|aussi|de la",
    ),
    (Sw, (), "kidogo|sana|kali|kikavu|nyingi|pia|tu|pekee"),
    (
        Es,
        (),
        "un poco de|un poco|poco|poca|algo de|leve|fuerte|mucha|mucho|seca|alta|tambien",
    ),
    (
        Pt,
        (),
        "um pouco de|um pouco|pouco|pouca|leve|forte|muita|muito|seca|alta|tambem",
    ),
]);

/// What joins signs so that one "no" before the first reaches the next.
static NOR: Table<()> = Table::of(&[
    (En, (), "or|nor"),
    (Fr, (), "ou|ni"),
    (Sw, (), "au|wala"),
    (Es, (), "o|u|ni"),
    (Pt, (), "ou|nem"),
]);

static AND: Table<()> = Table::of(&[
    (En, (), "and|also|with"),
    (Fr, (), "et|avec"),
    (Sw, (), "na|pia"),
    (Es, (), "y|e|con"),
    (Pt, (), "e|com"),
]);

/// A "no" that always belongs to what follows it.
const WITHOUT: &[&str] = &["without", "sans", "bila", "sin", "sem"];
/// With a yes among the noes, which belongs to which is not known.
const YES: &[&str] = &["yes", "oui", "ndiyo", "ndio", "sim"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Start,
    Sign,
    No,
    And,
    Nor,
    But,
}

/// What was met while reading.
struct Reading {
    last: Met,
    denying: bool,
    /// The text begins with a denial, so that a later "no" belongs to what
    /// follows it, too.
    denies_first: bool,
    there: Vec<usize>,
    denied: Vec<usize>,
}

/// The places of the signs that are there; none at all where several are denied
/// and nothing else is said. `None` where it is not clear.
pub(super) fn split(
    labels: &[(usize, Vec<String>)],
    tokens: &[String],
    lang: Lang,
) -> Option<Vec<usize>> {
    let mut reading = Reading {
        last: Met::Start,
        denying: false,
        denies_first: false,
        there: Vec::new(),
        denied: Vec::new(),
    };
    let mut at = 0;
    while let Some(word) = tokens.get(at) {
        if let Some((place, used)) = label_at(labels, tokens, at)
            && !is_overtaken(labels, tokens, at, used)
        {
            reading.sign(place)?;
            at += used;
        } else if let Some(used) = none_before_but(tokens, at, lang) {
            at += used;
        } else if let Some(used) = exact_at(&BUT, tokens, at, lang) {
            reading.but()?;
            at += used;
        } else if let Some(used) = exact_at(&NOR, tokens, at, lang)
            .filter(|_| reading.denying && reading.last == Met::Sign)
        {
            reading.last = Met::Nor;
            at += used;
        } else if lexicon::negation_at(tokens, at, lang) {
            reading.no(WITHOUT.contains(&word.as_str()))?;
            at += 1;
        } else if let Some(used) = exact_at(&AND, tokens, at, lang) {
            reading.last = Met::And;
            at += used;
        } else if let Some(used) = exact_at(&AMOUNTS, tokens, at, lang) {
            // "Not much cough" is a cough.
            if reading.last == Met::No {
                return None;
            }
            at += used;
        } else {
            at += filler_at(tokens, at, lang).filter(|_| !YES.contains(&word.as_str()))?;
        }
    }
    reading.finish()
}

/// "I have none", where what follows is excepted from it.
fn none_before_but(tokens: &[String], at: usize, lang: Lang) -> Option<usize> {
    (1..=4).find(|used| {
        let words = tokens.get(at..at + used).unwrap_or_default();
        words.len() == *used
            && none::is_none(words, lang)
            && exact_at(&BUT, tokens, at + used, lang).is_some()
    })
}

impl Reading {
    fn sign(&mut self, place: usize) -> Option<()> {
        let joined = self.last != Met::Sign;
        // "No fever and cough": whether there is a cough is not said.
        if self.denying && matches!(self.last, Met::And) || !joined {
            return None;
        }
        if self.denying {
            self.denied.push(place);
        } else {
            self.there.push(place);
        }
        self.last = Met::Sign;
        Some(())
    }

    fn no(&mut self, without: bool) -> Option<()> {
        let after_sign = without || self.denies_first;
        if self.last == Met::Sign && !after_sign {
            return None;
        }
        self.denies_first |= self.last == Met::Start;
        self.denying = true;
        self.last = Met::No;
        Some(())
    }

    fn but(&mut self) -> Option<()> {
        let hanging = self.last == Met::No;
        self.denying = false;
        self.last = Met::But;
        (!hanging).then_some(())
    }

    fn finish(mut self) -> Option<Vec<usize>> {
        let ended = self.last == Met::Sign;
        let both = self.there.iter().any(|place| self.denied.contains(place));
        let none = self.there.is_empty() && self.denied.len() < 2;
        if !ended || both || none {
            return None;
        }
        self.there.sort_unstable();
        self.there.dedup();
        Some(self.there)
    }
}

//! Flow files: how they are made, and what must hold for any of them.

use super::rng::Rng;
use super::{driver, mutate};
use healthpost::core::flow::{Flow, FlowFault, Line};
use healthpost::core::lang::Lang;

/// Words of the format, and what tends to hurt.
const WORDS: &[&str] = &[
    "version",
    "id",
    "languages",
    "consent",
    "text",
    "lines",
    "buttons",
    "hints",
    "pages",
    "fields",
    "kind",
    "label",
    "ask",
    "also",
    "choices",
    "only_if",
    "field",
    "is",
    "age_min",
    "age_max",
    "\"name\"",
    "\"birth_or_age\"",
    "\"sex\"",
    "\"locality\"",
    "\"free_text\"",
    "\"onset\"",
    "\"yes_no\"",
    "\"one_of\"",
    "\"any_of\"",
    "\"emergency_contact\"",
    "{question}",
    "{clinic}",
    "{emergency_number}",
    "{record_id}",
    "{count}",
    "{",
    "}",
    "{{",
    "en",
    "fr",
    "\"en\"",
    "\"sw\"",
    "[[pages]]\n",
    "[[pages.fields]]\n",
    "[[pages.fields.choices]]\n",
    "[consent]\n",
    "[lines.who]\n",
    "= ",
    "\"\"",
    "\"\"\"",
    "'''",
    "1",
    "-1",
    "65536",
    "99999999999999999999",
    "1.5",
    "nan",
    "true",
    "1979-05-27",
    "[]",
    "{}",
    "[[",
    "]]",
    "\\u0000",
    "\\ud800",
    "\u{1f9d1}\u{200d}\u{1f9d1}",
    "\u{202e}",
    "é",
    "#",
    "\n",
    "\r\n",
    "\t",
    "a.b.c = 1\n",
    "en = \"a\"\n",
    "x = { en = \"a\" }\n",
];

/// The flows that inputs are made of. The shorter ones come more often: they
/// are read faster, and the faults are the same.
pub struct Seeds {
    raw: Vec<Vec<u8>>,
    short: Vec<String>,
    whole: String,
    long: String,
}

impl Seeds {
    pub fn load() -> Self {
        let raw = driver::corpus("flow");
        let text = |it: &Vec<u8>| String::from_utf8_lossy(it).into_owned();
        let short = raw.iter().filter(|it| it.len() < 1_000).map(text).collect();
        let sized = |least: usize| {
            raw.iter()
                .find(|it| it.len() > least && Flow::parse(&text(it)).is_ok())
                .map(text)
        };
        Self {
            short,
            whole: raw
                .iter()
                .map(text)
                .find(|it| it.len() < 5_000 && Flow::parse(it).is_ok())
                .expect("a small sound flow"),
            long: sized(10_000).expect("a long sound flow"),
            raw,
        }
    }

    pub fn raw(&self) -> &[Vec<u8>] {
        &self.raw
    }

    pub fn make(&self, rng: &mut Rng) -> Vec<u8> {
        let base = match rng.below(400) {
            0 => &self.long,
            1..=32 => &self.whole,
            _ => rng.pick(&self.short),
        };
        let other = if rng.once_in(4) {
            &self.whole
        } else {
            rng.pick(&self.short)
        };
        if rng.once_in(2) {
            return mutate::lines(rng, base, other).into_bytes();
        }
        let mut flow = base.clone().into_bytes();
        let other = other.get(..other.len().min(400)).unwrap_or_default();
        mutate::bytes(rng, &mut flow, other.as_bytes(), WORDS);
        flow
    }
}

/// Whatever the text: a complete flow, or faults that each have a line in it.
pub fn check(input: &[u8]) {
    let source = String::from_utf8_lossy(input);
    match Flow::parse(&source) {
        Ok(flow) => complete(&flow, &source),
        Err(faults) => placed(&faults, &source),
    }
}

fn placed(faults: &[FlowFault], source: &str) {
    assert!(!faults.is_empty(), "refused without a reason");
    // A text that ends in a line end has one more place: behind it.
    let lines = 1 + source.bytes().filter(|byte| *byte == b'\n').count();
    for fault in faults {
        assert!(
            (1..=lines).contains(&fault.line),
            "{fault} of {lines} lines"
        );
        assert!(
            !fault.message.trim().is_empty() && fault.message.len() <= 400 + source.len(),
            "{fault}"
        );
    }
    assert!(
        faults.is_sorted(),
        "faults are told in the order of the lines"
    );
    assert!(
        faults.len() <= 1_000 + source.len(),
        "{} faults",
        faults.len()
    );
}

fn complete(flow: &Flow, source: &str) {
    assert_eq!(flow.source(), source);
    assert_eq!(flow.version().len(), 64);
    let again = Flow::parse(flow.source()).expect("what was read once is read again");
    assert_eq!(again.version(), flow.version());
    assert!(!flow.languages().is_empty() && !flow.pages().is_empty() && !flow.id().is_empty());
    for lang in flow.languages() {
        speaks(flow, *lang);
    }
}

fn speaks(flow: &Flow, lang: Lang) {
    assert!(
        !flow.consent_text().get(lang).trim().is_empty(),
        "consent in {lang}"
    );
    for line in Line::ALL.iter().filter(|line| !line.is_optional()) {
        assert!(
            !flow.line(*line, lang).trim().is_empty(),
            "{line:?} in {lang}"
        );
    }
    for field in flow.fields() {
        assert!(
            !field.ask.get(lang).trim().is_empty() && !field.label.get(lang).trim().is_empty(),
            "{}",
            field.id
        );
        assert_eq!(
            field.kind.has_choices(),
            !field.choices_in(lang).is_empty(),
            "{}",
            field.id
        );
        for condition in &field.only_if {
            assert!(
                flow.find_field(condition.field()).is_some(),
                "a condition on nothing"
            );
        }
    }
}

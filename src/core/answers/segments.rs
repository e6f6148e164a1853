//! Cutting a message into the parts people separate, and knowing the labels
//! they put before them ("nom: …", "age 34").
//!
//! It never drops words: what is cut here is read or asked again by the page.

use super::fold::folded_tokens;
use super::kind::Kind;
use super::phrases::Table;
use super::subject::{Subject, subjects};
use crate::core::lang::Lang;
use crate::core::limits::ANSWER_CHARS_MAX;
use Lang::{En, Es, Fr, Pt, Sw};

/// Most segments a message is cut into; beyond, it is a story, not a list.
const SEGMENTS_MAX: usize = 40;

/// Which question a label belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Name,
    Age,
    Sex,
    Place,
    Onset,
    Phone,
    /// What the question is about.
    Of(Subject),
}

static TOPICS: Table<Topic> = Table::of(&[
    (
        En,
        Topic::Name,
        "name|full name|patient|patient name|my name|names",
    ),
    (
        En,
        Topic::Age,
        "age|date of birth|dob|born|birth date|birthday|birth",
    ),
    (En, Topic::Sex, "sex|gender"),
    (
        En,
        Topic::Place,
        "village|town|location|locality|place|address|city|residence|where",
    ),
    (En, Topic::Onset, "since|since when|onset|started"),
    (
        En,
        Topic::Phone,
        "phone|emergency contact|emergency|contact",
    ),
    (
        Fr,
        Topic::Name,
        "nom|noms|nom complet|nom et prenom|prenom|patient|mon nom",
    ),
    (
        Fr,
        Topic::Age,
        "age|date de naissance|ne le|nee le|naissance",
    ),
    (Fr, Topic::Sex, "sexe|genre"),
    (
        Fr,
        Topic::Place,
        "village|ville|quartier|adresse|lieu|localite|residence",
    ),
    (Fr, Topic::Onset, "depuis|depuis quand|debut"),
    (
        Fr,
        Topic::Phone,
        "telephone|tel|contact|contact durgence|urgence",
    ),
    (Sw, Topic::Name, "jina|majina|jina kamili|jina langu"),
    (Sw, Topic::Age, "umri|miaka|tarehe ya kuzaliwa|kuzaliwa"),
    (Sw, Topic::Sex, "jinsia|jinsi"),
    (
        Sw,
        Topic::Place,
        "kijiji|mji|mtaa|mahali|makazi|anwani|eneo",
    ),
    (Sw, Topic::Onset, "tangu|tangu lini|ilianza"),
    (Sw, Topic::Phone, "simu|namba|mawasiliano"),
    (Es, Topic::Name, "nombre|nombre completo|paciente|mi nombre"),
    (Es, Topic::Age, "edad|fecha de nacimiento|nacimiento"),
    (Es, Topic::Sex, "sexo|genero"),
    (
        Es,
        Topic::Place,
        "pueblo|ciudad|barrio|direccion|lugar|localidad|aldea",
    ),
    (Es, Topic::Onset, "desde|desde cuando|inicio"),
    (
        Es,
        Topic::Phone,
        "telefono|contacto|emergencia|contacto de emergencia",
    ),
    (Pt, Topic::Name, "nome|nome completo|paciente|meu nome"),
    (Pt, Topic::Age, "idade|data de nascimento|nascimento"),
    (Pt, Topic::Sex, "sexo|genero"),
    (
        Pt,
        Topic::Place,
        "aldeia|cidade|bairro|endereco|lugar|localidade|morada|vila",
    ),
    (Pt, Topic::Onset, "desde|desde quando|inicio"),
    (
        Pt,
        Topic::Phone,
        "telefone|contacto|contato|emergencia|contacto de emergencia",
    ),
    (
        En,
        Topic::Of(Subject::Allergies),
        "allergy|allergies|my allergies|allergic to",
    ),
    (
        En,
        Topic::Of(Subject::Medicines),
        "medicine|medicines|medication|medications|meds|drugs|my medicines",
    ),
    (En, Topic::Of(Subject::Pregnancy), "pregnant|pregnancy"),
    (Fr, Topic::Of(Subject::Allergies), "allergie|allergies"),
    (
        Fr,
        Topic::Of(Subject::Medicines),
        "medicament|medicaments|traitement",
    ),
    (Fr, Topic::Of(Subject::Pregnancy), "enceinte|grossesse"),
    (Sw, Topic::Of(Subject::Allergies), "mzio|aleji"),
    (Sw, Topic::Of(Subject::Medicines), "dawa"),
    (Sw, Topic::Of(Subject::Pregnancy), "mjamzito|mimba|ujauzito"),
    (Es, Topic::Of(Subject::Allergies), "alergia|alergias"),
    (
        Es,
        Topic::Of(Subject::Medicines),
        "medicina|medicinas|medicamento|medicamentos",
    ),
    (Es, Topic::Of(Subject::Pregnancy), "embarazada|embarazo"),
    (Pt, Topic::Of(Subject::Allergies), "alergia|alergias"),
    (
        Pt,
        Topic::Of(Subject::Medicines),
        "medicamento|medicamentos",
    ),
    (Pt, Topic::Of(Subject::Pregnancy), "gravida|gravidez"),
]);

/// The label a segment begins with, and what follows it.
pub(super) fn label_of(segment: &str, lang: Lang) -> Option<(Topic, String)> {
    let (head, value, marked) = match segment.split_once([':', '=']) {
        Some((head, value)) => (head, value, true),
        None => {
            let (head, value) = segment.trim().split_once(char::is_whitespace)?;
            (head, value, false)
        }
    };
    let tokens = folded_tokens(head);
    let own = TOPICS.whole(&tokens).filter(|hit| hit.of == lang);
    let others = TOPICS.whole(&tokens).filter(|hit| hit.of != lang && marked);
    let topic = own.chain(others).next()?.meaning;
    // Without a colon only "age 34" is a label; "Village Mpya" is a name, and so
    // is Patient.
    let patient = tokens.first().is_some_and(|t| t == "patient");
    let plain = topic == Topic::Age || topic == Topic::Name && !patient || topic == Topic::Sex;
    // Where a second label follows, it is not known where the answer ends.
    let several = matches!(topic, Topic::Of(_)) && value.contains([':', '=']);
    ((marked || plain) && !several).then(|| (topic, value.trim().to_owned()))
}

/// Whether a text says which of allergies, medicines and a pregnancy it is about,
/// in a label or in words.
pub fn names_subject(text: &str, lang: Lang) -> bool {
    let labelled = |line: &str| matches!(label_of(line, lang), Some((Topic::Of(_), _)));
    text.lines().any(labelled) || !subjects(text, lang).is_empty()
}

/// The topic that a kind of question is about.
pub(super) const fn topic_of(kind: &Kind) -> Option<Topic> {
    match kind {
        Kind::Name => Some(Topic::Name),
        Kind::BirthOrAge => Some(Topic::Age),
        Kind::Sex => Some(Topic::Sex),
        Kind::Locality => Some(Topic::Place),
        Kind::Onset => Some(Topic::Onset),
        Kind::EmergencyContact => Some(Topic::Phone),
        Kind::FreeTextOrNone { about: Some(about) } | Kind::YesNo { about: Some(about) } => {
            Some(Topic::Of(*about))
        }
        Kind::FreeText
        | Kind::FreeTextOrNone { about: None }
        | Kind::YesNo { about: None }
        | Kind::OneOf { .. }
        | Kind::AnyOf { .. } => None,
    }
}

/// Cuts at line ends, semicolons, commas and slashes that do not stand
/// between digits, and before "2)"-like numbers that go up from one.
pub(super) fn cut_segments(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let long = in_long_lines(&chars);
    let mut out: Vec<String> = vec![String::new()];
    let mut next_number = 1;
    let mut skip_to = 0;
    for (at, c) in chars.iter().enumerate() {
        if at < skip_to {
            continue;
        }
        let is_long = long.get(at) == Some(&true);
        let begins = at.checked_sub(1).and_then(|before| chars.get(before));
        let cuts = !is_long || begins.is_none_or(|before| ends_line(*before));
        if let Some(used) = numbering_at(&chars, at, next_number).filter(|_| cuts) {
            next_number += 1;
            out.push(String::new());
            skip_to = at + used;
        } else if ends_line(*c) || !is_long && is_separator(&chars, at, *c) {
            out.push(String::new());
        } else if let Some(last) = out.last_mut() {
            last.push(*c);
        }
    }
    let mut kept: Vec<String> = out
        .iter()
        .map(|s| {
            s.trim()
                .trim_start_matches(['-', '•', '*', '·'])
                .trim()
                .to_owned()
        })
        .filter(|s| s.chars().any(char::is_alphanumeric))
        .collect();
    kept.truncate(SEGMENTS_MAX);
    kept
}

/// For each character, whether it stands in a line that is too long for an
/// answer. Such a line is one answer or none: cut, its parts could pass for several.
fn in_long_lines(chars: &[char]) -> Vec<bool> {
    let lines = chars.split_inclusive(|c| ends_line(*c));
    let is_long = |line: &[char]| {
        let written = line.iter().filter(|c| !ends_line(**c)).count();
        written > ANSWER_CHARS_MAX
    };
    lines
        .flat_map(|line| std::iter::repeat_n(is_long(line), line.len()))
        .collect()
}

/// Whether a line ends with this character.
pub(super) const fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_separator(chars: &[char], at: usize, c: char) -> bool {
    let digit = |i: Option<usize>| {
        i.and_then(|i| chars.get(i))
            .is_some_and(char::is_ascii_digit)
    };
    let between = digit(at.checked_sub(1)) && digit(at.checked_add(1));
    match c {
        ';' | '|' | '؛' | '；' => true,
        ',' | '/' | '،' | '，' => !between,
        _ => false,
    }
}

/// The length of "2)", "2.", "2-" or "2:" at `at`, when it is the next number.
fn numbering_at(chars: &[char], at: usize, want: u32) -> Option<usize> {
    let start = at.checked_sub(1).and_then(|i| chars.get(i));
    if start.is_some_and(|c| !c.is_whitespace() && !matches!(c, ',' | ';' | '/')) {
        return None;
    }
    let digit = chars.get(at)?.to_digit(10)?;
    let mark = chars.get(at + 1)?;
    let listed = matches!(mark, ')' | '.' | ':' | '-' | '°');
    let after = chars.get(at + 2);
    (digit == want && listed && !after.is_some_and(char::is_ascii_digit)).then_some(2)
}

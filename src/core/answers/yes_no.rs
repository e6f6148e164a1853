//! Yes and no, in words only.
//!
//! A thumb, an "ok" or a "maybe" is never taken for a yes: consent and
//! pregnancy hang on it. Numbers count as the buttons do: 1 is yes, 2 is no.

use super::fold::{fold, tokens as cut};
use super::lexicon;
use super::phrases::Table;
use super::subject::{self, Subject};
use super::{Misread, Value, pregnancy};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

static WORDS: Table<bool> = Table::of(&[
    (
        En,
        true,
        "yes|y|yea|yeah|yeh|yep|yup|yess|yes please|of course|certainly|absolutely|sure|surely|definitely|i agree|agree|agreed|i accept|accept|i do|i am|affirmative|correct|true|yes i do|i consent",
    ),
    (
        En,
        false,
        "no|n|nope|nah|noo|not at all|never|i dont|i do not|not really|no thanks|no thank you|i refuse|refuse|i disagree|disagree|i do not agree|i dont agree|i dont think so|negative|dont think so|not pregnant|im not|i am not|dont want|do not want|do not accept|false",
    ),
    (
        Fr,
        true,
        "oui|o|ui|ouais|wi|ouii|mais oui|bien sur|bien sur que oui|certainement|absolument|exactement|tout a fait|j accepte|jaccepte|je suis d accord|je suis daccord|volontiers|evidemment|en effet|je veux bien|je consens|oui oui|si si|affirmatif|c est ca|cest ca|vrai",
    ),
    (
        Fr,
        false,
        "non|n|nn|nan|nom merci|pas du tout|jamais|je refuse|refuse|je n accepte pas|je naccepte pas|pas d accord|pas daccord|je ne suis pas|ne crois pas|je ne crois pas|je ne pense pas|ne pense pas|je ne veux pas|ne veux pas|veux pas|pas encore|bien sur que non|aucunement|negatif|pas enceinte|faux|je ne suis pas daccord",
    ),
    (
        Sw,
        true,
        "ndiyo|ndio|ndyo|ndiyo kabisa|eee|eeh|naam|kweli|kabisa|hakika|bila shaka|nakubali|nimekubali|ninakubali|nakubaliana|ndiyo nakubali|ndivyo|ni kweli|ndiyo tafadhali|niko tayari",
    ),
    (
        Sw,
        false,
        "hapana|la|hapana kabisa|siyo|sio|sikubali|sikubaliani|nakataa|ninakataa|si kweli|hata kidogo|sitaki|bado|sina|hakuna|la hasha|si mjamzito|sina mimba|hapana asante|sidhani",
    ),
    (
        Es,
        true,
        "si|s|sip|claro|claro que si|por supuesto|desde luego|cierto|ciertamente|correcto|exacto|afirmativo|acepto|si acepto|estoy de acuerdo|sii|siii|asi es|como no|si claro|si por favor|simon|verdad",
    ),
    (
        Es,
        false,
        "no|n|nop|para nada|nunca|jamas|no acepto|no estoy de acuerdo|no quiero|no creo|claro que no|por supuesto que no|de ninguna manera|negativo|rechazo|me niego|no estoy|tampoco|no estoy embarazada|falso|todavia no|no gracias",
    ),
    (
        Pt,
        true,
        "sim|s|simm|claro|claro que sim|pois|pois e|pois sim|com certeza|certo|certamente|exato|exatamente|isso|isso mesmo|aceito|sim aceito|concordo|estou de acordo|evidentemente|e verdade|positivo|sem duvida|estou sim|sim senhor|sim senhora",
    ),
    (
        Pt,
        false,
        "nao|n|naum|de jeito nenhum|de modo nenhum|nunca|jamais|nao aceito|nao concordo|recuso|nao quero|acho que nao|nao acho|claro que nao|ainda nao|negativo|nao estou|pois nao e|nem pensar|falso|nao obrigada|nao obrigado|pois nao",
    ),
]);

/// Words that are a no wherever they stand alone.
const PLAIN_NO: &[&str] = &["no", "non", "nao", "hapana", "nope", "siyo"];

/// From this length on a no of any language is one wherever it stands.
const NO_CHARS_MIN: usize = 5;

/// Phrases in which the yes and no words mean something else or nothing.
static NEITHER: Table<()> = Table::of(&[
    (
        En,
        (),
        "no problem|no worries|yes and no|yes or no|no idea|not yet sure|i think so|you know",
    ),
    (
        Fr,
        (),
        "pas de probleme|oui et non|oui ou non|pas de souci|je crois|je pense|si vous voulez",
    ),
    (
        Sw,
        (),
        "hakuna shida|hakuna matata|ndiyo na hapana|ndiyo au hapana|hakuna tatizo|hamna shida|nadhani",
    ),
    (
        Es,
        (),
        "no hay problema|sin problema|si y no|si o no|ningun problema|creo que si|no importa|no pasa nada",
    ),
    (
        Pt,
        (),
        "sem problema|sem problemas|sim e nao|sim ou nao|nao tem problema|nao faz mal|acho que sim|nao ha problema",
    ),
]);

/// Reads yes or no to a question about something. What names it is an answer;
/// what names something else is none.
pub(super) fn read_about(
    about: Option<Subject>,
    folded: &str,
    lang: Lang,
) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if about != Some(Subject::Pregnancy) || folded.ends_with('?') {
        return read(folded, lang);
    }
    // "No, I am 5 months pregnant": one half of it is a slip.
    let (no, rest) = tokens.split_at(tokens.len().min(1));
    let set_off = no.first().and_then(|no| folded.strip_prefix(no.as_str()));
    let set_off = set_off.is_some_and(|rest| rest.starts_with([',', '.', ';', '!', ':', '-']));
    let contrary = said_at(no, 0, lang).is_some_and(|(yes, _)| !yes)
        && pregnancy::state(rest, lang) == Some(true);
    match pregnancy::state(&tokens, lang) {
        Some(false) if contrary && set_off => Err(Misread::Ambiguous),
        Some(yes) => Ok(Value::YesNo { yes }),
        None if contrary => Err(Misread::Ambiguous),
        None if subject::speaks_of_either(&tokens, lang) => Err(Misread::Unclear),
        None => read(folded, lang),
    }
}

/// A yes or a no to being asked for agreement: all of the words, and no single
/// letter for a yes.
pub fn read_agreement(text: &str, lang: Lang) -> Option<bool> {
    let folded = fold(text);
    let tokens = cut(&folded);
    let letters = tokens.iter().any(|t| t.chars().nth(1).is_some());
    // "I am" may begin anything.
    let begun = matches!(tokens.as_slice(), [i, am] if i == "i" && am == "am");
    match read(&folded, lang) {
        Ok(Value::YesNo { yes }) if is_bare(&tokens, lang) => {
            (!yes || letters && !begun).then_some(yes)
        }
        _ => None,
    }
}

/// Whether the first words are a no in any of the languages, or words that are
/// nothing else stand anywhere: "ok no thanks". What binds is not taken from
/// such a text, whatever the words are in the language of the conversation.
pub fn says_no(text: &str) -> bool {
    let tokens = cut(&fold(text));
    (0..tokens.len()).any(|at| {
        let plain = (tokens.get(at)).is_some_and(|token| PLAIN_NO.contains(&token.as_str()));
        let mut hits = WORDS.hits(&tokens, at).filter(|hit| !hit.meaning);
        plain || hits.any(|hit| at == 0 || hit.chars >= NO_CHARS_MIN)
    })
}

/// Whether a yes or a no of the language stands anywhere in it.
pub(super) fn says_either(tokens: &[String], lang: Lang) -> bool {
    has(tokens, lang, true) || has(tokens, lang, false)
}

/// Reads yes or no.
pub(super) fn read(folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.ends_with('?') || lexicon::is_question(folded, &tokens, lang) || tokens.is_empty() {
        return Err(Misread::Unclear);
    }
    match tokens.as_slice() {
        [one] if one == "1" => return Ok(Value::YesNo { yes: true }),
        [two] if two == "2" => return Ok(Value::YesNo { yes: false }),
        [other] if other.starts_with(|c: char| c.is_ascii_digit()) => {
            return Err(Misread::NoSuchChoice);
        }
        _ => {}
    }
    // "Sidhani" and "I don't think so" answer; "I don't know" does not.
    if let Some((yes, used)) = said_at(&tokens, 0, lang)
        && used == tokens.len()
    {
        return Ok(Value::YesNo { yes });
    }
    if lexicon::is_unsure(&tokens, lang) || neither(&tokens, lang) {
        let both = [true, false].map(|want| has(&tokens, lang, want));
        return Err(if both == [true, true] {
            Misread::Ambiguous
        } else {
            Misread::Unclear
        });
    }
    judge(&tokens, lang)
}

/// Whether the words are yes or no, once or again, and bear nothing else.
pub(super) fn is_bare(tokens: &[String], lang: Lang) -> bool {
    let mut at = 0;
    let mut said = false;
    while at < tokens.len() {
        if let Some((_, used)) = said_at(tokens, at, lang) {
            said = true;
            at += used;
        } else if let Some(used) = lexicon::filler_at(tokens, at, lang) {
            at += used;
        } else {
            return whole_foreign(tokens, lang).is_some();
        }
    }
    said
}

/// The first words decide; words of the other side later on make it doubtful.
fn judge(tokens: &[String], lang: Lang) -> Result<Value, Misread> {
    let first = said_at(tokens, 0, lang)
        .or_else(|| whole_foreign(tokens, lang).map(|yes| (yes, tokens.len())));
    let Some((yes, used)) = first else {
        return Err(if has(tokens, lang, true) && has(tokens, lang, false) {
            Misread::Ambiguous
        } else {
            Misread::Unclear
        });
    };
    let rest = tokens.get(used..).unwrap_or_default();
    let letter = tokens.first().is_some_and(|t| t.chars().count() == 1);
    let contrary = has(rest, lang, !yes) || (yes && lexicon::is_negated(rest, lang));
    if contrary && (yes || strong(rest, lang)) {
        Err(Misread::Ambiguous)
    } else if letter && !rest.is_empty() {
        Err(Misread::Unclear)
    } else {
        Ok(Value::YesNo { yes })
    }
}

/// Whether a plain yes stands in what follows a no.
fn strong(rest: &[String], lang: Lang) -> bool {
    (0..rest.len()).any(|at| {
        let negated = at
            .checked_sub(1)
            .is_some_and(|b| lexicon::negation_at(rest, b, lang));
        !negated && said_at(rest, at, lang).is_some_and(|(yes, _)| yes)
    })
}

/// What the longest yes or no phrase of the language at `at` says.
fn said_at(tokens: &[String], at: usize, lang: Lang) -> Option<(bool, usize)> {
    WORDS
        .hits(tokens, at)
        .filter(|hit| hit.of == lang)
        .map(|hit| (hit.meaning, hit.used))
        .max_by_key(|(_, used)| *used)
}

/// A whole answer in another language, where all that know it agree.
fn whole_foreign(tokens: &[String], lang: Lang) -> Option<bool> {
    let mut said = Lang::ALL
        .into_iter()
        .filter(|other| *other != lang)
        .filter_map(|other| said_at(tokens, 0, other).filter(|(_, used)| *used == tokens.len()));
    let (first, _) = said.next()?;
    let long = tokens.iter().map(|t| t.chars().count()).sum::<usize>() >= 2;
    (long && said.all(|(yes, _)| yes == first)).then_some(first)
}

fn has(tokens: &[String], lang: Lang, want: bool) -> bool {
    let mut at = 0;
    while at < tokens.len() {
        match said_at(tokens, at, lang) {
            Some((yes, used)) => {
                let single = used == 1 && tokens.get(at).is_some_and(|t| t.chars().count() == 1);
                if yes == want && !single {
                    return true;
                }
                at += used;
            }
            None => at += 1,
        }
    }
    false
}

fn neither(tokens: &[String], lang: Lang) -> bool {
    lexicon::anywhere(&NEITHER, tokens, lang)
}

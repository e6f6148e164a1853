//! Answers in the person's own words: names, places, complaints, and "none".
//!
//! Words are kept as written. What is certainly no answer (a greeting, a
//! question, "I don't know", a lone digit) is asked again; everything else is
//! the patient's own account and is not judged here.

use super::command::read_command;
use super::fold::{fold, tidy, tokens as cut};
use super::lexicon::{self, exact_at, filler_at};
use super::phrases::Table;
use super::{Misread, Value, yes_no};
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// Longest name, characters.
const NAME_CHARS_MAX: usize = 100;
/// Most words in a name; more is a sentence.
const NAME_WORDS_MAX: usize = 7;

/// How people begin when they give a name. The flag tells beginnings that
/// also begin other sentences ("I am ill"): there the name must be capital.
static NAME_BEGINNINGS: Table<bool> = Table::of(&[
    (
        En,
        false,
        "my name is|name is|my names|i am called|im called|her name is|his name is|the name is|name|full name|patient name|call me",
    ),
    (En, true, "i am|im|this is|it is|its"),
    (
        Fr,
        false,
        "je mappelle|je m appelle|mon nom est|mon nom cest|nom|il sappelle|elle sappelle|son nom est|moi cest|nom complet|mappelle|nom et prenom|noms",
    ),
    (Fr, true, "je suis|cest|moi"),
    (
        Sw,
        false,
        "jina langu ni|jina langu|jina ni|naitwa|ninaitwa|anaitwa|jina lake ni|jina|jina kamili|mimi naitwa|majina yangu ni|majina",
    ),
    (Sw, true, "mimi ni|ni|mimi"),
    (
        Es,
        false,
        "me llamo|mi nombre es|nombre|se llama|su nombre es|nombre completo|yo me llamo|mi nombre",
    ),
    (Es, true, "soy|yo soy|es"),
    (
        Pt,
        false,
        "chamo me|me chamo|eu me chamo|meu nome e|o meu nome e|nome|chama se|ele chama se|ela chama se|o nome e|nome completo|o nome dela e|o nome dele e",
    ),
    (Pt, true, "sou|eu sou|sou o|sou a|e"),
]);

/// Words that no name holds but sentences do.
static SENTENCE_WORDS: Table<()> = Table::of(&[
    (
        En,
        (),
        "i|my|the|is|am|are|have|has|had|not|dont|you|your|we|it|this|that|please|want|need|sick|ill|pain|fever|cough|hurts|what|why|yes|no|none|nothing|doctor|appointment|know|secret|same|name|child|baby|woman|man|headache|and|or|for|clinic|female|male|patient|nobody|anonymous|before|said|already",
    ),
    (
        Fr,
        (),
        "je|mon|ma|mes|est|suis|jai|ai|pas|vous|nous|ne|cest|il|elle|malade|mal|douleur|fievre|toux|oui|non|aucun|rien|docteur|rendez|veux|sais|nom|enfant|bebe|femme|homme|et|ou|pour|avec|pourquoi|bonjour|tete|ventre|merci|personne|dire|deja|anonyme|patient",
    ),
    (
        Sw,
        (),
        "mimi|yangu|langu|wangu|ninaumwa|naumwa|mgonjwa|homa|maumivu|kikohozi|ndiyo|hapana|hakuna|daktari|nataka|sijui|jina|mtoto|mwanamke|mwanaume|na|au|kwa|tafadhali|sitaki|habari|kichwa|tumbo|nina|sina|siri|asante|sema|nimesema|mwanangu",
    ),
    (
        Es,
        (),
        "yo|mi|mis|es|estoy|tengo|no|usted|enfermo|enferma|dolor|fiebre|tos|si|nada|ninguno|doctor|quiero|se|nombre|mujer|hombre|y|por|para|con|gracias|hola|cabeza|me|duele|nadie|decir|anonimo|paciente|mismo|misma",
    ),
    (
        Pt,
        (),
        "eu|meu|minha|estou|tenho|nao|voce|doente|dor|febre|tosse|sim|nada|nenhum|doutor|quero|sei|nome|crianca|mulher|homem|e|ou|para|com|obrigado|obrigada|ola|cabeca|doi|ninguem|dizer|anonimo|paciente|mesmo|mesma|bebe",
    ),
]);

/// How people begin when they give a place. A noun alone is no beginning: in
/// "Pueblo Nuevo" and "Bairro Novo" it is part of the name.
static PLACE_BEGINNINGS: Table<()> = Table::of(&[
    (
        En,
        (),
        "i live in|i live at|i live near|i am from|im from|i stay in|i stay at|i come from|we live in|from|in|village of|town of|the village of|i live in the village of|my village is|it is",
    ),
    (
        Fr,
        (),
        "jhabite a|j habite a|jhabite|habite a|je vis a|je viens de|je suis de|je reste a|nous habitons a|a|village de|quartier de|le village de|mon village est|jhabite au|au|au village de|jhabite dans le|jhabite le quartier",
    ),
    (
        Sw,
        (),
        "ninaishi|naishi|ninakaa|nakaa|natoka|ninatoka|tunaishi|kijiji cha|mji wa|mtaa wa|eneo la|kijiji changu ni|niko|ninaishi kijiji cha|ninaishi mtaa wa",
    ),
    (
        Es,
        (),
        "vivo en|soy de|vengo de|vivimos en|en|pueblo de|barrio de|aldea de|resido en|mi pueblo es|estoy en|vivo en el barrio|vivo en el pueblo de",
    ),
    (
        Pt,
        (),
        "moro em|vivo em|sou de|venho de|moro no|moro na|vivo no|vivo na|moramos em|em|aldeia de|bairro de|resido em|no|na|fico em|moro no bairro|moro na aldeia de",
    ),
]);

/// Labels, which count as such before a colon only.
static PLACE_LABELS: Table<()> = Table::of(&[
    (En, (), "village|town|address|location|locality|place"),
    (Fr, (), "village|ville|quartier|adresse|localite|lieu"),
    (Sw, (), "kijiji|mji|mtaa|mahali|eneo|anwani"),
    (
        Es,
        (),
        "pueblo|ciudad|barrio|direccion|localidad|lugar|aldea",
    ),
    (
        Pt,
        (),
        "aldeia|cidade|bairro|endereco|localidade|lugar|vila",
    ),
]);

/// Ways to say "none".
static NONE: Table<()> = Table::of(&[
    (
        En,
        (),
        "none|nothing|no|nope|nil|na|n a|not any|no i dont|i dont have any|i have none|i dont have|i do not have any|i do not have|i dont take any|i dont take|i take nothing|i dont use any|not that i know|no known|never|i have no|i take no|not taking|no im not|none of these|none of them|none of the above|no one|nobody|zero|no i have none|im not taking|i am not taking|i dont|not",
    ),
    (
        Fr,
        (),
        "aucun|aucune|rien|non|neant|nn|ras|r a s|pas de|pas d|pas|je nai pas|je n ai pas|je nen ai pas|jen ai pas|jai pas|je nai aucune|je nai aucun|je ne prends rien|je prends rien|je ne prends pas|rien du tout|pas du tout|aucun de ceux la|aucun des deux|aucune de ces|personne|zero|je nai rien|sans|jamais|je nai|non rien|pas que je sache",
    ),
    (
        Sw,
        (),
        "hakuna|hapana|sina|hamna|siyo|la|bila|situmii|hakuna kitu|sina chochote|hakuna chochote|sijawahi|situmii chochote|sina yoyote|hakuna hata moja|hakuna yoyote|hakuna mtu|sina mtu|hana|sifuri|sina dawa|situmii dawa|si|kamwe|simezi|sinywi",
    ),
    (
        Es,
        (),
        "ninguno|ninguna|nada|no|no tengo|no tengo ninguna|no tengo ninguno|no tomo|no tomo nada|no tomo ninguno|ningun|no uso|nunca|cero|sin|no tiene|nadie|no hay|no tengo nada|nada de eso|ninguna de esas|ninguno de esos|no que yo sepa|jamas",
    ),
    (
        Pt,
        (),
        "nenhum|nenhuma|nada|nao|nao tenho|nao tenho nenhuma|nao tenho nenhum|nao tomo|nao tomo nada|nao tomo nenhum|nao uso|nunca|zero|sem|ninguem|nao ha|nao tem|nenhum desses|nenhuma dessas|nada disso|que eu saiba nao|nao que eu saiba|jamais",
    ),
]);

/// What one has none of: these words may stand beside "none".
static SUBJECTS: Table<()> = Table::of(&[
    (
        En,
        (),
        "allergy|allergies|allergic|known|any|at all|medicine|medicines|medication|medications|drugs|pills|tablets|symptoms|symptom|other|others|moment|at|right|of|these|them|take|taking|that|know|contact|currently|yet|so far|treatment|thing|anything|to",
    ),
    (
        Fr,
        (),
        "allergie|allergies|dallergie|dallergies|connue|connues|allergique|medicament|medicaments|de medicament|traitement|symptome|symptomes|autre|autres|du tout|en ce moment|moment|pour linstant|linstant|actuellement|prends|contact|ce|que|sache|d|de|a",
    ),
    (
        Sw,
        (),
        "mzio|mizio|aleji|allergy|dawa|zozote|yoyote|chochote|wowote|dalili|nyingine|kwa sasa|sasa|matibabu|tatizo|lolote|hivyo|hata|moja|kabisa|ninayotumia|ninazotumia|natumia|vidonge|ya|za|mtu",
    ),
    (
        Es,
        (),
        "alergia|alergias|alergica|alergico|conocida|conocidas|medicina|medicinas|medicamento|medicamentos|remedio|remedios|tratamiento|sintoma|sintomas|otro|otra|momento|ahora|por el momento|soy|a|que|yo|sepa|de|contacto|tomo|el",
    ),
    (
        Pt,
        (),
        "alergia|alergias|alergica|alergico|conhecida|conhecidas|remedio|remedios|medicamento|medicamentos|medicacao|tratamento|sintoma|sintomas|outro|outra|momento|de momento|agora|sou|a|que|eu|saiba|de|contacto|contato|tomo|no|por enquanto",
    ),
]);

/// Reads a name.
pub(super) fn read_name(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.ends_with('?')
        || is_no_answer(text, folded, &tokens, lang)
        || read_command(text, lang).is_some()
    {
        return Err(Misread::Unclear);
    }
    let shown: String = tidy(text).chars().filter(|c| !is_picture(*c)).collect();
    let name = without_beginning(&shown, lang)?;
    let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'' && c != '.');
    let name = tidy(name.trim_end_matches(['.', '!', '\'']));
    if name.chars().any(|c| !is_name_char(c)) {
        return Err(Misread::NotAName);
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Misread::TooLong);
    }
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 2 {
        return Err(if letters == 0 {
            Misread::Unclear
        } else {
            Misread::TooShort
        });
    }
    let words = cut(&fold(&name));
    if words.len() > NAME_WORDS_MAX
        || is_no_answer(&name, &fold(&name), &words, lang)
        || is_mash(&words)
    {
        return Err(Misread::Unclear);
    }
    if (0..words.len()).any(|at| is_sentence_word(&words, at, lang)) {
        return Err(Misread::Unclear);
    }
    Ok(Value::Text { text: name.into() })
}

/// Reads a place.
pub(super) fn read_locality(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if folded.ends_with('?') || is_no_answer(text, folded, &tokens, lang) || is_mash(&tokens) {
        return Err(Misread::Unclear);
    }
    let shown = without_label(&tidy(text));
    let begun = beginning(&PLACE_BEGINNINGS, &cut(&fold(&shown)), lang);
    let place = skip_words(&shown, begun);
    let place = tidy(place.trim_matches(|c: char| !c.is_alphanumeric() && c != ')' && c != '\''));
    let letters = place.chars().filter(|c| c.is_alphabetic()).count();
    match letters {
        0 => Err(Misread::Unclear),
        1 => Err(Misread::TooShort),
        _ if is_no_answer(&place, &fold(&place), &cut(&fold(&place)), lang) => {
            Err(Misread::Unclear)
        }
        _ if is_none(&tokens, lang) => Err(Misread::Unclear),
        _ if tokens.len() >= 3 && lexicon::is_negated(&tokens, lang) => Err(Misread::Unclear),
        _ => Ok(Value::Text { text: place.into() }),
    }
}

/// The place without "village:".
fn without_label(shown: &str) -> String {
    let labelled = shown.split_once([':', '=']).filter(|(label, _)| {
        let label = cut(&fold(label));
        PLACE_LABELS.whole(&label).next().is_some()
    });
    labelled.map_or(shown, |(_, place)| place).trim().to_owned()
}

/// Reads free words.
pub(super) fn read_free(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if is_no_answer(text, folded, &tokens, lang) || is_none(&tokens, lang) || is_mash(&tokens) {
        return Err(Misread::Unclear);
    }
    kept(text)
}

/// Reads free words, or none.
pub(super) fn read_free_or_none(text: &str, folded: &str, lang: Lang) -> Result<Value, Misread> {
    let tokens = cut(folded);
    if lexicon::is_question(folded, &tokens, lang) {
        return Err(Misread::Unclear);
    }
    if is_none(&tokens, lang) || matches!(tokens.as_slice(), [zero] if zero == "0") {
        return Ok(Value::Nothing);
    }
    if is_no_answer(text, folded, &tokens, lang) || is_mash(&tokens) {
        return Err(Misread::Unclear);
    }
    kept(text)
}

/// Whether the words say "none" and nothing that would be lost by it.
pub(super) fn is_none(tokens: &[String], lang: Lang) -> bool {
    if lexicon::is_unsure(tokens, lang) {
        return false;
    }
    let mut at = 0;
    let mut said = false;
    while at < tokens.len() {
        if let Some(used) = exact_at(&NONE, tokens, at, lang) {
            said = true;
            at += used;
        } else if let Some(used) =
            exact_at(&SUBJECTS, tokens, at, lang).or_else(|| filler_at(tokens, at, lang))
        {
            at += used;
        } else {
            return false;
        }
    }
    said
}

fn kept(text: &str) -> Result<Value, Misread> {
    let words = tidy(text);
    match words.chars().filter(|c| c.is_alphabetic()).count() {
        0 => Err(Misread::Unclear),
        1 | 2 => Err(Misread::TooShort),
        _ => Ok(Value::Text { text: words.into() }),
    }
}

/// Greetings, questions, "I don't know", bare yes or no, and commands.
fn is_no_answer(text: &str, folded: &str, tokens: &[String], lang: Lang) -> bool {
    lexicon::is_greeting(tokens, lang)
        || lexicon::is_question(folded, tokens, lang)
        || (tokens.len() <= 4 && lexicon::is_unsure(tokens, lang))
        || yes_no::is_bare(tokens, lang)
        || (read_command(text, lang).is_some() && !super::command::is_everyday_word(folded))
}

/// One letter pressed again and again, or keys hit at random.
fn is_mash(tokens: &[String]) -> bool {
    let letters: String = tokens.concat();
    let first = letters.chars().next();
    let vowel = |c: char| !c.is_ascii() || "aeiouy".contains(c);
    letters.chars().count() >= 3
        && (letters.chars().all(|c| Some(c) == first)
            || (letters.chars().count() >= 5 && !letters.chars().any(vowel) && tokens.len() == 1)
            || ["asdf", "qwer", "azert", "blabla"]
                .iter()
                .any(|row| letters.starts_with(row)))
}

fn is_sentence_word(words: &[String], at: usize, lang: Lang) -> bool {
    SENTENCE_WORDS.hits(words, at).any(|hit| hit.of == lang)
}

fn beginning(table: &'static Table<()>, tokens: &[String], lang: Lang) -> usize {
    table
        .hits(tokens, 0)
        .filter(|hit| hit.of == lang)
        .map(|hit| hit.used)
        .filter(|used| *used < tokens.len())
        .max()
        .unwrap_or(0)
}

/// The name without "my name is"; "I am" must be followed by capitals.
fn without_beginning(shown: &str, lang: Lang) -> Result<String, Misread> {
    let tokens = cut(&fold(shown));
    let found = NAME_BEGINNINGS
        .hits(&tokens, 0)
        .filter(|hit| hit.of == lang)
        .map(|hit| (hit.used, hit.meaning))
        .filter(|(used, _)| *used < tokens.len())
        .max();
    let Some((used, capital)) = found else {
        return Ok(shown.to_owned());
    };
    let rest = skip_words(shown, used);
    let proper = rest
        .split_whitespace()
        .all(|word| word.starts_with(char::is_uppercase));
    if capital && !proper {
        return Err(Misread::Unclear);
    }
    Ok(rest)
}

/// The text behind its first `count` tokens, as written.
fn skip_words(shown: &str, count: usize) -> String {
    if count == 0 {
        return shown.to_owned();
    }
    let mut cuts = shown.char_indices().map(|(at, _)| at).skip(1);
    cuts.find(|at| {
        let (head, tail) = shown.split_at(*at);
        let boundary = !tail.starts_with(|c: char| c.is_alphanumeric() || c == '\'' || c == '’')
            || head.ends_with(|c: char| c.is_whitespace());
        boundary && cut(&fold(head)).len() == count
    })
    .map_or_else(|| shown.to_owned(), |at| shown.split_at(at).1.to_owned())
}

fn is_name_char(c: char) -> bool {
    (c.is_alphabetic() || unicode_normalization::char::is_combining_mark(c))
        || matches!(
            c,
            ' ' | '\'' | '’' | 'ʼ' | '`' | '-' | '‐' | '‑' | '–' | '.'
        )
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}' | '\u{2b00}'..='\u{2bff}')
}

//! "None" in its many ways.

use super::lexicon::{self, exact_at, filler_at};
use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

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
        "allergy|allergies|allergic|drug|food|known|any|at all|medicine|medicines|medication|medications|drugs|pills|tablets|symptoms|symptom|other|others|moment|at|right|of|these|them|take|taking|that|know|contact|currently|yet|so far|treatment|thing|anything|to",
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

/// "None" said of all that was asked at once.
static OF_ALL: Table<()> = Table::of(&[
    (
        En,
        (),
        "nothing at all|none at all|neither|neither of them|neither of these|none of both|none of the two|none of these|none of them|none of the above|none for both|nothing for both|no to both|none to both|no for both|both none|both no|none both",
    ),
    (
        Fr,
        (),
        "rien du tout|ni lun ni lautre|ni l un ni l autre|aucun des deux|aucune des deux|aucun pour les deux|aucune pour les deux|rien pour les deux|non pour les deux|les deux non|les deux aucun|aucun de ceux la|aucune de ces",
    ),
    (
        Sw,
        (),
        "hakuna kabisa|hakuna chochote|hakuna kitu chochote|hakuna lolote|hakuna hata moja|hakuna zote|zote hakuna|zote mbili hakuna|hakuna zote mbili|hakuna vyote|vyote hakuna|sina chochote|sina lolote|sina hata moja|sina kabisa",
    ),
    (
        Es,
        (),
        "nada de nada|nada en absoluto|ninguno de los dos|ninguna de las dos|ni uno ni otro|ni una ni otra|ni lo uno ni lo otro|nada de eso|ninguna de esas|ninguno de esos|no a las dos|no a los dos|no a ambas|no a ambos|las dos no|los dos no",
    ),
    (
        Pt,
        (),
        "nada de nada|absolutamente nada|nenhum dos dois|nenhuma das duas|nem um nem outro|nem uma nem outra|nada disso|nenhum desses|nenhuma dessas|nao aos dois|nao as duas|as duas nao|os dois nao",
    ),
]);

/// Between two things of which there is none.
pub(super) static JOINERS: Table<()> = Table::of(&[
    (En, (), "and|or|nor|also"),
    (Fr, (), "et|ou|ni|aussi"),
    (Sw, (), "na|au|wala|pia"),
    (Es, (), "y|e|o|u|ni|tampoco"),
    (Pt, (), "e|ou|nem|tambem"),
]);

/// Whether a way to say "none" begins at `at`.
pub(super) fn begins_at(tokens: &[String], at: usize, lang: Lang) -> bool {
    exact_at(&NONE, tokens, at, lang).is_some()
}

/// Whether the words say "none" and nothing that would be lost by it.
pub(super) fn is_none(tokens: &[String], lang: Lang) -> bool {
    if lexicon::is_unsure(tokens, lang) {
        return false;
    }
    let mut at = 0;
    let mut said = false;
    while at < tokens.len() {
        let all = exact_at(&OF_ALL, tokens, at, lang);
        if let Some(used) = all.or_else(|| exact_at(&NONE, tokens, at, lang)) {
            said = true;
            at += used;
        } else if let Some(used) = exact_at(&SUBJECTS, tokens, at, lang)
            .or_else(|| filler_at(tokens, at, lang))
            .or_else(|| joined_at(tokens, at, lang))
        {
            at += used;
        } else {
            return false;
        }
    }
    said
}

/// Whether the words say "none" of everything that was asked: "nothing at all",
/// "neither of them".
pub(super) fn is_of_all(tokens: &[String], lang: Lang) -> bool {
    is_none(tokens, lang) && lexicon::anywhere(&OF_ALL, tokens, lang)
}

/// "Or" between two things of which there is none.
fn joined_at(tokens: &[String], at: usize, lang: Lang) -> Option<usize> {
    let used = exact_at(&JOINERS, tokens, at, lang)?;
    let next = at + used;
    let goes_on =
        begins_at(tokens, next, lang) || exact_at(&SUBJECTS, tokens, next, lang).is_some();
    (at > 0 && goes_on).then_some(used)
}

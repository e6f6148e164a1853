//! What works at any step: back, help, stop, restart, language, my data,
//! delete my data.
//!
//! Only a whole message is a command. A command word inside a sentence ("my
//! back hurts", "I want to stop smoking") is an answer and stays one.

use super::Command;
use super::fold::folded_tokens;
use super::kind::Kind;
use super::phrases::Table;
use crate::core::lang::Lang;
use Command::{Back, DeleteMyData, Help, Language, MyData, Restart, Stop};
use Lang::{En, Es, Fr, Pt, Sw};

static COMMANDS: Table<Command> = Table::of(&[
    (
        En,
        Back,
        "back|go back|previous|previous question|undo|one back|last question",
    ),
    (
        En,
        Help,
        "help|help me|i need help|what can i do|how does this work|info|menu",
    ),
    (
        En,
        Stop,
        "stop|unsubscribe|quit|exit|cancel|end|stop messages|stop it|no more messages|stop sending|opt out",
    ),
    (
        En,
        Restart,
        "restart|start again|start over|begin again|reset|start anew",
    ),
    (
        En,
        Language,
        "language|change language|languages|other language|another language|change the language",
    ),
    (
        En,
        MyData,
        "my data|show my data|see my data|my information|my record|my records|what do you know about me",
    ),
    (
        En,
        DeleteMyData,
        "delete my data|erase my data|delete my information|remove my data|forget me|delete my records|delete everything|delete all my data|delete my record",
    ),
    (
        Fr,
        Back,
        "retour|revenir|precedent|question precedente|retourner|en arriere|arriere|annuler la reponse",
    ),
    (
        Fr,
        Help,
        "aide|aidez moi|aide moi|a laide|besoin daide|jai besoin daide|au secours|menu",
    ),
    (
        Fr,
        Stop,
        "stop|arret|arreter|arretez|annuler|quitter|fin|terminer|desabonner|plus de messages|arretez les messages",
    ),
    (
        Fr,
        Restart,
        "recommencer|redemarrer|reprendre au debut|recommence|tout recommencer|recommencons",
    ),
    (
        Fr,
        Language,
        "langue|changer de langue|langues|autre langue|changer la langue",
    ),
    (
        Fr,
        MyData,
        "mes donnees|voir mes donnees|mes informations|montrer mes donnees|mon dossier|mes infos",
    ),
    (
        Fr,
        DeleteMyData,
        "supprimer mes donnees|effacer mes donnees|supprimez mes donnees|effacez mes donnees|supprime mes donnees|efface mes donnees|oubliez moi|supprimer mes informations|tout effacer|effacer toutes mes donnees",
    ),
    (
        Sw,
        Back,
        "rudi|rudi nyuma|nyuma|swali lililopita|rejea|kurudi",
    ),
    (
        Sw,
        Help,
        "msaada|nisaidie|usaidizi|naomba msaada|nisaidieni|saidia|nahitaji msaada",
    ),
    (
        Sw,
        Stop,
        "acha|simama|komesha|sitisha|ondoka|toka|acha ujumbe|simamisha|funga|usitume tena",
    ),
    (
        Sw,
        Restart,
        "anza upya|anza tena|anzisha upya|mwanzo|kuanza upya|rudia mwanzo|anza mwanzo",
    ),
    (
        Sw,
        Language,
        "lugha|badilisha lugha|badili lugha|lugha nyingine|kubadilisha lugha",
    ),
    (
        Sw,
        MyData,
        "data zangu|taarifa zangu|data yangu|onyesha data zangu|onyesha taarifa zangu|habari zangu|maelezo yangu",
    ),
    (
        Sw,
        DeleteMyData,
        "futa data zangu|futa taarifa zangu|futa data yangu|ondoa data zangu|ondoa taarifa zangu|nisahau|futa kila kitu|futa habari zangu|futa maelezo yangu",
    ),
    (
        Es,
        Back,
        "atras|volver|regresar|anterior|pregunta anterior|volver atras|ir atras",
    ),
    (
        Es,
        Help,
        "ayuda|ayudame|ayudeme|necesito ayuda|socorro|menu|auxilio",
    ),
    (
        Es,
        Stop,
        "parar|stop|detener|basta|salir|cancelar|terminar|no mas mensajes|baja|alto|detente",
    ),
    (
        Es,
        Restart,
        "reiniciar|empezar de nuevo|volver a empezar|comenzar de nuevo|empezar otra vez|recomenzar",
    ),
    (
        Es,
        Language,
        "idioma|cambiar idioma|cambiar de idioma|idiomas|otro idioma|lengua|cambiar el idioma",
    ),
    (
        Es,
        MyData,
        "mis datos|ver mis datos|mi informacion|mostrar mis datos|mis registros|mi expediente",
    ),
    (
        Es,
        DeleteMyData,
        "borrar mis datos|eliminar mis datos|borra mis datos|elimina mis datos|borre mis datos|elimine mis datos|olvidame|suprimir mis datos|borrar todo|borrar todos mis datos",
    ),
    (
        Pt,
        Back,
        "voltar|volta|atras|anterior|pergunta anterior|regressar|voltar atras|retroceder",
    ),
    (
        Pt,
        Help,
        "ajuda|ajude me|me ajude|preciso de ajuda|socorro|menu|ajudem me|me ajuda",
    ),
    (
        Pt,
        Stop,
        "parar|pare|stop|sair|cancelar|terminar|fim|chega|nao quero mais mensagens|encerrar",
    ),
    (
        Pt,
        Restart,
        "recomecar|reiniciar|comecar de novo|comecar outra vez|comecar do zero",
    ),
    (
        Pt,
        Language,
        "idioma|lingua|mudar idioma|mudar de lingua|mudar de idioma|idiomas|outra lingua|mudar a lingua|trocar idioma",
    ),
    (
        Pt,
        MyData,
        "meus dados|os meus dados|ver meus dados|ver os meus dados|minhas informacoes|mostrar meus dados|meu registo|meu registro",
    ),
    (
        Pt,
        DeleteMyData,
        "apagar meus dados|apagar os meus dados|excluir meus dados|eliminar meus dados|eliminar os meus dados|apague meus dados|apaga meus dados|deletar meus dados|esqueca me|apagar tudo|apague os meus dados",
    ),
]);

/// Politeness around a command.
const POLITE: &[&[&str]] = &[
    &["please"],
    &["pls"],
    &["svp"],
    &["stp"],
    &["tafadhali"],
    &["naomba"],
    &["por", "favor"],
    &["porfavor"],
    &["s", "il", "vous", "plait"],
    &["sil", "vous", "plait"],
    &["s", "il", "te", "plait"],
    &["sil", "te", "plait"],
    &["thanks"],
    &["merci"],
    &["asante"],
    &["gracias"],
    &["obrigado"],
    &["obrigada"],
];

/// Command words that are also things people answer: parts of the body,
/// places, or what somebody does.
const EVERYDAY: &[&str] = &[
    "back", "nyuma", "langue", "lengua", "lingua", "arriere", "atras", "mwanzo", "volta", "alto",
    "baja", "fin", "fim", "end", "toka", "chega",
];

/// The shortest word in which a slip of the finger is forgiven: shorter ones
/// are too close to names and places.
const SLIP_CHARS_MIN: usize = 7;
/// Longer than any command with a letter too many.
const SLIP_CHARS_MAX: usize = 40;

/// The command that the whole message is, in any of the languages, the
/// conversation's first. Case, accents, punctuation and politeness do not
/// matter; one slip is forgiven in long words.
pub fn read_command(text: &str, lang: Lang) -> Option<Command> {
    // Nobody writes a command of this length; it keeps long texts cheap.
    if text.len() > 200 || text.contains('?') {
        return None;
    }
    let tokens = folded_tokens(text);
    let tokens = without_politeness(&tokens);
    exact(tokens, lang).or_else(|| slip(&tokens.join(" "), lang))
}

/// Whether a message that [`read_command`] takes for a command may as well be
/// the answer to such a question: "back" where it hurts, "langue" (tongue).
/// It stays a command, because commands work at any step; the caller keeps the
/// word in sight of staff, so that a complaint of one word is not lost.
pub fn may_be_answer(kind: &Kind, text: &str) -> bool {
    let open = match kind {
        Kind::FreeText => true,
        Kind::FreeTextOrNone { .. }
        | Kind::AnyOf { .. }
        | Kind::Locality
        | Kind::Name
        | Kind::BirthOrAge
        | Kind::Sex
        | Kind::Onset
        | Kind::YesNo { .. }
        | Kind::OneOf { .. }
        | Kind::EmergencyContact => false,
    };
    open && is_everyday_word(text)
}

/// Whether the text is a single command word with an everyday meaning.
pub(super) fn is_everyday_word(text: &str) -> bool {
    match folded_tokens(text.get(..100).unwrap_or(text)).as_slice() {
        [word] => EVERYDAY.contains(&word.as_str()),
        _ => false,
    }
}

/// The language whose word a command is, where it is that of one alone.
pub fn read_command_language(text: &str) -> Option<Lang> {
    if text.len() > 200 {
        return None;
    }
    let tokens = folded_tokens(text);
    let mut hits = COMMANDS.whole(without_politeness(&tokens));
    let first = hits.next()?.of;
    hits.all(|hit| hit.of == first).then_some(first)
}

fn without_politeness(said: &[String]) -> &[String] {
    let shorter = POLITE.iter().find_map(|polite| {
        let rest = said.len().checked_sub(polite.len()).filter(|n| *n > 0)?;
        let (head, tail) = said.split_at(rest);
        let (first, others) = said.split_at(polite.len());
        if tail == *polite {
            Some(head)
        } else {
            (first == *polite).then_some(others)
        }
    });
    shorter.map_or(said, without_politeness)
}

fn exact(tokens: &[String], lang: Lang) -> Option<Command> {
    let own = COMMANDS.whole(tokens).find(|hit| hit.of == lang);
    own.or_else(|| COMMANDS.whole(tokens).next())
        .map(|hit| hit.meaning)
}

/// A letter away from a command, and words of their own: my sister, my medicines,
/// my fingers.
const NO_SLIPS: &[&str] = &[
    "dada yangu",
    "dada zangu",
    "dawa yangu",
    "dawa zangu",
    "meus dedos",
    "os meus dedos",
];

/// One slip in a long word or phrase, if all that come near agree. Deleting
/// is never done on a guess: its phrases must be right.
fn slip(said: &str, lang: Lang) -> Option<Command> {
    let slips = (SLIP_CHARS_MIN..=SLIP_CHARS_MAX).contains(&said.chars().count());
    if !slips || NO_SLIPS.contains(&said) {
        return None;
    }
    let agreed = |own: bool| {
        let mut near = COMMANDS
            .misspelt_whole(said)
            .filter(|(of, _, phrase)| (!own || *of == lang) && phrase.len() >= SLIP_CHARS_MIN);
        let (_, first, _) = near.next()?;
        near.all(|(_, other, _)| other == first).then_some(*first)
    };
    agreed(true).or_else(|| agreed(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_each_language_work_in_every_conversation() {
        for (text, want) in [
            ("Back", Back),
            ("HELP!", Help),
            ("stop.", Stop),
            ("re start", Restart),
            ("restrat", Restart),
            ("Language", Language),
            ("my data", MyData),
            ("Delete my data please", DeleteMyData),
            ("retour svp", Back),
            ("AIDE", Help),
            ("arrêter", Stop),
            ("recommencer", Restart),
            ("recomencer", Restart),
            ("mes données", MyData),
            ("supprimer mes données", DeleteMyData),
            ("rudi", Back),
            ("msaada", Help),
            ("acha", Stop),
            ("anza upya", Restart),
            ("lugha", Language),
            ("data zangu", MyData),
            ("futa data zangu", DeleteMyData),
            ("atrás", Back),
            ("¡ayuda!", Help),
            ("empezar de nuevo", Restart),
            ("idioma", Language),
            ("mis datos", MyData),
            ("borrar mis datos", DeleteMyData),
            ("voltar", Back),
            ("ajuda", Help),
            ("sair", Stop),
            ("recomeçar", Restart),
            ("língua", Language),
            ("meus dados", MyData),
            ("apagar os meus dados", DeleteMyData),
        ] {
            for lang in Lang::ALL {
                if text != "re start" {
                    assert_eq!(read_command(text, lang), Some(want), "{text} in {lang}");
                }
            }
        }
    }

    #[test]
    fn a_command_word_in_a_sentence_is_an_answer() {
        for text in [
            "I can't go back to work",
            "my back hurts",
            "stop smoking",
            "I want to stop smoking",
            "help my child has fever",
            "j'ai mal au dos",
            "dos",
            "me duele la lengua",
            "Lange",
            "Volti",
            "minha língua está inchada",
            "naomba msaada wa dawa",
            "back pain",
            "",
            "   ",
            "?",
            "stop?",
            "arrêt cardiaque",
            "aide soignante",
            "my data is wrong",
            "restart the medicine",
        ] {
            for lang in Lang::ALL {
                assert_eq!(read_command(text, lang), None, "{text} in {lang}");
            }
        }
    }

    #[test]
    fn words_that_may_be_answers_are_told_apart() {
        assert!(may_be_answer(&Kind::FreeText, "Back"));
        assert!(may_be_answer(&Kind::FreeText, "langue"));
        assert!(!may_be_answer(&Kind::YesNo { about: None }, "back"));
        assert!(!may_be_answer(&Kind::FreeText, "restart"));
    }

    #[test]
    fn a_sister_a_medicine_and_a_finger_are_no_data() {
        for (text, lang) in [
            ("dada yangu", Sw),
            ("kwa dada yangu", Sw),
            ("dada zangu", Sw),
            ("dawa yangu", Sw),
            ("naomba dawa zangu", Sw),
            ("meus dedos", Pt),
            ("os meus dedos", Pt),
        ] {
            assert_eq!(read_command(text, lang), None, "{text}");
        }
        assert_eq!(read_command("data yangu", Sw), Some(MyData));
    }
}

//! Word tables and how words are found in them.
//!
//! The conversation's language is looked at first, because short words mean
//! different things elsewhere.
//! Nothing here decides what an answer is worth; it only knows words.

use super::phrases::Table;
use crate::core::lang::Lang;
use Lang::{En, Es, Fr, Pt, Sw};

/// Words of another language count only from this length on (characters), since
/// shorter ones collide: "mes" is a month in Spanish and "my" in French.
pub(super) const FOREIGN_MIN: usize = 4;

/// The longest phrase of the table that begins at `at`: its meaning and how
/// many tokens it takes. Own language first, then others, then words with one
/// slip of the finger in the own language.
pub(super) fn phrase_at<T: Copy + PartialEq>(
    table: &'static Table<T>,
    tokens: &[String],
    at: usize,
    lang: Lang,
    foreign_min: usize,
) -> Option<(T, usize)> {
    let mut best: Option<(usize, bool, T)> = None;
    for hit in table.hits(tokens, at) {
        let own = hit.of == lang;
        let counts = own || hit.chars >= foreign_min;
        if counts && best.is_none_or(|(used, of_own, _)| (hit.used, own) > (used, of_own)) {
            best = Some((hit.used, own, hit.meaning));
        }
    }
    best.map(|(used, _, meaning)| (meaning, used))
        .or_else(|| near(table, tokens.get(at)?, lang).map(|meaning| (meaning, 1)))
}

/// Whether any phrase of the table stands anywhere in `tokens`.
pub(super) fn anywhere(table: &'static Table<()>, tokens: &[String], lang: Lang) -> bool {
    (0..tokens.len()).any(|at| exact_at(table, tokens, at, lang).is_some())
}

/// Length in tokens of the longest phrase of the table at `at`, spelled exactly.
pub(super) fn exact_at(
    table: &'static Table<()>,
    tokens: &[String],
    at: usize,
    lang: Lang,
) -> Option<usize> {
    table
        .hits(tokens, at)
        .filter(|hit| hit.of == lang || hit.chars >= FOREIGN_MIN)
        .map(|hit| hit.used)
        .max()
}

/// What all words of the own language that are one slip away agree on.
fn near<T: Copy + PartialEq>(table: &'static Table<T>, word: &str, lang: Lang) -> Option<T> {
    let mut meanings = table.misspelt(word, lang);
    let first = meanings.next()?;
    meanings.all(|other| other == first).then_some(first)
}

/// Words that carry no meaning of their own around an age, a sex or a choice.
static FILLERS: Table<()> = Table::of(&[
    (
        En,
        (),
        "i|im|i am|am|is|a|an|the|my|our|he|hes|she|shes|it|its|it is|his|her|was|were|born|on|in|of|to|age|aged|old|about|around|approximately|please|thanks|thank you|yes|have|has|got|just|only|now|today|child|son|daughter|baby|patient|person|this|for|hello|hi|ok|year|date|birth|birthday|dob|sex|gender|option|number|choice|answer|ones|want|choose|think|so|well|and",
    ),
    (
        Fr,
        (),
        "je|j|jai|ai|suis|cest|c est|ce|il|elle|a|as|un|une|le|la|les|l|mon|ma|mes|age|agee|de|du|d|ne|nee|en|environ|a peu pres|svp|s il vous plait|sil vous plait|merci|oui|enfant|fils|fille de|bebe|patient|patiente|bonjour|ok|maintenant|pour|date|naissance|sexe|option|numero|choix|reponse|prends|choisis|donc|et|ans revolus|lan|annee",
    ),
    (
        Sw,
        (),
        "mimi|nina|ana|ni|na|yangu|wangu|mwanangu|mtoto|umri|una|wa|ya|kwa|za|la|kama|karibu|takriban|tafadhali|asante|ndiyo|nilizaliwa|alizaliwa|amezaliwa|mwaka|tarehe|mwezi|mgonjwa|jinsia|namba|chaguo|jibu|habari|sawa|sasa|tu|hivi|huyu|yeye|naomba|nachagua",
    ),
    (
        Es,
        (),
        "yo|soy|tengo|tiene|es|el|ella|un|una|la|los|mi|de|del|edad|anos|en|naci|nacio|nacido|nacida|unos|como|aproximadamente|por favor|gracias|si|hijo|hija|bebe|nino|paciente|hola|ahora|para|fecha|nacimiento|sexo|opcion|numero|respuesta|elijo|quiero|pues|cumplidos|y|tengo ya|dia|ano|esta|estoy",
    ),
    (
        Pt,
        (),
        "eu|sou|tenho|tem|e|o|ele|ela|a|um|uma|os|meu|minha|de|do|da|no|na|em|idade|nasci|nasceu|nascido|nascida|uns|cerca|aproximadamente|por favor|obrigado|obrigada|sim|filho|filha|bebe|crianca|paciente|ola|agora|para|data|nascimento|sexo|opcao|numero|resposta|escolho|quero|bem|completos|dia|ano|esta|estou",
    ),
]);

/// Words that turn a statement round.
static NEGATIONS: Table<()> = Table::of(&[
    (
        En,
        (),
        "not|no|dont|doesnt|isnt|arent|wasnt|never|without|neither|nor|cant|cannot|havent|hasnt|didnt|nope",
    ),
    (Fr, (), "ne|pas|jamais|sans|non|ni|n|nest|nai|aucun|aucune"),
    (
        Sw,
        (),
        "si|sio|siyo|hapana|bila|kamwe|sina|hana|hakuna|hajawahi|sijawahi|wala",
    ),
    (Es, (), "no|nunca|sin|ni|tampoco|jamas"),
    (Pt, (), "nao|nunca|sem|nem|jamais"),
]);

/// Ways of saying that one does not know, or not for certain.
static UNSURE: Table<()> = Table::of(&[
    (
        En,
        (),
        "dont know|do not know|dunno|idk|not sure|unsure|maybe|perhaps|no idea|not certain|cant remember|dont remember|cannot remember|i forgot|forgot|cant say|possibly|depends|it depends|dont understand|do not understand|sometimes",
    ),
    (
        Fr,
        (),
        "sais pas|sait pas|chais pas|jsp|jspas|peut etre|peutetre|pas sur|pas sure|pas certain|pas certaine|aucune idee|je ne me souviens pas|souviens plus|oublie|ca depend|depend|comprends pas|pas compris|parfois|je doute",
    ),
    (
        Sw,
        (),
        "sijui|sifahamu|sina uhakika|labda|huenda|pengine|sikumbuki|nimesahau|sielewi|sijaelewa|inategemea|wakati mwingine|sidhani|hatujui|hajui",
    ),
    (
        Es,
        (),
        "no se|quiza|quizas|tal vez|talvez|no estoy segura|no estoy seguro|ni idea|no recuerdo|no me acuerdo|se me olvido|a lo mejor|depende|no entiendo|a veces|no sabe|puede ser|no sabria",
    ),
    (
        Pt,
        (),
        "nao sei|talvez|nao tenho certeza|sem certeza|nao lembro|nao me lembro|esqueci|depende|nao entendi|nao entendo|nao percebo|as vezes|nao sabe|pode ser|quem sabe|se calhar",
    ),
]);

/// Greetings and small talk that answer nothing.
static GREETINGS: Table<()> = Table::of(&[
    (
        En,
        (),
        "hello|hi|hey|good morning|good evening|good afternoon|good day|how are you|greetings|hello doctor|hi doctor|good night|thanks|thank you|ok|okay|ok thanks|fine|fine thanks|i am fine|im fine|test|testing|sure|hello there|hi there|alright",
    ),
    (
        Fr,
        (),
        "bonjour|bonsoir|salut|coucou|bjr|bsr|slt|allo|ca va|comment ca va|bonne journee|bonne nuit|merci|ok|merci beaucoup|d accord|daccord|bonjour docteur|bonjour monsieur|bonjour madame|test|bien|tres bien",
    ),
    (
        Sw,
        (),
        "habari|hujambo|jambo|mambo|salama|shikamoo|marahaba|habari yako|habari za asubuhi|habari za leo|habari za jioni|habari daktari|asante|asante sana|sawa|sawa sawa|poa|karibu|nzuri|niko sawa|ok|salamu|hodi|test|hamjambo|sijambo|vipi",
    ),
    (
        Es,
        (),
        "hola|buenos dias|buenas tardes|buenas noches|buenas|que tal|como estas|como esta|saludos|gracias|muchas gracias|vale|ok|bien|muy bien|hola doctor|hola doctora|prueba|de acuerdo|buen dia",
    ),
    (
        Pt,
        (),
        "ola|oi|bom dia|boa tarde|boa noite|tudo bem|como vai|como esta|obrigado|obrigada|muito obrigado|muito obrigada|ok|bem|esta bem|ola doutor|ola doutora|oi doutor|teste|de acordo|alo|viva",
    ),
]);

/// Farewells and requests to wait, which answer nothing either.
static ASIDES: Table<()> = Table::of(&[
    (
        En,
        (),
        "bye|bye bye|goodbye|good bye|see you|see you later|see you soon|see you tomorrow|take care|farewell|one moment|a moment|just a moment|one minute|a minute|just a minute|one second|just a second|wait|wait a moment|wait a minute|please wait|hold on|please|call me|call me back|please call me|later|until tomorrow|i come back|i will come back",
    ),
    (
        Fr,
        (),
        "au revoir|a demain|a bientot|a plus|a plus tard|a tout a lheure|adieu|bonne soiree|bonne nuit|un instant|un moment|une minute|une seconde|un petit instant|attendez|attends|attendez un peu|patientez|sil vous plait|s il vous plait|svp|appelez moi|rappelez moi|plus tard",
    ),
    (
        Sw,
        (),
        "kwaheri|kwa heri|kwaherini|tutaonana|tutaonana kesho|tutaonana baadaye|baadaye|usiku mwema|lala salama|dakika moja|dakika|subiri|subiri kidogo|subiri dakika moja|ngoja|ngoja kidogo|nisubiri|tafadhali|nipigie|nipigie simu|kidogo",
    ),
    (
        Es,
        (),
        "adios|hasta luego|hasta manana|hasta pronto|hasta la vista|nos vemos|un momento|un minuto|un segundo|un momentito|espere|espera|espere un momento|espera un momento|por favor|llameme|mas tarde|luego",
    ),
    (
        Pt,
        (),
        "adeus|tchau|ate logo|ate amanha|ate ja|ate breve|ate mais|um momento|um minuto|um instante|um segundo|so um momento|so um minuto|so um instante|espere|espera|espere um pouco|aguarde|por favor|ligue me|ligue para mim|mais tarde",
    ),
]);

/// Words a question begins with.
static QUESTIONS: Table<()> = Table::of(&[
    (
        En,
        (),
        "why|what|who|how|when|where|which|what for|can i|do i|must i|is it|are you|who are you|what is this|what do you mean|why do you ask",
    ),
    (
        Fr,
        (),
        "pourquoi|pkoi|pk|quoi|comment|qui|quand|lequel|laquelle|c est quoi|cest quoi|est ce que|quel|quelle|pour quoi faire|cest a dire|qui etes vous",
    ),
    (
        Sw,
        (),
        "kwa nini|kwanini|nini|nani|vipi|lini|wapi|gani|je|una maana gani|ya nini|ninyi ni nani|kwa sababu gani|mbona",
    ),
    (
        Es,
        (),
        "por que|porque|para que|que|quien|como|cuando|donde|cual|quien es|que es esto|a que se refiere|quienes son",
    ),
    (
        Pt,
        (),
        "por que|porque|porque e que|para que|que|o que|quem|como|quando|onde|qual|pra que|quem e|o que e isto",
    ),
]);

/// Whether a filler begins at `at`, and how many tokens it takes.
pub(super) fn filler_at(tokens: &[String], at: usize, lang: Lang) -> Option<usize> {
    exact_at(&FILLERS, tokens, at, lang)
}

/// Whether a word of the language that bears no meaning stands at `at`.
pub(super) fn is_own_filler(tokens: &[String], at: usize, lang: Lang) -> bool {
    FILLERS.hits(tokens, at).any(|hit| hit.of == lang)
}

/// Whether "or" stands at `at`: two answers are offered instead of one.
pub(super) fn is_or(tokens: &[String], at: usize) -> bool {
    tokens
        .get(at)
        .is_some_and(|t| matches!(t.as_str(), "or" | "ou" | "au" | "o"))
}

/// Whether the words hold a negation of the language.
pub(super) fn is_negated(tokens: &[String], lang: Lang) -> bool {
    (0..tokens.len()).any(|at| negation_at(tokens, at, lang))
}

/// Whether a negation of the language stands at `at`.
pub(super) fn negation_at(tokens: &[String], at: usize, lang: Lang) -> bool {
    NEGATIONS.hits(tokens, at).any(|hit| hit.of == lang)
}

/// Whether the words say that the writer does not know.
pub(super) fn is_unsure(tokens: &[String], lang: Lang) -> bool {
    anywhere(&UNSURE, tokens, lang)
}

/// Whether the words are a greeting or small talk and nothing else.
pub(super) fn is_greeting(tokens: &[String], lang: Lang) -> bool {
    let mut at = 0;
    while at < tokens.len() {
        match exact_at(&GREETINGS, tokens, at, lang) {
            Some(used) => at += used,
            None => return false,
        }
    }
    !tokens.is_empty()
}

/// Whether the words are a farewell or a request to wait, with courtesies
/// around it at most.
pub(super) fn is_aside(tokens: &[String], lang: Lang) -> bool {
    let mut at = 0;
    while at < tokens.len() {
        let said = exact_at(&ASIDES, tokens, at, lang);
        match said.or_else(|| exact_at(&GREETINGS, tokens, at, lang)) {
            Some(used) => at += used,
            None => return false,
        }
    }
    !tokens.is_empty()
}

/// Whether a word of the language that asks stands among the words, or several
/// such words of another.
pub(super) fn asks_within(tokens: &[String], lang: Lang) -> bool {
    let asks = |at| {
        QUESTIONS
            .hits(tokens, at)
            .any(|hit| hit.of == lang || hit.used > 1)
    };
    (0..tokens.len()).any(asks)
}

/// Whether the words begin like a question.
pub(super) fn begins_question(tokens: &[String], lang: Lang) -> bool {
    exact_at(&QUESTIONS, tokens, 0, lang).is_some()
}

/// Whether the words are a question instead of an answer: a bare question word
/// or a short text that ends in a question mark.
pub(super) fn is_question(folded: &str, tokens: &[String], lang: Lang) -> bool {
    let marked = folded.ends_with('?') || folded.starts_with('¿');
    let bare = exact_at(&QUESTIONS, tokens, 0, lang).is_some_and(|used| used == tokens.len());
    bare || (marked && (tokens.len() <= 4 || begins_question(tokens, lang)))
}

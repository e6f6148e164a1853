//! The words of the page with the recovery key, in every language of the house.

use crate::core::lang::Lang;

/// Everything the page says.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) opens: &'static str,
    pub(super) put_away: &'static str,
    pub(super) clinic: &'static str,
    pub(super) date: &'static str,
    pub(super) read: &'static str,
    pub(super) code: &'static str,
    pub(super) prove: &'static str,
    pub(super) new_board: &'static str,
    pub(super) numbers: &'static str,
    pub(super) compare: &'static str,
}

/// The words of a language.
pub(super) const fn of(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &ENGLISH,
        Lang::Fr => &FRENCH,
        Lang::Sw => &SWAHILI,
        Lang::Es => &SPANISH,
        Lang::Pt => &PORTUGUESE,
    }
}

const ENGLISH: Words = Words {
    title: "Recovery key",
    opens: "This key opens the health post's records when the board is dead, the PIN is forgotten or the passphrase is lost. Whoever has it and a copy of the card reads everything.",
    put_away: "Print this page, keep it locked away from the box, and delete the file.",
    clinic: "Clinic",
    date: "Date",
    read: "Read it line by line. Each group ends in a check digit: a slip in typing is found in its group.",
    code: "The same as a QR code",
    prove: "To prove that it opens:",
    new_board: "On a new board:",
    numbers: "The numbers of the box's certificate (SHA-256)",
    compare: "Before a phone or computer is made to trust the box, compare what it shows with these numbers.",
};

const FRENCH: Words = Words {
    title: "Clé de secours",
    opens: "Cette clé ouvre les dossiers du poste de santé quand la carte est morte, le code PIN oublié ou la phrase secrète perdue. Qui l'a, avec une copie de la carte mémoire, lit tout.",
    put_away: "Imprimez cette page, gardez-la sous clé loin du boîtier, et effacez le fichier.",
    clinic: "Clinique",
    date: "Date",
    read: "Lisez-la ligne par ligne. Chaque groupe finit par un chiffre de contrôle : une faute de frappe se trouve dans son groupe.",
    code: "La même en code QR",
    prove: "Pour vérifier qu'elle ouvre :",
    new_board: "Sur une nouvelle carte :",
    numbers: "Les chiffres du certificat du boîtier (SHA-256)",
    compare: "Avant qu'un téléphone ou un ordinateur fasse confiance au boîtier, comparez ce qu'il affiche avec ces chiffres.",
};

const SWAHILI: Words = Words {
    title: "Ufunguo wa akiba",
    opens: "Ufunguo huu unafungua kumbukumbu za kituo cha afya bodi ikifa, PIN ikisahauliwa au neno la siri refu likipotea. Aliye nao pamoja na nakala ya kadi anasoma kila kitu.",
    put_away: "Chapisha ukurasa huu, uufungie mbali na kisanduku, na ufute faili.",
    clinic: "Kliniki",
    date: "Tarehe",
    read: "Soma mstari kwa mstari. Kila kundi linaishia na tarakimu ya ukaguzi: kosa la kuandika linaonekana kwenye kundi lake.",
    code: "Ufunguo huo huo kama msimbo wa QR",
    prove: "Kuthibitisha kwamba unafungua:",
    new_board: "Kwenye bodi mpya:",
    numbers: "Namba za cheti cha kisanduku (SHA-256)",
    compare: "Kabla simu au kompyuta haijaamini kisanduku, linganisha inachoonyesha na namba hizi.",
};

const SPANISH: Words = Words {
    title: "Clave de recuperación",
    opens: "Esta clave abre los registros del puesto de salud cuando la placa ha muerto, se olvidó el PIN o se perdió la frase secreta. Quien la tenga con una copia de la tarjeta lo lee todo.",
    put_away: "Imprima esta página, guárdela bajo llave lejos de la caja y borre el archivo.",
    clinic: "Clínica",
    date: "Fecha",
    read: "Léala línea por línea. Cada grupo termina en una cifra de control: un error al escribir se encuentra en su grupo.",
    code: "La misma como código QR",
    prove: "Para comprobar que abre:",
    new_board: "En una placa nueva:",
    numbers: "Los números del certificado de la caja (SHA-256)",
    compare: "Antes de que un teléfono u ordenador confíe en la caja, compare lo que muestra con estos números.",
};

const PORTUGUESE: Words = Words {
    title: "Chave de recuperação",
    opens: "Esta chave abre os registos do posto de saúde quando a placa morreu, o PIN foi esquecido ou a frase secreta se perdeu. Quem a tiver com uma cópia do cartão lê tudo.",
    put_away: "Imprima esta página, guarde-a fechada à chave longe da caixa e apague o ficheiro.",
    clinic: "Clínica",
    date: "Data",
    read: "Leia-a linha a linha. Cada grupo termina num algarismo de controlo: um erro ao escrever encontra-se no seu grupo.",
    code: "A mesma como código QR",
    prove: "Para comprovar que abre:",
    new_board: "Numa placa nova:",
    numbers: "Os números do certificado da caixa (SHA-256)",
    compare: "Antes de um telefone ou computador confiar na caixa, compare o que ele mostra com estes números.",
};

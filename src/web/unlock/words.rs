//! The words of these pages in every language of the house. Plain ones: whoever
//! reads them has a queue of patients before the door.

use crate::core::lang::Lang;
use crate::core::pin::{PIN_CHARS_MAX, PIN_CHARS_MIN};
use crate::ports::door::Refusal;

/// Everything the pages say.
pub(super) struct Words {
    pub(super) languages: &'static str,
    pub(super) locked_title: &'static str,
    pub(super) locked_said: &'static str,
    pub(super) chip_failed: &'static str,
    pub(super) pin: &'static str,
    pub(super) phrase: &'static str,
    pub(super) other_way: &'static str,
    pub(super) paper_way: &'static str,
    pub(super) paper_said: &'static str,
    /// `#` is the group's number.
    group: &'static str,
    pub(super) unlock: &'static str,
    pub(super) patience: &'static str,
    pub(super) open_title: &'static str,
    pub(super) open_already: &'static str,
    pub(super) answered: &'static str,
    pub(super) no_secrets: &'static str,
    pub(super) cannot_keep: &'static str,
    pub(super) line_cut: &'static str,
    pub(super) line_waits: &'static str,
    pub(super) line_wrong: &'static str,
    pub(super) no_pages: &'static str,
    pub(super) undrilled: &'static str,
    pub(super) go_on: &'static str,
    pub(super) trust_link: &'static str,
    pub(super) trust_title: &'static str,
    pub(super) trust_said: &'static str,
    pub(super) trust_fetch: &'static str,
    pub(super) trust_compare: &'static str,
    pub(super) trust_paper: &'static str,
    pub(super) trust_android: &'static str,
    pub(super) trust_iphone: &'static str,
    pub(super) trust_windows: &'static str,
    pub(super) malformed: &'static str,
    /// `#` is the group's number.
    bad_group: &'static str,
    /// `#` and `+` are the fewest and the most characters.
    no_pin: &'static str,
    wrong: &'static str,
    pub(super) wrong_paper: &'static str,
    wrong_pin: &'static str,
    /// `#` is the number.
    tries_left: &'static str,
    last_try: &'static str,
    locked_out: &'static str,
    /// `#` is the number of minutes.
    minutes: &'static str,
    /// `#` is the number of seconds.
    too_soon: &'static str,
    pub(super) comes_back: &'static str,
    trouble: &'static str,
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

impl Words {
    /// The name of a field of the recovery key.
    pub(super) fn group(&self, place: usize) -> String {
        self.group.replace('#', &place.to_string())
    }

    /// Why the box stays locked, and what to do.
    pub(super) fn refusal(&self, why: Refusal) -> String {
        match why {
            Refusal::Wrong => self.wrong.to_owned(),
            Refusal::WrongPin { tries_left: None } => self.wrong_pin.to_owned(),
            Refusal::WrongPin {
                tries_left: Some(0),
            } => format!("{} {}", self.wrong_pin, self.locked_out),
            Refusal::WrongPin {
                tries_left: Some(1),
            } => format!("{} {}", self.wrong_pin, self.last_try),
            Refusal::WrongPin {
                tries_left: Some(many),
            } => format!("{} {}", self.wrong_pin, with(self.tries_left, many)),
            Refusal::LockedOut { wait_s: None } => self.locked_out.to_owned(),
            Refusal::LockedOut {
                wait_s: Some(seconds),
            } => {
                let minutes = seconds.div_ceil(60).max(1);
                format!("{} {}", self.locked_out, with(self.minutes, minutes))
            }
            Refusal::Malformed { group: Some(group) } => {
                self.bad_group.replace('#', &group.to_string())
            }
            Refusal::Malformed { group: None } => self.malformed.to_owned(),
            Refusal::NoPin => self
                .no_pin
                .replace('#', &PIN_CHARS_MIN.to_string())
                .replace('+', &PIN_CHARS_MAX.to_string()),
            Refusal::TooSoon { wait_s } => with(self.too_soon, wait_s),
            Refusal::Trouble => self.trouble.to_owned(),
        }
    }
}

fn with(words: &str, number: u32) -> String {
    words.replace('#', &number.to_string())
}

const ENGLISH: Words = Words {
    languages: "Language",
    locked_title: "The box is locked",
    locked_said: "Patients' messages wait at WhatsApp until somebody unlocks it. Nothing is lost.",
    chip_failed: "The box should open by itself, and its security chip did not let it. It keeps trying. Tell the technician.",
    pin: "PIN",
    phrase: "Passphrase",
    other_way: "No PIN at hand? Use the passphrase",
    paper_way: "Use the recovery key on paper",
    paper_said: "The paper has nine groups of seven digits. Type each into its field, or the whole key into the first one. After a slip, what is right stays.",
    group: "Group #",
    unlock: "Unlock",
    patience: "It takes a few seconds. After a wrong try there is a pause that grows.",
    open_title: "The box is open",
    open_already: "Somebody has unlocked it already. There is nothing more to do here.",
    answered: "Patients are being answered.",
    no_secrets: "No patient is being answered: the box has not been given all that WhatsApp asks of it. Ask the technician: this command on the box says what is missing:",
    cannot_keep: "No patient is being answered: the box cannot keep what they write. WhatsApp keeps it and tries again. Ask the technician: this command on the box says why:",
    line_cut: "The line to WhatsApp is cut: answers wait in the box and leave by themselves once it is back. Look at the cable, the modem and its credit.",
    line_waits: "WhatsApp takes nothing just now: answers wait in the box and leave by themselves.",
    line_wrong: "Something is wrong with the way to WhatsApp or with the clinic's account: answers wait in the box. Ask the technician: this command on the box says what it is:",
    no_pages: "This version has no staff pages yet. Until then, use these commands on the box:",
    undrilled: "Nobody has proved yet that the recovery key on paper opens this box. If the box breaks before, its records may be lost. Ask the technician to use this command on the box:",
    go_on: "Go on",
    trust_link: "The browser warns of this page? How to trust this box",
    trust_title: "How to trust this box",
    trust_said: "Install the box's certificate once on each phone or computer of the staff. After that the browser shows no warning. If it warns again later, do not go on: ask the technician.",
    trust_fetch: "Fetch the certificate",
    trust_compare: "Compare these numbers first",
    trust_paper: "They must be the same as those that the technician wrote down when the box was set up, and that this command shows on the box:",
    trust_android: "Settings, Security, More security settings, Encryption and credentials, Install a certificate, CA certificate. Choose the file.",
    trust_iphone: "Open the file, then Settings, Profile downloaded, Install. Then Settings, General, About, Certificate Trust Settings: switch it on.",
    trust_windows: "Open the file, Install Certificate, Current User, place it in Trusted Root Certification Authorities.",
    malformed: "This has a mistake: it is too short, or a group of the recovery key is mistyped. Look at it again.",
    bad_group: "Group # of the recovery key is missing, has a mistake, or is not in its place. Compare it with the paper and type it again.",
    no_pin: "A PIN has # to + characters. Look at what you typed, or use another way in.",
    wrong: "That is not right. Type it again.",
    wrong_paper: "This recovery key does not open this box: it is another box's, or an older one.",
    wrong_pin: "The PIN is wrong.",
    tries_left: "# tries are left before the security chip locks.",
    last_try: "One try is left before the security chip locks.",
    locked_out: "Too many wrong PINs: the security chip is locked. Leave the box switched on. The recovery key opens it at once.",
    minutes: "In at most # minutes it takes one more PIN.",
    too_soon: "Wait # seconds, then try again.",
    comes_back: "This page comes back by itself.",
    trouble: "The box cannot be opened this way now. Call the technician: the box's journal says why.",
};

const FRENCH: Words = Words {
    languages: "Langue",
    locked_title: "Le boîtier est verrouillé",
    locked_said: "Les messages des patients attendent chez WhatsApp jusqu'au déverrouillage. Rien n'est perdu.",
    chip_failed: "Le boîtier devrait s'ouvrir tout seul, mais sa puce de sécurité ne l'a pas permis. Il continue d'essayer. Prévenez le technicien.",
    pin: "Code PIN",
    phrase: "Phrase secrète",
    other_way: "Pas de code PIN ? Utiliser la phrase secrète",
    paper_way: "Utiliser la clé de secours sur papier",
    paper_said: "Le papier porte neuf groupes de sept chiffres. Tapez chacun dans son champ, ou toute la clé dans le premier. Après une erreur, ce qui est juste reste.",
    group: "Groupe #",
    unlock: "Déverrouiller",
    patience: "Cela prend quelques secondes. Après une erreur, il y a une pause de plus en plus longue.",
    open_title: "Le boîtier est ouvert",
    open_already: "Quelqu'un l'a déjà déverrouillé. Il n'y a rien d'autre à faire ici.",
    answered: "Les patients reçoivent des réponses.",
    no_secrets: "Aucun patient ne reçoit de réponse : le boîtier n'a pas encore tout ce que WhatsApp exige. Demandez au technicien : cette commande sur le boîtier dit ce qui manque :",
    cannot_keep: "Aucun patient ne reçoit de réponse : le boîtier ne peut pas garder ce qu'ils écrivent. WhatsApp le garde et réessaie. Demandez au technicien : cette commande sur le boîtier dit pourquoi :",
    line_cut: "La ligne vers WhatsApp est coupée : les réponses attendent dans le boîtier et partiront d'elles-mêmes. Vérifiez le câble, le modem et son crédit.",
    line_waits: "WhatsApp ne prend rien pour le moment : les réponses attendent dans le boîtier et partiront d'elles-mêmes.",
    line_wrong: "Il y a un problème sur le chemin vers WhatsApp ou avec le compte de la clinique : les réponses attendent dans le boîtier. Demandez au technicien : cette commande sur le boîtier dit lequel :",
    no_pages: "Cette version n'a pas encore de pages pour le personnel. D'ici là, utilisez ces commandes sur le boîtier :",
    undrilled: "Personne n'a encore vérifié que la clé de secours sur papier ouvre ce boîtier. S'il tombe en panne avant, ses dossiers peuvent être perdus. Demandez au technicien d'utiliser cette commande sur le boîtier :",
    go_on: "Continuer",
    trust_link: "Le navigateur affiche un avertissement ? Comment faire confiance à ce boîtier",
    trust_title: "Comment faire confiance à ce boîtier",
    trust_said: "Installez le certificat du boîtier une fois sur chaque téléphone ou ordinateur du personnel. Ensuite le navigateur n'avertit plus. S'il avertit de nouveau plus tard, ne continuez pas : demandez au technicien.",
    trust_fetch: "Prendre le certificat",
    trust_compare: "Comparez d'abord ces chiffres",
    trust_paper: "Ils doivent être les mêmes que ceux notés par le technicien à l'installation, et que cette commande affiche sur le boîtier :",
    trust_android: "Paramètres, Sécurité, Autres paramètres de sécurité, Chiffrement et identifiants, Installer un certificat, Certificat CA. Choisissez le fichier.",
    trust_iphone: "Ouvrez le fichier, puis Réglages, Profil téléchargé, Installer. Puis Réglages, Général, Informations, Réglages des certificats : activez-le.",
    trust_windows: "Ouvrez le fichier, Installer un certificat, Utilisateur actuel, placez-le dans Autorités de certification racines de confiance.",
    malformed: "Il y a une erreur : c'est trop court, ou un groupe de la clé de secours est mal tapé. Vérifiez encore.",
    bad_group: "Le groupe # de la clé de secours manque, a une erreur, ou n'est pas à sa place. Comparez-le avec le papier et tapez-le à nouveau.",
    no_pin: "Un code PIN a de # à + caractères. Vérifiez ce que vous avez tapé, ou utilisez un autre moyen.",
    wrong: "Ce n'est pas correct. Tapez-le à nouveau.",
    wrong_paper: "Cette clé de secours n'ouvre pas ce boîtier : c'est celle d'un autre boîtier, ou une ancienne.",
    wrong_pin: "Le code PIN est faux.",
    tries_left: "Il reste # essais avant que la puce de sécurité se bloque.",
    last_try: "Il reste un essai avant que la puce de sécurité se bloque.",
    locked_out: "Trop de codes PIN faux : la puce de sécurité est bloquée. Laissez le boîtier allumé. La clé de secours l'ouvre tout de suite.",
    minutes: "Dans # minutes au plus, elle acceptera un nouvel essai.",
    too_soon: "Attendez # secondes, puis réessayez.",
    comes_back: "Cette page revient d'elle-même.",
    trouble: "Le boîtier ne peut pas être ouvert ainsi maintenant. Appelez le technicien : le journal du boîtier dit pourquoi.",
};

const SWAHILI: Words = Words {
    languages: "Lugha",
    locked_title: "Kisanduku kimefungwa",
    locked_said: "Ujumbe wa wagonjwa unasubiri WhatsApp hadi mtu akifungue. Hakuna kinachopotea.",
    chip_failed: "Kisanduku kilipaswa kujifungua chenyewe, lakini chipu yake ya usalama haikukubali. Kinaendelea kujaribu. Mwambie fundi.",
    pin: "Namba ya siri (PIN)",
    phrase: "Neno la siri refu",
    other_way: "Huna PIN? Tumia neno la siri refu",
    paper_way: "Tumia ufunguo wa akiba ulio kwenye karatasi",
    paper_said: "Karatasi ina makundi tisa ya tarakimu saba. Andika kila kundi mahali pake, au ufunguo wote kwenye nafasi ya kwanza. Ukikosea, kilicho sahihi kinabaki.",
    group: "Kundi la #",
    unlock: "Fungua",
    patience: "Inachukua sekunde chache. Ukikosea, muda wa kusubiri unaongezeka.",
    open_title: "Kisanduku kiko wazi",
    open_already: "Mtu mwingine ameshakifungua. Hakuna zaidi cha kufanya hapa.",
    answered: "Wagonjwa wanajibiwa.",
    no_secrets: "Hakuna mgonjwa anayejibiwa: kisanduku bado hakijapewa yote ambayo WhatsApp inahitaji. Mwulize fundi: amri hii kwenye kisanduku inaonyesha kinachokosekana:",
    cannot_keep: "Hakuna mgonjwa anayejibiwa: kisanduku hakiwezi kuhifadhi wanachoandika. WhatsApp inakihifadhi na itajaribu tena. Mwulize fundi: amri hii kwenye kisanduku inaeleza sababu:",
    line_cut: "Mawasiliano na WhatsApp yamekatika: majibu yanasubiri kwenye kisanduku na yataondoka yenyewe yakirudi. Angalia waya, modemu na salio lake.",
    line_waits: "WhatsApp haipokei chochote kwa sasa: majibu yanasubiri kwenye kisanduku na yataondoka yenyewe.",
    line_wrong: "Kuna tatizo kwenye njia ya kwenda WhatsApp au kwenye akaunti ya kliniki: majibu yanasubiri kwenye kisanduku. Mwulize fundi: amri hii kwenye kisanduku inaonyesha ni tatizo gani:",
    no_pages: "Toleo hili bado halina kurasa za wafanyakazi. Kwa sasa tumia amri hizi kwenye kisanduku:",
    undrilled: "Hakuna aliyethibitisha bado kwamba ufunguo wa akiba ulio kwenye karatasi unafungua kisanduku hiki. Kikiharibika kabla ya hapo, kumbukumbu za wagonjwa zinaweza kupotea. Mwombe fundi atumie amri hii kwenye kisanduku:",
    go_on: "Endelea",
    trust_link: "Kivinjari kinaonya? Jinsi ya kuamini kisanduku hiki",
    trust_title: "Jinsi ya kuamini kisanduku hiki",
    trust_said: "Weka cheti cha kisanduku mara moja kwenye kila simu au kompyuta ya wafanyakazi. Baada ya hapo kivinjari hakitaonya tena. Kikionya tena baadaye, usiendelee: muulize fundi.",
    trust_fetch: "Chukua cheti",
    trust_compare: "Linganisha kwanza namba hizi",
    trust_paper: "Lazima zifanane na zile alizoandika fundi wakati wa kusanidi, na ambazo amri hii huonyesha kwenye kisanduku:",
    trust_android: "Mipangilio, Usalama, Mipangilio zaidi ya usalama, Usimbaji na vitambulisho, Sakinisha cheti, Cheti cha CA. Chagua faili.",
    trust_iphone: "Fungua faili, kisha Settings, Profile Downloaded, Install. Kisha Settings, General, About, Certificate Trust Settings: washa.",
    trust_windows: "Fungua faili, Install Certificate, Current User, weka kwenye Trusted Root Certification Authorities.",
    malformed: "Kuna kosa: ni fupi mno, au kundi moja la ufunguo wa akiba limeandikwa vibaya. Angalia tena.",
    bad_group: "Kundi la # la ufunguo wa akiba halipo, lina kosa, au haliko mahali pake. Lilinganishe na karatasi, kisha liandike tena.",
    no_pin: "PIN ina herufi au tarakimu # hadi +. Angalia ulichoandika, au tumia njia nyingine.",
    wrong: "Si sahihi. Andika tena.",
    wrong_paper: "Ufunguo huu wa akiba haufungui kisanduku hiki: ni wa kisanduku kingine, au ni wa zamani.",
    wrong_pin: "PIN si sahihi.",
    tries_left: "Yamebaki majaribio # kabla chipu ya usalama haijajifunga.",
    last_try: "Limebaki jaribio moja kabla chipu ya usalama haijajifunga.",
    locked_out: "PIN nyingi zisizo sahihi: chipu ya usalama imejifunga. Acha kisanduku kikiwa kimewashwa. Ufunguo wa akiba unakifungua mara moja.",
    minutes: "Baada ya dakika # au chini ya hapo itakubali jaribio moja tena.",
    too_soon: "Subiri sekunde #, kisha jaribu tena.",
    comes_back: "Ukurasa wa kufungua utarudi wenyewe.",
    trouble: "Kisanduku hakiwezi kufunguliwa hivi sasa. Mwite fundi: kumbukumbu za kisanduku zinaeleza sababu.",
};

const SPANISH: Words = Words {
    languages: "Idioma",
    locked_title: "La caja está bloqueada",
    locked_said: "Los mensajes de los pacientes esperan en WhatsApp hasta que alguien la desbloquee. No se pierde nada.",
    chip_failed: "La caja debería abrirse sola, pero su chip de seguridad no lo permitió. Sigue intentándolo. Avise al técnico.",
    pin: "PIN",
    phrase: "Frase secreta",
    other_way: "¿No tiene el PIN? Use la frase secreta",
    paper_way: "Usar la clave de recuperación en papel",
    paper_said: "El papel tiene nueve grupos de siete cifras. Escriba cada uno en su campo, o toda la clave en el primero. Después de un error, lo correcto se queda.",
    group: "Grupo #",
    unlock: "Desbloquear",
    patience: "Tarda unos segundos. Después de un error hay una pausa que va creciendo.",
    open_title: "La caja está abierta",
    open_already: "Alguien ya la desbloqueó. No hay nada más que hacer aquí.",
    answered: "Los pacientes reciben respuesta.",
    no_secrets: "Ningún paciente recibe respuesta: a la caja le falta algo de lo que WhatsApp exige. Pregunte al técnico: esta orden en la caja dice qué falta:",
    cannot_keep: "Ningún paciente recibe respuesta: la caja no puede guardar lo que escriben. WhatsApp lo guarda y lo intenta de nuevo. Pregunte al técnico: esta orden en la caja dice por qué:",
    line_cut: "La línea con WhatsApp está cortada: las respuestas esperan en la caja y saldrán solas cuando vuelva. Mire el cable, el módem y su saldo.",
    line_waits: "WhatsApp no acepta nada por ahora: las respuestas esperan en la caja y saldrán solas.",
    line_wrong: "Hay un problema en el camino hacia WhatsApp o con la cuenta de la clínica: las respuestas esperan en la caja. Pregunte al técnico: esta orden en la caja dice cuál es:",
    no_pages: "Esta versión aún no tiene páginas para el personal. Mientras tanto, use estas órdenes en la caja:",
    undrilled: "Nadie ha comprobado todavía que la clave de recuperación en papel abre esta caja. Si la caja se estropea antes, sus registros pueden perderse. Pida al técnico que use esta orden en la caja:",
    go_on: "Continuar",
    trust_link: "¿El navegador muestra un aviso? Cómo confiar en esta caja",
    trust_title: "Cómo confiar en esta caja",
    trust_said: "Instale el certificado de la caja una vez en cada teléfono u ordenador del personal. Después el navegador no avisará. Si vuelve a avisar más tarde, no siga: pregunte al técnico.",
    trust_fetch: "Obtener el certificado",
    trust_compare: "Compare primero estos números",
    trust_paper: "Deben ser los mismos que el técnico anotó al instalar la caja, y que esta orden muestra en ella:",
    trust_android: "Ajustes, Seguridad, Más ajustes de seguridad, Cifrado y credenciales, Instalar un certificado, Certificado de CA. Elija el archivo.",
    trust_iphone: "Abra el archivo; luego Ajustes, Perfil descargado, Instalar. Después Ajustes, General, Información, Ajustes de confianza de los certificados: actívelo.",
    trust_windows: "Abra el archivo, Instalar certificado, Usuario actual, colóquelo en Entidades de certificación raíz de confianza.",
    malformed: "Hay un error: es demasiado corto, o un grupo de la clave de recuperación está mal escrito. Revíselo.",
    bad_group: "El grupo # de la clave de recuperación falta, tiene un error, o no está en su lugar. Compárelo con el papel y escríbalo de nuevo.",
    no_pin: "Un PIN tiene de # a + caracteres. Revise lo que escribió, o use otro medio.",
    wrong: "No es correcto. Escríbalo de nuevo.",
    wrong_paper: "Esta clave de recuperación no abre esta caja: es de otra caja, o una antigua.",
    wrong_pin: "El PIN es incorrecto.",
    tries_left: "Quedan # intentos antes de que el chip de seguridad se bloquee.",
    last_try: "Queda un intento antes de que el chip de seguridad se bloquee.",
    locked_out: "Demasiados PIN incorrectos: el chip de seguridad está bloqueado. Deje la caja encendida. La clave de recuperación la abre enseguida.",
    minutes: "En # minutos como mucho admite un intento más.",
    too_soon: "Espere # segundos e inténtelo de nuevo.",
    comes_back: "Esta página vuelve sola.",
    trouble: "La caja no se puede abrir así ahora. Llame al técnico: el registro de la caja dice por qué.",
};

const PORTUGUESE: Words = Words {
    languages: "Língua",
    locked_title: "A caixa está bloqueada",
    locked_said: "As mensagens dos pacientes esperam no WhatsApp até alguém a desbloquear. Nada se perde.",
    chip_failed: "A caixa devia abrir sozinha, mas o seu chip de segurança não deixou. Ela continua a tentar. Avise o técnico.",
    pin: "PIN",
    phrase: "Frase secreta",
    other_way: "Não tem o PIN? Use a frase secreta",
    paper_way: "Usar a chave de recuperação em papel",
    paper_said: "O papel tem nove grupos de sete algarismos. Escreva cada um no seu campo, ou a chave toda no primeiro. Depois de um erro, o que está certo fica.",
    group: "Grupo #",
    unlock: "Desbloquear",
    patience: "Demora alguns segundos. Depois de um erro há uma pausa que vai crescendo.",
    open_title: "A caixa está aberta",
    open_already: "Alguém já a desbloqueou. Não há mais nada a fazer aqui.",
    answered: "Os pacientes recebem respostas.",
    no_secrets: "Nenhum paciente recebe resposta: falta à caixa algo do que o WhatsApp exige. Pergunte ao técnico: este comando na caixa diz o que falta:",
    cannot_keep: "Nenhum paciente recebe resposta: a caixa não consegue guardar o que escrevem. O WhatsApp guarda-o e tenta de novo. Pergunte ao técnico: este comando na caixa diz porquê:",
    line_cut: "A linha para o WhatsApp está cortada: as respostas esperam na caixa e saem sozinhas quando ela voltar. Veja o cabo, o modem e o seu saldo.",
    line_waits: "O WhatsApp não aceita nada de momento: as respostas esperam na caixa e saem sozinhas.",
    line_wrong: "Há um problema no caminho para o WhatsApp ou com a conta da clínica: as respostas esperam na caixa. Pergunte ao técnico: este comando na caixa diz qual é:",
    no_pages: "Esta versão ainda não tem páginas para o pessoal. Até lá, use estes comandos na caixa:",
    undrilled: "Ainda ninguém comprovou que a chave de recuperação em papel abre esta caixa. Se a caixa avariar antes, os seus registos podem perder-se. Peça ao técnico que use este comando na caixa:",
    go_on: "Continuar",
    trust_link: "O navegador mostra um aviso? Como confiar nesta caixa",
    trust_title: "Como confiar nesta caixa",
    trust_said: "Instale o certificado da caixa uma vez em cada telefone ou computador do pessoal. Depois o navegador deixa de avisar. Se voltar a avisar mais tarde, não continue: pergunte ao técnico.",
    trust_fetch: "Obter o certificado",
    trust_compare: "Compare primeiro estes números",
    trust_paper: "Devem ser iguais aos que o técnico anotou na instalação, e que este comando mostra na caixa:",
    trust_android: "Definições, Segurança, Mais definições de segurança, Encriptação e credenciais, Instalar um certificado, Certificado de AC. Escolha o ficheiro.",
    trust_iphone: "Abra o ficheiro; depois Definições, Perfil descarregado, Instalar. A seguir Definições, Geral, Informações, Definições de certificados: ative-o.",
    trust_windows: "Abra o ficheiro, Instalar certificado, Utilizador atual, coloque-o em Autoridades de certificação de raiz fidedigna.",
    malformed: "Há um erro: é curto demais, ou um grupo da chave de recuperação está mal escrito. Veja outra vez.",
    bad_group: "O grupo # da chave de recuperação falta, tem um erro, ou não está no seu lugar. Compare-o com o papel e escreva-o de novo.",
    no_pin: "Um PIN tem de # a + caracteres. Veja o que escreveu, ou use outro meio.",
    wrong: "Não está certo. Escreva de novo.",
    wrong_paper: "Esta chave de recuperação não abre esta caixa: é de outra caixa, ou antiga.",
    wrong_pin: "O PIN está errado.",
    tries_left: "Restam # tentativas antes de o chip de segurança bloquear.",
    last_try: "Resta uma tentativa antes de o chip de segurança bloquear.",
    locked_out: "Demasiados PIN errados: o chip de segurança está bloqueado. Deixe a caixa ligada. A chave de recuperação abre-a logo.",
    minutes: "Dentro de # minutos, no máximo, aceita mais uma tentativa.",
    too_soon: "Espere # segundos e tente de novo.",
    comes_back: "Esta página volta sozinha.",
    trouble: "A caixa não pode ser aberta assim agora. Chame o técnico: o registo da caixa diz porquê.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_words_in_every_language() {
        let refusals = [
            Refusal::Wrong,
            Refusal::WrongPin { tries_left: None },
            Refusal::WrongPin {
                tries_left: Some(0),
            },
            Refusal::WrongPin {
                tries_left: Some(1),
            },
            Refusal::WrongPin {
                tries_left: Some(7),
            },
            Refusal::LockedOut { wait_s: None },
            Refusal::LockedOut { wait_s: Some(1800) },
            Refusal::Malformed { group: None },
            Refusal::Malformed { group: Some(5) },
            Refusal::NoPin,
            Refusal::TooSoon { wait_s: 32 },
            Refusal::Trouble,
        ];
        for lang in Lang::ALL {
            let said: Vec<String> = refusals.iter().map(|why| of(lang).refusal(*why)).collect();
            for (place, one) in said.iter().enumerate() {
                assert!(!one.contains(['#', '+']) && one.len() > 8, "{lang}: {one}");
                assert!(!said[place + 1..].contains(one), "{lang}: {one}");
            }
            assert!(
                said[4].contains('7')
                    && said[6].contains("30")
                    && said[8].contains('5')
                    && (said[9].contains('4') && said[9].contains("64"))
                    && said[10].contains("32")
            );
        }
    }
}

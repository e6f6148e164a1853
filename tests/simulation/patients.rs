//! People with phones. They read what stands on their screen and answer it,
//! mostly sensibly, and do everything people do: write in bursts, tap twice,
//! tap old buttons, correct, delete, call, change number, refuse, ask to be
//! forgotten.

use crate::simulation::dice::Dice;
use healthpost::core::flow::{Field, FieldKind, Flow};
use healthpost::core::lang::Lang;
use healthpost::core::time::UnixMs;
use healthpost::core::triage::find_danger;
use healthpost::simulator::{Direction, Entry, NewPerson, Said, Tap, World, WorldError};
use std::sync::OnceLock;

/// What an intake leads through, in its order.
pub const PAGES: [&str; 6] = [
    "patient",
    "trouble",
    "signs",
    "background",
    "contact",
    "review",
];

/// Words nobody may hear without an alarm.
const DANGER: [&str; 5] = [
    "he is not breathing",
    "my baby has stopped breathing",
    "she is unconscious",
    "I have chest pain",
    "il ne respire pas",
];
/// What works at any step.
const COMMANDS: [&str; 8] = [
    "back", "help", "stop", "restart", "language", "my data", "retour", "aide",
];
const ANSWERS: [&str; 22] = [
    "34",
    "34 years",
    "15/3/90",
    "1990-03-15",
    "female",
    "m",
    "Goma",
    "3 days ago",
    "since yesterday",
    "fever, cough",
    "1, 2",
    "none",
    "no",
    "yes",
    "1",
    "2",
    "3",
    "+243970000001",
    "tomorrow",
    "???",
    "ok",
    "il y a 3 jours",
];

/// The questions as the clinic asks them.
fn flow() -> &'static Flow {
    static FLOW: OnceLock<Flow> = OnceLock::new();
    FLOW.get_or_init(Flow::built_in)
}

/// The same in each language, in their fixed order.
type InEach = [&'static str; Lang::ALL.len()];

const FEMALE: InEach = ["female", "femme", "mwanamke", "mujer", "mulher"];
const MALE: InEach = ["man", "homme", "mwanaume", "hombre", "homem"];
const YEARS: InEach = ["34 years", "34 ans", "miaka 34", "34 años", "34 anos"];
const MONTHS: InEach = ["7 months", "7 mois", "miezi 7", "7 meses", "7 meses"];
const SINCE: InEach = [
    "3 days ago",
    "il y a 3 jours",
    "siku 3 zilizopita",
    "hace 3 días",
    "há 3 dias",
];
const YESTERDAY: InEach = ["yesterday", "hier", "jana", "ayer", "ontem"];
const NONE: InEach = ["none", "aucun", "hakuna", "ninguno", "nenhum"];
const NO: InEach = ["no", "non", "hapana", "no", "não"];

/// How somebody takes the clinic's questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Willing,
    Refuses,
    Erratic,
    Forgettable,
}

/// One person.
pub struct Patient {
    /// The number the phone has now.
    pub number: String,
    /// All that it had before.
    former: Vec<String>,
    /// A word that stands in whatever they tell and nowhere else.
    pub canary: String,
    /// Ids of everything they wrote.
    pub wrote: Vec<String>,
    /// How often they answered each of [`PAGES`].
    pub answered: [usize; PAGES.len()],
    /// Ids of what they wrote in words, which can be corrected or deleted.
    texts: Vec<String>,
    /// The message of the clinic they answered last.
    done_with: Option<String>,
    /// The newest message they looked at, and the newest question then.
    looked: (String, Option<String>),
    manner: Manner,
}

/// Something that was written.
pub struct Written {
    /// Its id.
    pub wamid: String,
    /// Whether it holds words of danger.
    pub danger: bool,
    /// What it deletes or corrects: that is read as it was left, should it arrive
    /// later.
    pub takes_back: Option<String>,
}

fn asks_something(text: &str) -> bool {
    let asks = |field: &Field| {
        Lang::ALL
            .iter()
            .any(|lang| text.contains(field.ask.get(*lang)))
    };
    flow().fields().any(asks)
}

/// A word of letters that belongs to one person.
fn canary(place: usize) -> String {
    let letter = |i: usize| char::from(b'a' + u8::try_from(i % 26).unwrap());
    format!("Zqvx{}{}k", letter(place), letter(place * 7 + 3))
}

impl Patient {
    /// A person nobody has heard of.
    pub fn new(place: usize, world: &mut World, dice: &mut Dice) -> Self {
        let canary = canary(place);
        let manner = match dice.below(10) {
            0 | 1 => Manner::Refuses,
            2 => Manner::Erratic,
            3 => Manner::Forgettable,
            _ => Manner::Willing,
        };
        let hides_number = dice.percent(20);
        let new = NewPerson {
            name: Some(format!("{canary} N")),
            username: dice.percent(30).then(|| canary.to_lowercase()),
            hides_number,
            number_only: !hides_number && dice.percent(20),
            ..NewPerson::default()
        };
        let number = world.add_phone(new).unwrap();
        Self {
            number: number.digits().to_owned(),
            former: Vec::new(),
            canary,
            wrote: Vec::new(),
            answered: [0; PAGES.len()],
            texts: Vec::new(),
            done_with: None,
            looked: (String::new(), None),
            manner,
        }
    }

    /// Every number the phone has or had.
    pub fn numbers(&self) -> impl Iterator<Item = &String> {
        self.former.iter().chain([&self.number])
    }

    /// Does something with the phone that the clinic is told of; several
    /// messages in a burst.
    pub fn write(&mut self, world: &mut World, dice: &mut Dice, now: UnixMs) -> Vec<Written> {
        let burst = if dice.percent(12) {
            2 + dice.below(4)
        } else {
            1
        };
        let mut written = Vec::new();
        if !self.has_been_asked(world) && dice.percent(90) {
            return written;
        }
        for i in 0..burst {
            let at = now.plus_ms(i64::try_from(i).unwrap() * 150);
            let said = self.choose(world, dice);
            let twice = dice.percent(7) && matches!(said, Said::Tap(_));
            written.extend(self.say(world, &said, at));
            if twice {
                written.extend(self.say(world, &said, at));
            }
        }
        written
    }

    fn say(&mut self, world: &mut World, said: &Said, at: UnixMs) -> Option<Written> {
        let wamid = match world.phone_writes(&self.number, said, None, at) {
            Ok(wamid) => wamid,
            // An old message has left the phone meanwhile.
            Err(WorldError::NoSuchMessage | WorldError::NothingToTap) => return None,
            Err(error) => panic!("{error}"),
        };
        self.wrote.push(wamid.clone());
        let danger = match said {
            Said::Text(text) => {
                self.texts.push(wamid.clone());
                DANGER.contains(&text.as_str()) && find_danger(text, None).is_some()
            }
            _ => false,
        };
        let takes_back = match said {
            Said::Revoke(original) | Said::Edit { original, .. } => Some(original.clone()),
            _ => None,
        };
        Some(Written {
            wamid,
            danger,
            takes_back,
        })
    }

    /// Whether the clinic has written something they have not reacted to.
    pub fn has_been_asked(&mut self, world: &World) -> bool {
        let person = world.person(&self.number).unwrap();
        let Some(last) = person.visible().next_back() else {
            return true;
        };
        if last.direction == Direction::ToClinic {
            return false;
        }
        let newest = self.newest_question(world);
        last.direction == Direction::ToPhone
            && newest.is_some_and(|one| Some(&one.id) != self.done_with.as_ref())
    }

    fn choose(&mut self, world: &World, dice: &mut Dice) -> Said {
        if dice.percent(6) {
            return self.something_else(dice);
        }
        if dice.percent(3) {
            return Said::Text((*dice.pick(&DANGER)).to_owned());
        }
        let commands = if self.manner == Manner::Erratic {
            20
        } else {
            3
        };
        if dice.percent(commands) {
            return Said::Text((*dice.pick(&COMMANDS)).to_owned());
        }
        if self.manner == Manner::Forgettable && dice.percent(12) {
            return Said::Text("delete my data".into());
        }
        let person = world.person(&self.number).unwrap();
        let mut offers = person.visible().rev().filter(|one| !one.taps().is_empty());
        if dice.percent(4)
            && let Some(old) = offers.nth(1)
        {
            return Said::Tap(dice.pick(old.taps()).id.clone());
        }
        let newest = self.newest_question(world);
        let newest = newest.filter(|one| Some(&one.id) != self.done_with.as_ref());
        let Some(newest) = newest.filter(|_| dice.percent(95)) else {
            return Said::Text(self.words(dice));
        };
        self.done_with = Some(newest.id.clone());
        self.react(newest, dice)
    }

    /// The last thing the clinic asked, as the phone shows it.
    fn newest_question<'w>(&mut self, world: &'w World) -> Option<&'w Entry> {
        let person = world.person(&self.number).unwrap();
        let last = person.visible().next_back()?.id.as_str();
        if self.looked.0 != last {
            let asks = |one: &&Entry| {
                let text = || one.as_json()["text"].as_str().is_some_and(asks_something);
                one.direction == Direction::ToPhone && (!one.taps().is_empty() || text())
            };
            let found = person.visible().rev().take(8).find(asks);
            self.looked = (last.to_owned(), found.map(|one| one.id.clone()));
        }
        let question = self.looked.1.as_ref()?;
        person.visible().rev().find(|one| one.id == *question)
    }

    /// What they do about a message of the clinic.
    fn react(&mut self, message: &Entry, dice: &mut Dice) -> Said {
        let taps = message.taps();
        if !taps.is_empty() && dice.percent(90) {
            let place = self.finger(taps, dice);
            self.answered[5] += usize::from(taps[place].id.ends_with(":send"));
            return Said::Tap(taps[place].id.clone());
        }
        let asked = message.as_json()["text"].as_str().map(str::to_owned);
        let answer = asked.and_then(|text| self.answer(&text, dice));
        Said::Text(answer.unwrap_or_else(|| self.words(dice)))
    }

    /// Which button they tap.
    fn finger(&self, taps: &[Tap], dice: &mut Dice) -> usize {
        let named = |name: &str| taps.iter().position(|tap| tap.id.ends_with(name));
        let likely = match self.manner {
            Manner::Refuses if taps.len() == 2 => Some(1),
            Manner::Erratic => None,
            Manner::Refuses | Manner::Willing => named(":keep")
                .or_else(|| named(":send"))
                .or_else(|| named(":go_on")),
            Manner::Forgettable => Some(0),
        };
        match likely {
            Some(place) if dice.percent(85) => place,
            None if self.manner == Manner::Willing && taps.len() == 2 && dice.percent(92) => 0,
            _ => dice.below(taps.len()),
        }
    }

    /// An answer to each question that stands in a text, one on each line, in
    /// the language it is asked in.
    fn answer(&mut self, text: &str, dice: &mut Dice) -> Option<String> {
        for (place, lang) in Lang::ALL.into_iter().enumerate() {
            let at = |field: &'static Field| Some((text.find(field.ask.get(lang))?, field));
            let mut asked: Vec<(usize, &Field)> = flow().fields().filter_map(at).collect();
            asked.sort_by_key(|(at, _)| *at);
            if let Some((_, first)) = asked.first() {
                let has = |page: &&healthpost::core::flow::Page| {
                    page.fields.iter().any(|field| field.id == first.id)
                };
                let page = flow().pages().iter().find(has).map(|page| page.id.as_str());
                let page = PAGES.iter().position(|name| Some(*name) == page);
                self.answered[page.unwrap()] += 1;
                let lines = asked.iter().map(|(_, field)| self.line(field, place, dice));
                return Some(lines.collect::<Vec<String>>().join("\n"));
            }
        }
        None
    }

    fn line(&self, field: &Field, lang: usize, dice: &mut Dice) -> String {
        let canary = &self.canary;
        let none = NONE[lang];
        match field.kind {
            FieldKind::Name => format!("{canary} Diallo"),
            FieldKind::BirthOrAge => match dice.below(5) {
                0 => "15/3/1990".to_owned(),
                1 => MONTHS[lang].to_owned(),
                2 => "1990".to_owned(),
                _ => YEARS[lang].to_owned(),
            },
            FieldKind::Sex => (*dice.pick(&[FEMALE, FEMALE, MALE]))[lang].to_owned(),
            FieldKind::Locality => "Goma".to_owned(),
            FieldKind::FreeText => format!("Malaria {canary}"),
            FieldKind::FreeTextOrNone if dice.percent(30) => format!("aspirina {canary}"),
            FieldKind::FreeTextOrNone => none.to_owned(),
            FieldKind::Onset => (*dice.pick(&[SINCE, YESTERDAY]))[lang].to_owned(),
            FieldKind::YesNo => NO[lang].to_owned(),
            FieldKind::OneOf | FieldKind::AnyOf => {
                (*dice.pick(&["1 2", "2", "1 3", none, "1, 4, 5", "99"])).to_owned()
            }
            FieldKind::EmergencyContact if dice.percent(50) => {
                format!("{canary} +243970000001")
            }
            FieldKind::EmergencyContact => none.to_owned(),
        }
    }

    fn words(&self, dice: &mut Dice) -> String {
        let canary = &self.canary;
        match dice.below(10) {
            0 => format!("{canary} Diallo"),
            1 => format!("headache near {canary} since 3 days"),
            2 => format!("{canary} Diallo, 34 years, female, Goma"),
            3 => format!("none {canary}"),
            4 => canary.to_string(),
            _ => (*dice.pick(&ANSWERS)).to_owned(),
        }
    }

    fn something_else(&self, dice: &mut Dice) -> Said {
        let mine = |dice: &mut Dice| self.texts.get(dice.below(self.texts.len())).cloned();
        let canary = self.canary.clone();
        match dice.below(13) {
            0 => Said::Voice,
            1 => Said::Image(Some(format!("look {canary}"))),
            2 => Said::Document(format!("{canary}.pdf")),
            3 => Said::Sticker,
            4 => Said::Location {
                latitude: -1.67,
                longitude: 29.22,
                name: Some(canary),
            },
            5 => Said::Card {
                name: canary,
                number: "243970000009".into(),
            },
            6 => Said::OwnNumber,
            7 => match mine(dice) {
                Some(original) => Said::Edit {
                    original,
                    text: format!("{canary} Mwamba"),
                },
                None => Said::Voice,
            },
            8 => match mine(dice) {
                Some(original) => Said::Revoke(original),
                None => Said::Sticker,
            },
            9 => match mine(dice) {
                Some(target) => Said::Reaction {
                    target,
                    emoji: "👍".into(),
                },
                None => Said::Welcome,
            },
            10 => Said::Unsupported("poll_creation".into()),
            11 => Said::Welcome,
            _ => Said::QuickReply {
                payload: "hello".into(),
                text: canary,
            },
        }
    }

    /// Does something else with the phone.
    pub fn fiddle(&mut self, world: &mut World, dice: &mut Dice, now: UnixMs) {
        match dice.below(8) {
            0 => world.phone_calls(&self.number, now).unwrap(),
            1 => world.set_online(&self.number, false, now).unwrap(),
            2 | 3 => world.set_online(&self.number, true, now).unwrap(),
            4 => world.change_user_id(&self.number, now).unwrap(),
            5 => {
                let to = format!("24399{:07}", dice.below(10_000_000));
                if world.change_number(&self.number, &to, now).is_ok() {
                    self.former.push(std::mem::replace(&mut self.number, to));
                }
            }
            _ => world.phone_reads(&self.number, now).unwrap(),
        }
    }
}

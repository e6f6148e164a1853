//! People with phones. They answer whatever stands on their screen, mostly
//! sensibly, and do everything people do: write in bursts, tap twice, tap old
//! buttons, correct, delete, call, change number, refuse, ask to be forgotten.

use crate::simulation::dice::Dice;
use healthpost::core::time::UnixMs;
use healthpost::core::triage::find_danger;
use healthpost::simulator::{NewPerson, Said, World, WorldError};

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
    /// A word that stands in whatever they tell and nowhere else.
    pub canary: String,
    /// Ids of everything they wrote.
    pub wrote: Vec<String>,
    /// Ids of what they wrote in words, which can be corrected or deleted.
    texts: Vec<String>,
    manner: Manner,
}

/// Something that was written.
pub struct Written {
    /// Its id.
    pub wamid: String,
    /// Whether it holds words of danger.
    pub danger: bool,
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
            number: None,
        };
        let number = world.add_phone(new).unwrap();
        Self {
            number: number.digits().to_owned(),
            canary,
            wrote: Vec::new(),
            texts: Vec::new(),
            manner,
        }
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
        Some(Written { wamid, danger })
    }

    fn choose(&self, world: &World, dice: &mut Dice) -> Said {
        if dice.percent(10) {
            return self.something_else(dice);
        }
        if dice.percent(4) {
            return Said::Text((*dice.pick(&DANGER)).to_owned());
        }
        let commands = if self.manner == Manner::Erratic {
            20
        } else {
            4
        };
        if dice.percent(commands) {
            return Said::Text((*dice.pick(&COMMANDS)).to_owned());
        }
        if self.manner == Manner::Forgettable && dice.percent(12) {
            return Said::Text("delete my data".into());
        }
        let person = world.person(&self.number).unwrap();
        let mut offers = person.visible().rev().filter(|one| !one.taps().is_empty());
        let old = dice.percent(6);
        let offer = if old { offers.nth(1) } else { offers.next() };
        let newest = person.visible().next_back().map(|one| one.id.clone());
        match offer {
            Some(offer) if old || (Some(&offer.id) == newest.as_ref() && dice.percent(85)) => {
                let taps = offer.taps();
                let place = match self.manner {
                    Manner::Refuses if taps.len() == 2 && dice.percent(80) => 1,
                    Manner::Erratic => dice.below(taps.len()),
                    _ if dice.percent(75) => 0,
                    _ => dice.below(taps.len()),
                };
                Said::Tap(taps[place].id.clone())
            }
            _ => Said::Text(self.words(dice)),
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
                    self.number = to;
                }
            }
            _ => world.phone_reads(&self.number, now).unwrap(),
        }
    }
}

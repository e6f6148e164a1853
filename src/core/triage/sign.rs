//! The danger signs, most urgent first.
//!
//! The words of a sign are stored in records and tasks: they never change.

use crate::core::lang::Lang;

/// A sign that somebody may need help at once. The order is the order of
/// urgency: where a text shows several, the first is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DangerSign {
    /// Not breathing, breathing hard or fast, choking, blue lips.
    BreathingTrouble,
    /// Unconscious, fainted, cannot be woken, suddenly confused.
    Unconscious,
    /// A convulsion, a fit.
    Convulsion,
    /// Face, mouth or throat swelling up after a medicine, food or sting.
    AllergicShock,
    /// Pain or pressure in the chest.
    ChestPain,
    /// Blood that does not stop, vomited, coughed up or in the stool.
    HeavyBleeding,
    /// Bleeding, waters broken early, long labour, no movements of the child,
    /// severe headache or swelling in pregnancy; fever after birth.
    PregnancyDanger,
    /// A newborn or small child who does not feed, drink or keep anything down.
    SickNewborn,
    /// Face or mouth hanging, one side weak, speech lost.
    Stroke,
    /// Fever with a stiff neck.
    StiffNeckFever,
    /// A belly that is hard, or cannot be touched, or lets nothing through.
    AcuteAbdomen,
    /// Something poisonous, or too much medicine, swallowed.
    Poisoning,
    /// Bitten or stung by a snake, a scorpion or a rabid animal.
    Bite,
    /// A burn by fire, hot water or oil.
    SevereBurn,
    /// A head injury, broken bone, stab, shot, near drowning, electric shock.
    Injury,
    /// Wishes to die or has tried to.
    SelfHarm,
    /// Raped or beaten.
    Violence,
    /// Watery stools with sunken eyes, no urine, no tears.
    SevereDehydration,
    /// Too weak to sit or stand, limp.
    VeryWeak,
}

impl DangerSign {
    /// Every sign, most urgent first.
    pub const ALL: [Self; 19] = [
        Self::BreathingTrouble,
        Self::Unconscious,
        Self::Convulsion,
        Self::AllergicShock,
        Self::ChestPain,
        Self::HeavyBleeding,
        Self::PregnancyDanger,
        Self::SickNewborn,
        Self::Stroke,
        Self::StiffNeckFever,
        Self::AcuteAbdomen,
        Self::Poisoning,
        Self::Bite,
        Self::SevereBurn,
        Self::Injury,
        Self::SelfHarm,
        Self::Violence,
        Self::SevereDehydration,
        Self::VeryWeak,
    ];

    /// The stable word for records, tasks and exports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BreathingTrouble => "breathing_trouble",
            Self::Unconscious => "unconscious",
            Self::Convulsion => "convulsion",
            Self::AllergicShock => "allergic_shock",
            Self::ChestPain => "chest_pain",
            Self::HeavyBleeding => "heavy_bleeding",
            Self::PregnancyDanger => "pregnancy_danger",
            Self::SickNewborn => "sick_newborn",
            Self::Stroke => "stroke",
            Self::StiffNeckFever => "stiff_neck_fever",
            Self::AcuteAbdomen => "acute_abdomen",
            Self::Poisoning => "poisoning",
            Self::Bite => "bite",
            Self::SevereBurn => "severe_burn",
            Self::Injury => "injury",
            Self::SelfHarm => "self_harm",
            Self::Violence => "violence",
            Self::SevereDehydration => "severe_dehydration",
            Self::VeryWeak => "very_weak",
        }
    }

    /// The sign of a word, if it is one.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.word() == word)
    }

    /// Whether the sign matters however long ago it was: somebody who tells of
    /// violence or of wishing to die is to be seen even if it was last year.
    pub(super) const fn stays_urgent(self) -> bool {
        matches!(self, Self::SelfHarm | Self::Violence)
    }
}

/// The bit of a language in a mask.
pub(super) const fn bit(lang: Lang) -> u8 {
    match lang {
        Lang::En => 1,
        Lang::Fr => 2,
        Lang::Sw => 4,
        Lang::Es => 8,
        Lang::Pt => 16,
    }
}

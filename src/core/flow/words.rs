//! The names of every sentence and button a flow must bring, and texts in
//! several languages.
//!
//! No text of ours is written in code: the engine only knows these names.

use crate::core::lang::Lang;
use std::collections::BTreeMap;

/// One text in each language of the flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub(super) BTreeMap<Lang, String>);

impl Words {
    /// The text in a language; in any other if that one is missing.
    pub fn get(&self, lang: Lang) -> &str {
        self.0
            .get(&lang)
            .or_else(|| self.0.values().next())
            .map_or("", String::as_str)
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in the flow file.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one of this name.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|each| each.word() == word)
            }
        }
    };
}

names! {
    /// A sentence.
    Line {
        /// First words, and which language.
        ChooseLanguage = "choose_language",
        /// Whom it is for.
        Who = "who",
        /// After a receipt, before the next form.
        WelcomeBack = "welcome_back",
        /// Above several questions.
        PageIntro = "page_intro",
        /// Above what is asked again.
        StillNeeded = "still_needed",
        /// No choice was understood.
        ChooseOne = "choose_one",
        /// Whether to go on after a silence.
        Resume = "resume",
        /// Above the answers.
        ReviewIntro = "review_intro",
        /// Below the answers.
        ReviewAsk = "review_ask",
        /// Which answer is wrong.
        CorrectWhich = "correct_which",
        /// The receipt.
        Receipt = "receipt",
        /// The emergency text.
        Emergency = "emergency",
        /// What can be written.
        Help = "help",
        /// Last words before silence.
        Stopped = "stopped",
        /// Beginning anew.
        Restarted = "restarted",
        /// Nothing to go back to.
        NothingBefore = "nothing_before",
        /// A message we cannot read.
        Unsupported = "unsupported",
        /// A voice note or photo was kept.
        KeptForStaff = "kept_for_staff",
        /// What came after the receipt was added to it.
        AddedForStaff = "added_for_staff",
        /// Nothing is kept before there is consent.
        ConsentFirst = "consent_first",
        /// How to begin.
        HelpBegin = "help_begin",
        /// A button of an earlier question.
        StaleButton = "stale_button",
        /// After three tries.
        LeftForStaff = "left_for_staff",
        /// What is kept.
        MyData = "my_data",
        /// That nothing is kept.
        MyDataNone = "my_data_none",
        /// Whether really to delete.
        ConfirmDelete = "confirm_delete",
        /// All is deleted.
        Deleted = "deleted",
        /// Nothing was deleted.
        NotDeleted = "not_deleted",
        /// Consent was refused.
        Refused = "refused",
        /// Neither yes nor no after three tries.
        NoConsent = "no_consent",
        /// None, in the review.
        None = "none",
        /// Left for staff, in the review.
        NotAnswered = "not_answered",
        /// An age in years.
        Years = "years",
        /// An age in months.
        Months = "months",
        /// An age of one year.
        Year = "year",
        /// An age of one month.
        Month = "month",
        /// An infant's age in weeks.
        Weeks = "weeks",
        /// An age of one week.
        Week = "week",
        /// An infant's age in days.
        Days = "days",
        /// An age of one day.
        Day = "day",
    }
}

names! {
    /// Something that can be tapped.
    ButtonName {
        /// Opens a list.
        Choose = "choose",
        /// Consent.
        Agree = "agree",
        /// No consent.
        Refuse = "refuse",
        /// It is for the writer.
        Me = "me",
        /// It is for the writer's child.
        Child = "child",
        /// It is for somebody else.
        Other = "other",
        /// Submit.
        Send = "send",
        /// Correct an answer.
        Correct = "correct",
        /// Go on after a silence.
        GoOn = "go_on",
        /// Begin anew.
        StartOver = "start_over",
        /// Delete everything.
        Delete = "delete",
        /// Delete nothing.
        Keep = "keep",
        /// Yes.
        Yes = "yes",
        /// No.
        No = "no",
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Another sex.
        AnotherSex = "another_sex",
    }
}

impl Line {
    /// What may stand in braces in it.
    pub(super) const fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Receipt | Self::AddedForStaff => &["clinic", "emergency_number", "record_id"],
            Self::MyData => &["clinic", "emergency_number", "count", "records"],
            Self::Years
            | Self::Months
            | Self::Year
            | Self::Month
            | Self::Weeks
            | Self::Week
            | Self::Days
            | Self::Day => &["count"],
            Self::ChooseLanguage
            | Self::Who
            | Self::WelcomeBack
            | Self::PageIntro
            | Self::StillNeeded
            | Self::ChooseOne
            | Self::Resume
            | Self::ReviewIntro
            | Self::ReviewAsk
            | Self::CorrectWhich
            | Self::Emergency
            | Self::Help
            | Self::Stopped
            | Self::Restarted
            | Self::NothingBefore
            | Self::Unsupported
            | Self::KeptForStaff
            | Self::ConsentFirst
            | Self::HelpBegin
            | Self::StaleButton
            | Self::LeftForStaff
            | Self::MyDataNone
            | Self::ConfirmDelete
            | Self::Deleted
            | Self::NotDeleted
            | Self::Refused
            | Self::NoConsent
            | Self::None
            | Self::NotAnswered => &["clinic", "emergency_number"],
        }
    }

    /// What must stand in braces in it: a receipt without its number, or an
    /// emergency text without the number to call, is worse than none.
    pub(super) const fn needs(self) -> Option<&'static str> {
        match self {
            Self::Receipt => Some("record_id"),
            Self::Emergency => Some("emergency_number"),
            Self::MyData | Self::Years | Self::Months | Self::Weeks | Self::Days => Some("count"),
            Self::ChooseLanguage
            | Self::Who
            | Self::WelcomeBack
            | Self::PageIntro
            | Self::StillNeeded
            | Self::ChooseOne
            | Self::Resume
            | Self::ReviewIntro
            | Self::ReviewAsk
            | Self::CorrectWhich
            | Self::Help
            | Self::Stopped
            | Self::Restarted
            | Self::NothingBefore
            | Self::Unsupported
            | Self::KeptForStaff
            | Self::AddedForStaff
            | Self::ConsentFirst
            | Self::HelpBegin
            | Self::StaleButton
            | Self::LeftForStaff
            | Self::MyDataNone
            | Self::ConfirmDelete
            | Self::Deleted
            | Self::NotDeleted
            | Self::Refused
            | Self::NoConsent
            | Self::None
            | Self::NotAnswered
            | Self::Year
            | Self::Month
            | Self::Week
            | Self::Day => None,
        }
    }

    /// Whether a flow may leave it out: it only says more nicely what another
    /// sentence says too, or gives a hint that one can do without.
    pub const fn is_optional(self) -> bool {
        matches!(
            self,
            Self::Year
                | Self::Month
                | Self::Weeks
                | Self::Week
                | Self::Days
                | Self::Day
                | Self::AddedForStaff
                | Self::ConsentFirst
                | Self::HelpBegin
        )
    }
}

//! Danger signs that show only when answers are put together.
//!
//! Pure rules on what has been answered so far; an unanswered question never
//! counts against a sign and never makes one.

use super::sign::DangerSign;
use crate::core::lang::Lang;

/// What has been answered so far.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Age in completed months.
    pub age_months: Option<u32>,
    /// Whether the patient is pregnant.
    pub pregnant: Option<bool>,
    /// Ids of the symptoms chosen: `fever`, `cough`, `breathing`, `diarrhoea`,
    /// `vomiting`, `headache`, `belly_pain`, `rash`, `bleeding`, `weakness`.
    pub symptoms: &'a [String],
    /// The complaint, in the patient's words.
    pub complaint: Option<&'a str>,
    /// The language of the conversation, once it is chosen.
    pub lang: Option<Lang>,
    /// Days since it began.
    pub onset_days: Option<u32>,
}

impl Facts<'_> {
    fn has(&self, id: &str) -> bool {
        self.symptoms.iter().any(|symptom| symptom == id)
    }

    fn younger_than(&self, months: u32) -> bool {
        self.age_months.is_some_and(|age| age < months)
    }
}

/// The most urgent danger sign the answers show together, if any.
pub fn danger_in_answers(facts: &Facts<'_>) -> Option<DangerSign> {
    let spoken = facts
        .complaint
        .and_then(|words| super::find_danger(words, facts.lang));
    spoken
        .into_iter()
        .chain(chosen(facts))
        .chain(in_pregnancy(facts))
        .chain(in_small_children(facts))
        .min()
}

/// Signs that hold at any age.
fn chosen(facts: &Facts<'_>) -> Option<DangerSign> {
    if facts.has("breathing") {
        return Some(DangerSign::BreathingTrouble);
    }
    if facts.has("bleeding") && (facts.has("weakness") || facts.has("vomiting")) {
        return Some(DangerSign::HeavyBleeding);
    }
    (facts.has("diarrhoea") && facts.has("vomiting") && facts.has("weakness"))
        .then_some(DangerSign::SevereDehydration)
}

/// Bleeding, belly pain with fever, and headache with vomiting can each be
/// the first word of a haemorrhage, an infection or an eclampsia.
fn in_pregnancy(facts: &Facts<'_>) -> Option<DangerSign> {
    let danger = facts.has("bleeding")
        || (facts.has("fever") && facts.has("belly_pain"))
        || (facts.has("headache") && (facts.has("vomiting") || facts.has("weakness")))
        || (facts.has("fever") && facts.has("weakness"));
    (facts.pregnant == Some(true) && danger).then_some(DangerSign::PregnancyDanger)
}

/// An infant under two months who is ill at all, and small children who lose
/// water from both ends or are weak with fever, are referred at once (IMCI).
fn in_small_children(facts: &Facts<'_>) -> Option<DangerSign> {
    let young_infant = facts.younger_than(2)
        && ["fever", "diarrhoea", "vomiting", "weakness", "bleeding"]
            .iter()
            .any(|id| facts.has(id));
    if young_infant {
        return Some(DangerSign::SickNewborn);
    }
    if facts.younger_than(60) && facts.has("diarrhoea") {
        let long = facts.onset_days.is_some_and(|days| days >= 14);
        if facts.has("weakness") || long {
            return Some(DangerSign::SevereDehydration);
        }
    }
    (facts.younger_than(60) && facts.has("weakness") && facts.has("fever"))
        .then_some(DangerSign::VeryWeak)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(
        age_months: Option<u32>,
        pregnant: Option<bool>,
        symptoms: &[&str],
        complaint: Option<&str>,
        onset_days: Option<u32>,
    ) -> Option<DangerSign> {
        let symptoms: Vec<String> = symptoms.iter().map(|&id| id.to_owned()).collect();
        danger_in_answers(&Facts {
            age_months,
            pregnant,
            symptoms: &symptoms,
            complaint,
            lang: None,
            onset_days,
        })
    }

    #[test]
    fn an_infant_under_two_months_with_fever_is_urgent_and_an_older_one_is_not() {
        assert_eq!(
            sign(Some(1), None, &["fever"], None, None),
            Some(DangerSign::SickNewborn)
        );
        assert_eq!(sign(Some(2), None, &["fever"], None, None), None);
        assert_eq!(sign(None, None, &["fever"], None, None), None);
        assert_eq!(sign(Some(1), None, &["rash"], None, None), None);
    }

    #[test]
    fn bleeding_is_urgent_in_pregnancy() {
        let bleeding = &["bleeding"];
        assert_eq!(
            sign(Some(300), Some(true), bleeding, None, None),
            Some(DangerSign::PregnancyDanger)
        );
        assert_eq!(sign(Some(300), Some(false), bleeding, None, None), None);
        assert_eq!(sign(Some(300), None, bleeding, None, None), None);
        assert_eq!(sign(Some(300), Some(true), &["headache"], None, None), None);
        assert_eq!(
            sign(None, Some(true), &["headache", "vomiting"], None, None),
            Some(DangerSign::PregnancyDanger)
        );
    }

    #[test]
    fn trouble_breathing_is_urgent_at_any_age_and_comes_first() {
        assert_eq!(
            sign(Some(1), None, &["fever", "breathing"], None, None),
            Some(DangerSign::BreathingTrouble)
        );
        assert_eq!(
            sign(None, None, &["breathing"], None, None),
            Some(DangerSign::BreathingTrouble)
        );
    }

    #[test]
    fn a_small_child_who_loses_water_is_urgent_when_weak_or_ill_for_long() {
        let diarrhoea = &["diarrhoea"];
        assert_eq!(sign(Some(20), None, diarrhoea, None, Some(3)), None);
        assert_eq!(
            sign(Some(20), None, diarrhoea, None, Some(14)),
            Some(DangerSign::SevereDehydration)
        );
        assert_eq!(sign(Some(400), None, diarrhoea, None, Some(14)), None);
    }

    #[test]
    fn the_complaint_is_read_too() {
        assert_eq!(
            sign(Some(40), None, &["fever"], Some("fever and fits"), None),
            Some(DangerSign::Convulsion)
        );
        assert_eq!(
            sign(Some(40), None, &["fever"], Some("fever and a cold"), None),
            None
        );
    }
}

//! The one template the appliance needs: a neutral request to write again, in
//! every language, ready to be submitted to the provider.
//!
//! It says that an answer is here and nothing of what it is about: the provider
//! stores and reviews it, and whoever sees the phone can read it.

use crate::core::lang::Lang;
use std::collections::BTreeMap;

/// The token of the quick reply below, where a question's would stand: no
/// question has it, so the tap is never taken for an answer.
pub const REOPEN_TOKEN: &str = "reopen";
/// What comes back when somebody taps the quick reply of a template.
pub const REOPEN_ID: &str = "q:reopen:more";

/// A template as it is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeutralTemplate {
    /// Its name: one for each language, so that they are approved one by one.
    pub name: &'static str,
    /// Its language.
    pub language: Lang,
    /// The provider's code of that language: it knows no plain `pt`.
    pub code: &'static str,
    /// Its category at the provider.
    pub category: &'static str,
    /// Its words.
    pub body: &'static str,
    /// The label of its one quick reply.
    pub button: &'static str,
}

/// The template in each language, in the order of [`Lang::ALL`].
pub const fn neutral_templates() -> [NeutralTemplate; 5] {
    const fn template(
        language: Lang,
        name: &'static str,
        code: &'static str,
        body: &'static str,
        button: &'static str,
    ) -> NeutralTemplate {
        NeutralTemplate {
            name,
            language,
            code,
            category: "UTILITY",
            body,
            button,
        }
    }
    [
        template(
            Lang::En,
            "reply_waiting_en",
            "en",
            "We have a reply for you; tap the button below to receive it.",
            "Show the reply",
        ),
        template(
            Lang::Fr,
            "reply_waiting_fr",
            "fr",
            "Nous avons une réponse pour vous ; touchez le bouton ci-dessous pour la recevoir.",
            "Voir la réponse",
        ),
        template(
            Lang::Sw,
            "reply_waiting_sw",
            "sw",
            "Tuna jibu lako; bonyeza kitufe kilicho hapa chini ili ulipokee.",
            "Ona jibu",
        ),
        template(
            Lang::Es,
            "reply_waiting_es",
            "es",
            "Tenemos una respuesta para usted; toque el botón de abajo para recibirla.",
            "Ver la respuesta",
        ),
        template(
            Lang::Pt,
            "reply_waiting_pt",
            "pt_PT",
            "Temos uma resposta para si; toque no botão abaixo para a receber.",
            "Ver a resposta",
        ),
    ]
}

/// The templates a clinic has approved, by language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    names: BTreeMap<Lang, String>,
    order: Vec<Lang>,
}

impl Templates {
    /// The configured names, and the clinic's languages in its own order.
    pub const fn new(names: BTreeMap<Lang, String>, order: Vec<Lang>) -> Self {
        Self { names, order }
    }

    /// Those that suit somebody who speaks `wanted`, the best one first: their
    /// language, then the clinic's in its order, then whatever there is.
    pub fn for_somebody(&self, wanted: Option<Lang>) -> Vec<(Lang, &str)> {
        let mut langs: Vec<Lang> = Vec::new();
        let all = wanted.iter().chain(&self.order).chain(self.names.keys());
        for lang in all {
            if !langs.contains(lang) {
                langs.push(*lang);
            }
        }
        langs
            .into_iter()
            .filter_map(|lang| self.names.get(&lang).map(|name| (lang, name.as_str())))
            .collect()
    }
}

/// What the template of this language says, for staff who read the
/// conversation; a clinic may have had another wording approved.
pub fn wording(language: Lang) -> &'static str {
    of(language).map_or("", |template| template.body)
}

/// The provider's code of a template's language, as we hand it in.
pub fn template_code(language: Lang) -> &'static str {
    of(language).map_or(language.code(), |template| template.code)
}

/// Whether a language code of WhatsApp's speaks this language (`pt_BR` speaks
/// Portuguese).
pub fn speaks(code: &str, language: Lang) -> bool {
    language_of_code(code) == Some(language)
}

/// The language that a code of WhatsApp's speaks, if it is one of ours.
pub fn language_of_code(code: &str) -> Option<Lang> {
    code.split(['_', '-']).next()?.parse().ok()
}

/// Which of several templates of one name is sent for a language, the lowest
/// first; none for one that does not speak it. What can be sent comes first,
/// then the code that we hand in.
pub fn template_preference(code: &str, usable: bool, language: Lang) -> Option<u8> {
    let ours = code == template_code(language);
    speaks(code, language).then_some(match (usable, ours) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    })
}

fn of(language: Lang) -> Option<NeutralTemplate> {
    let mut all = neutral_templates().into_iter();
    all.find(|template| template.language == language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::limits::{BUTTON_TITLE_MAX, CHOICE_ID_MAX};

    #[test]
    fn every_language_has_a_template_that_fits_the_provider() {
        let templates = neutral_templates();
        for (template, lang) in templates.into_iter().zip(Lang::ALL) {
            assert_eq!(template.language, lang);
            assert_eq!(template.name, format!("reply_waiting_{lang}"));
            assert!(template.button.encode_utf16().count() <= BUTTON_TITLE_MAX);
            assert!(template.body.chars().count() <= 120, "{lang}");
            assert!(!template.body.contains(['\n', '\t', '{']));
            assert_eq!(template.body.matches('.').count(), 1, "one sentence");
            assert_eq!(wording(lang), template.body);
            assert_eq!(template_code(lang), template.code);
            assert!(template.code.starts_with(lang.code()));
        }
        assert!(REOPEN_ID.len() <= CHOICE_ID_MAX);
        assert!(REOPEN_ID.starts_with(&format!("q:{REOPEN_TOKEN}:")));
    }

    #[test]
    fn no_text_tells_what_it_is_about() {
        let telling = [
            "clinic", "cliniq", "clínic", "kliniki", "health", "santé", "salud", "saúde", "afya",
            "patient", "pacient", "mgonjwa", "doctor", "docteur", "daktari", "médic", "medic",
            "dawa", "hospital", "hôpital", "test", "sick", "malad", "enferm", "doen",
        ];
        for template in neutral_templates() {
            let text = format!("{} {}", template.body, template.button).to_lowercase();
            for word in telling {
                assert!(!text.contains(word), "{}: {word}", template.language);
            }
        }
    }

    #[test]
    fn a_code_with_a_country_speaks_its_language() {
        assert!(speaks("pt_BR", Lang::Pt));
        assert!(speaks("sw", Lang::Sw));
        assert!(!speaks("sv", Lang::Sw));
        let order = [
            ("pt_PT", true),
            ("pt_BR", true),
            ("pt_PT", false),
            ("pt_BR", false),
        ];
        let ranks = order.map(|(code, usable)| template_preference(code, usable, Lang::Pt));
        assert_eq!(ranks, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(template_preference("fr", true, Lang::Pt), None);
    }

    #[test]
    fn the_contacts_language_comes_first_and_the_clinics_next() {
        let names = [(Lang::En, "e"), (Lang::Sw, "s")];
        let names = names.map(|(lang, name)| (lang, name.to_owned()));
        let templates = Templates::new(names.into(), vec![Lang::Fr, Lang::Sw]);
        let first = |wanted| templates.for_somebody(wanted).first().copied();
        assert_eq!(first(Some(Lang::En)), Some((Lang::En, "e")));
        assert_eq!(first(Some(Lang::Pt)), Some((Lang::Sw, "s")));
        assert_eq!(first(None), Some((Lang::Sw, "s")));
        assert_eq!(Templates::default().for_somebody(Some(Lang::En)), []);
    }
}

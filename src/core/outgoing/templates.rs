//! The one template the appliance needs: a neutral request to write again, in
//! every language, ready to be submitted to the provider.
//!
//! It says nothing of anybody: the provider stores and reviews it.

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
        body: &'static str,
        button: &'static str,
    ) -> NeutralTemplate {
        NeutralTemplate {
            name,
            language,
            category: "UTILITY",
            body,
            button,
        }
    }
    [
        template(
            Lang::En,
            "reply_waiting_en",
            "You wrote to the clinic. A reply is waiting for you. Tap the button or write to us to read it.",
            "Read the reply",
        ),
        template(
            Lang::Fr,
            "reply_waiting_fr",
            "Vous avez écrit à la clinique. Une réponse vous attend. Appuyez sur le bouton ou écrivez-nous pour la lire.",
            "Lire la réponse",
        ),
        template(
            Lang::Sw,
            "reply_waiting_sw",
            "Uliandikia kliniki. Jibu linakusubiri. Bonyeza kitufe au tuandikie ili ulisome.",
            "Soma jibu",
        ),
        template(
            Lang::Es,
            "reply_waiting_es",
            "Usted escribió a la clínica. Hay una respuesta para usted. Toque el botón o escríbanos para leerla.",
            "Leer la respuesta",
        ),
        template(
            Lang::Pt,
            "reply_waiting_pt",
            "Você escreveu para a clínica. Há uma resposta à sua espera. Toque no botão ou escreva-nos para a ler.",
            "Ler a resposta",
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
    neutral_templates()
        .into_iter()
        .find(|template| template.language == language)
        .map_or("", |template| template.body)
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
            assert!(template.body.encode_utf16().count() <= 550);
            assert!(!template.body.contains(['\n', '\t', '{']));
            assert_eq!(wording(lang), template.body);
        }
        assert!(REOPEN_ID.len() <= CHOICE_ID_MAX);
        assert!(REOPEN_ID.starts_with(&format!("q:{REOPEN_TOKEN}:")));
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

//! Somebody in between who answers in Meta's place: a captive portal, a proxy,
//! a gateway that gives up. What a stranger answers has reached nobody.

use super::world::{Manner, Reply};
use serde::{Deserialize, Serialize};

const PORTAL_PAGE: &str = "<!doctype html><html><head><title>Welcome</title></head><body>\
<h1>Buy a bundle to go on</h1><form action=\"/login\" method=\"post\"><button>Log in</button>\
</form></body></html>";

/// What a stranger answers, whatever was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stranger {
    /// The HTTP status.
    pub http: u16,
    /// What the body is said to be; nothing is said without it.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Where the one who asks is sent.
    #[serde(default)]
    pub location: Option<String>,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// Whether the body breaks off before its announced end.
    #[serde(default)]
    pub cut: bool,
}

impl Stranger {
    /// A captive portal's page in place of the answer.
    pub fn portal() -> Self {
        Self {
            http: 200,
            content_type: Some("text/html; charset=utf-8".to_owned()),
            location: None,
            body: PORTAL_PAGE.to_owned(),
            cut: false,
        }
    }

    /// A captive portal that sends everybody to its own page.
    pub fn redirect() -> Self {
        Self {
            http: 302,
            location: Some("http://portal.invalid/login".to_owned()),
            body: String::new(),
            ..Self::portal()
        }
    }

    /// The answer.
    pub fn reply(&self) -> Reply {
        let told = [
            ("content-type", &self.content_type),
            ("location", &self.location),
        ];
        let headers = told
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        Reply {
            manner: if self.cut {
                Manner::Cut
            } else {
                Manner::Answer
            },
            http: self.http,
            headers: headers.collect(),
            body: self.body.clone(),
        }
    }
}

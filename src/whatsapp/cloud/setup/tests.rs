//! Every sentence of the set-up, and the fault it belongs to.

use super::judge::*;
use super::judge_templates::templates;
use super::*;
use crate::core::inbound::ProviderError;
use crate::core::time::{DAY_MS, UnixMs};
use crate::ports::LineFault;
use serde_json::json;

const NOW: Now = Now {
    at: UnixMs(1_795_168_800_000),
    trusted: true,
};

fn debug(kind: &str, ends_in_days: Option<i64>, scopes: &[&str]) -> Value {
    let end = ends_in_days.map_or(0, |days| (NOW.at.0 + days * DAY_MS) / 1_000);
    json!({ "data": { "app_id": "7", "type": kind, "is_valid": true, "expires_at": end,
        "scopes": scopes, "granular_scopes": [
            { "scope": "whatsapp_business_management", "target_ids": ["55"] } ] } })
}

const BOTH: [&str; 2] = [
    "whatsapp_business_messaging",
    "whatsapp_business_management",
];

fn verdicts(findings: &[Finding]) -> Vec<Verdict> {
    findings.iter().map(|finding| finding.verdict).collect()
}

#[test]
fn a_token_is_judged_by_kind_life_and_permissions() {
    use Verdict::{Bad, Ok, Warning};
    let cases = [
        (debug("SYSTEM_USER", None, &BOTH), vec![Ok, Ok, Ok, Ok]),
        (debug("SYSTEM_USER", Some(29), &BOTH), vec![Ok, Bad, Ok, Ok]),
        (
            debug("SYSTEM_USER", Some(31), &BOTH),
            vec![Ok, Warning, Ok, Ok],
        ),
        (debug("SYSTEM_USER", Some(-1), &BOTH), vec![Ok, Bad, Ok, Ok]),
        (debug("USER", Some(1), &BOTH), vec![Warning, Bad, Ok, Ok]),
        (debug("PAGE", None, &BOTH), vec![Bad, Ok, Ok, Ok]),
        (
            debug("SYSTEM_USER", None, &BOTH[..1]),
            vec![Ok, Ok, Ok, Bad],
        ),
        (
            debug("SYSTEM_USER", None, &BOTH[1..]),
            vec![Ok, Ok, Bad, Ok],
        ),
        (json!({ "data": { "is_valid": false } }), vec![Bad]),
        (json!({}), vec![Bad]),
    ];
    for (told, expected) in cases {
        let (found, _) = token(&told, NOW);
        assert_eq!(verdicts(&found), expected, "{told}");
    }
    let (_, told) = token(&debug("SYSTEM_USER", None, &BOTH), NOW);
    assert_eq!(
        (told.app.as_str(), told.accounts),
        ("7", vec!["55".to_owned()])
    );
}

#[test]
fn an_end_is_not_judged_by_a_clock_nobody_vouches_for() {
    let now = Now {
        trusted: false,
        ..NOW
    };
    let (found, _) = token(&debug("SYSTEM_USER", Some(-400), &BOTH), now);
    assert_eq!(found[1].verdict, Verdict::Warning);
}

fn refused(code: i64) -> Result<Value, Unanswered> {
    Err(Unanswered::Refused(ProviderError {
        code,
        subcode: None,
    }))
}

#[test]
fn a_number_is_in_service_or_not() {
    let told = |status: &str, quality: &str| {
        Ok(
            json!({ "id": "1", "verified_name": "Kalehe", "display_phone_number": "+243 81",
                   "status": status, "quality_rating": quality }),
        )
    };
    use Verdict::{Bad, NotChecked, Ok as Fine, Warning};
    let cases = [
        (told("CONNECTED", "GREEN"), vec![Fine, Fine]),
        (told("CONNECTED", "UNKNOWN"), vec![Fine]),
        (told("PENDING", "GREEN"), vec![Bad, Fine]),
        (told("CONNECTED", "RED"), vec![Fine, Warning]),
        (refused(100), vec![Bad]),
        (Err(Unanswered::Line(LineFault::Portal)), vec![NotChecked]),
    ];
    for (answer, expected) in cases {
        assert_eq!(verdicts(&number(&answer)), expected, "{answer:?}");
    }
}

#[test]
fn a_blocked_account_is_told_in_metas_words_without_their_control_characters() {
    let told = json!({ "health_status": { "can_send_message": "BLOCKED", "entities": [
        { "entity_type": "PHONE_NUMBER", "id": "1", "can_send_message": "AVAILABLE" },
        { "entity_type": "WABA", "id": "55", "can_send_message": "BLOCKED", "errors": [
            { "error_description": "pay\u{1b}[31m first", "possible_solution": "pay" } ] } ] } });
    let finding = health(&told).unwrap();
    assert_eq!(finding.verdict, Verdict::Bad);
    assert!(
        finding.said.contains("WABA: pay [31m first"),
        "{}",
        finding.said
    );
    assert_eq!(account_of(&told).as_deref(), Some("55"));
    assert_eq!(health(&json!({ "id": "1" })), None);
}

#[test]
fn a_secret_of_another_app_is_no_secret() {
    assert_eq!(secret(&Ok(json!({ "id": "1" }))).verdict, Verdict::Ok);
    assert_eq!(secret(&refused(100)).verdict, Verdict::Bad);
    for code in [2, 4, 190, 368] {
        let finding = secret(&refused(code));
        assert_eq!(finding.verdict, Verdict::NotChecked, "{code}");
    }
    let lost = Err(Unanswered::Line(LineFault::Down));
    assert_eq!(secret(&lost).verdict, Verdict::NotChecked);
    assert_eq!(no_secret().verdict, Verdict::Bad);
}

#[test]
fn the_subscription_is_ours_or_it_is_none() {
    let apps = |id: &str| Ok(json!({ "data": [ { "whatsapp_business_api_data": { "id": id } } ] }));
    assert_eq!(subscription(&apps("7"), "7", false).verdict, Verdict::Ok);
    assert!(
        subscription(&apps("7"), "7", true)
            .said
            .contains("it is now")
    );
    assert_eq!(subscription(&apps("8"), "7", true).verdict, Verdict::Bad);
    assert_eq!(
        subscription(&refused(200), "7", false).verdict,
        Verdict::Bad
    );
}

#[test]
fn webhooks_need_an_address_of_this_box_and_the_field_messages() {
    let app = |url: &str, fields: &[&str]| {
        let fields: Vec<Value> = fields.iter().map(|name| json!({ "name": name })).collect();
        Ok(
            json!({ "data": [ { "object": "whatsapp_business_account", "callback_url": url,
                              "fields": fields } ] }),
        )
    };
    use Verdict::{Bad, Ok as Fine, Warning};
    let ours = "https://c.example/webhooks/whatsapp";
    let all = [
        "messages",
        "message_template_status_update",
        "account_update",
    ];
    let cases = [
        (app(ours, &all), vec![Fine, Fine]),
        (app(ours, &all[..1]), vec![Fine, Fine, Warning, Warning]),
        (app(ours, &all[1..]), vec![Fine, Bad]),
        (app("https://c.example/", &all), vec![Bad, Fine]),
        (Ok(json!({ "data": [] })), vec![Bad]),
    ];
    for (answer, expected) in cases {
        assert_eq!(verdicts(&webhook(&answer)), expected, "{answer:?}");
    }
}

#[test]
fn each_language_needs_an_approved_utility_template() {
    let standing = |status: &str, category: &str, language: &str| {
        Ok(vec![Standing {
            name: "reply_waiting_pt".into(),
            language: language.into(),
            category: category.into(),
            status: status.into(),
            reason: "INCORRECT_CATEGORY".into(),
            can_be_tapped: None,
        }])
    };
    let wanted = BTreeMap::from([("pt".to_owned(), "reply_waiting_pt".to_owned())]);
    let judged = |answer| templates(&wanted, &[Lang::Pt], &answer).remove(0);
    use Verdict::{Bad, Ok as Fine, Warning};
    let cases = [
        (standing("APPROVED", "UTILITY", "pt_PT"), Fine),
        (standing("APPROVED", "UTILITY", "pt_BR"), Fine),
        (standing("APPROVED", "MARKETING", "pt_PT"), Warning),
        (standing("PENDING", "UTILITY", "pt_PT"), Bad),
        (standing("PAUSED", "UTILITY", "pt_PT"), Bad),
        (standing("APPROVED", "UTILITY", "fr"), Bad),
        (Ok(Vec::new()), Bad),
    ];
    for (answer, expected) in cases {
        let shown = format!("{answer:?}");
        assert_eq!(judged(answer).verdict, expected, "{shown}");
    }
    assert!(
        judged(standing("REJECTED", "UTILITY", "pt_PT"))
            .said
            .contains("INCORRECT_CATEGORY")
    );
    let unnamed = templates(&BTreeMap::new(), &[Lang::Pt], &Ok(Vec::new()));
    assert_eq!(verdicts(&unnamed), [Warning]);
}

#[test]
fn a_template_without_a_quick_reply_is_told_of() {
    let wanted = BTreeMap::from([("fr".to_owned(), "clinique".to_owned())]);
    let judged = |status: &str, can_be_tapped| {
        let standing = Standing {
            name: "clinique".into(),
            language: "fr".into(),
            category: "UTILITY".into(),
            status: status.into(),
            reason: String::new(),
            can_be_tapped,
        };
        templates(&wanted, &[Lang::Fr], &Ok(vec![standing])).remove(0)
    };
    for known in [None, Some(true)] {
        assert_eq!(judged("APPROVED", known).verdict, Verdict::Ok);
    }
    let without = judged("APPROVED", Some(false));
    assert_eq!(without.verdict, Verdict::Warning);
    assert!(without.said.contains("nothing to tap"), "{without:?}");
    assert!(!without.how.is_empty());
    let refused = judged("REJECTED", Some(false));
    assert_eq!(refused.verdict, Verdict::Bad, "first things first");
}

#[test]
fn what_is_bad_says_where_to_click() {
    let bad = [
        dead_token(),
        no_secret(),
        number(&refused(100)).remove(0),
        webhook(&Ok(json!({ "data": [] }))).remove(0),
        subscription(&refused(200), "7", false),
    ];
    for finding in &bad {
        assert!(finding.how.contains("facebook.com"), "{finding:?}");
        assert!(!is_sound(std::slice::from_ref(finding)));
    }
}

//! What mail says. Every text names the organization, the thing, the time in UTC, and what to do.

use access_domain::{EventType, OrganizationId, invitation_token};
use keys_core::Peppers;
use serde_json::Value;

/// What a name may take of a line.
const MAX_NAME: usize = 100;

/// A mail without its head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MailText {
    pub(super) subject: String,
    pub(super) body: String,
}

/// Where something happened.
pub(super) struct Place<'a> {
    /// The organization's name for people.
    pub(super) organization: &'a str,
    /// Its id.
    pub(super) organization_id: OrganizationId,
    /// What links begin with.
    pub(super) public_url: &'a str,
}

/// The mail that tells of an event; none where nothing of its kind is told by mail.
pub(super) fn render(
    kind: EventType,
    data: &Value,
    place: &Place<'_>,
    peppers: &Peppers,
) -> Option<MailText> {
    let name = in_one_line(place.organization);
    let (subject, told) = match kind {
        EventType::KeyExpiring => key_expiring(data, place),
        EventType::KeyExpired => key_expired(data, place),
        EventType::WebhookDisabled => webhook_disabled(data, place),
        EventType::MemberInvited => member_invited(data, place, peppers)?,
        EventType::KeyCreated
        | EventType::KeyRotated
        | EventType::KeyRevoked
        | EventType::KeyLimitReached
        | EventType::ExecutionCompleted
        | EventType::ExecutionFailed
        | EventType::WebhookTest => return None,
    };
    let why = if kind == EventType::MemberInvited {
        "If you did not expect this, do nothing: without the link nobody joins in your name.".into()
    } else {
        format!("You get this because you look after keys of \"{name}\" at {}.", place.public_url)
    };
    Some(MailText { subject, body: format!("Hello,\n\n{told}\n\n-- \n{why}\n") })
}

fn key_expiring(data: &Value, place: &Place<'_>) -> (String, String) {
    let (name, key) = (in_one_line(place.organization), key_name(data));
    let days = match data.get("days_left").and_then(Value::as_i64) {
        Some(1) => "in 1 day".to_owned(),
        Some(days) => format!("in {days} days"),
        None => "soon".to_owned(),
    };
    let subject = match and_others(data) {
        others if others.is_empty() => format!("{key} of {name} expires {days}"),
        others => format!("{key}{others} of {name} expire soon"),
    };
    let told = format!(
        "{key} of the organization \"{name}\" expires {days}, at {}. From then on, whoever uses it is \
         refused.\n\n{}\n\n{}{}",
        time(data, "expires_at"),
        known_by(data),
        others(data),
        what_to_do(data, place)
    );
    (subject, told)
}

fn key_expired(data: &Value, place: &Place<'_>) -> (String, String) {
    let (name, key) = (in_one_line(place.organization), key_name(data));
    let subject = match and_others(data) {
        others if others.is_empty() => format!("{key} of {name} has expired"),
        others => format!("{key}{others} of {name} have expired"),
    };
    let told = format!(
        "{key} of the organization \"{name}\" expired at {}. Whoever uses it is refused.\n\n{}\n\n{}{}",
        time(data, "expires_at"),
        known_by(data),
        others(data),
        what_to_do(data, place)
    );
    (subject, told)
}

fn and_others(data: &Value) -> String {
    match data.get("others").and_then(Value::as_array).map_or(0, Vec::len) {
        0 => String::new(),
        1 => " and another key".to_owned(),
        others => format!(" and {others} other keys"),
    }
}

/// Keys that ended, or will, together with this one.
fn others(data: &Value) -> String {
    let Some(others) = data.get("others").and_then(Value::as_array) else { return String::new() };
    let line = |key: &Value| {
        let (name, hint) = (key_name(key), text(key, "hint"));
        format!("  {name}, {hint}, {}\n", time(key, "expires_at"))
    };
    let lines: String = others.iter().map(line).collect();
    format!("The same holds for:\n\n{lines}\n")
}

fn webhook_disabled(data: &Value, place: &Place<'_>) -> (String, String) {
    let name = in_one_line(place.organization);
    let host = text(data, "host");
    let subject = format!("A webhook of {name} was switched off");
    let why = if text(data, "reason") == "gone" {
        "It answered that it is gone for good (410).".to_owned()
    } else {
        format!("Nothing has arrived there since {}.", time(data, "failing_since"))
    };
    let described = match text(data, "description") {
        described if described.is_empty() => String::new(),
        described => format!(" ({described})"),
    };
    let told = format!(
        "The webhook to {host}{described} of the organization \"{name}\" was switched off: nothing \
         more is sent to it. {why}\n\nWhat to do: see what it last answered at\n\n  {0}/deliveries/\n\n\
         mend the receiver, try it out by POST to\n\n  {0}/test/\n\nand switch it on again by PATCH of \
         {{\"is_active\": true}} to\n\n  {0}/\n\nWhat did not arrive can be sent again from its list of \
         deliveries.",
        format_args!(
            "{}/unstract/{}/api/v2/webhooks/{}",
            place.public_url,
            place.organization_id,
            text(data, "webhook_id")
        )
    );
    (subject, told)
}

fn member_invited(data: &Value, place: &Place<'_>, peppers: &Peppers) -> Option<(String, String)> {
    let name = in_one_line(place.organization);
    let id = data.get("invitation_id").and_then(Value::as_str)?.parse().ok()?;
    let token = invitation_token(peppers.current(), id).reveal_once();
    let until = match data.get("expires_at") {
        Some(Value::String(_)) => format!(" It is good until {}.", time(data, "expires_at")),
        _ => String::new(),
    };
    let told = format!(
        "You are invited to join the organization \"{name}\" as {}.\n\nOpen this link to accept, with an \
         account that you have or a new one:\n\n  {}/invitations/#{token}\n\nThe link works once and is \
         meant for you alone: do not pass it on.{until}",
        match text(data, "role").as_str() {
            "admin" => "an administrator",
            _ => "a user",
        },
        place.public_url,
    );
    Some((format!("You are invited to {name}"), told))
}

/// The key as people know it.
fn key_name(data: &Value) -> String {
    let kind = match text(data, "kind").as_str() {
        "platform" => "Platform key",
        "deployment" => "Deployment key",
        _ => "API key",
    };
    match text(data, "name") {
        name if name.is_empty() => kind.to_owned(),
        name => format!("{kind} \"{name}\""),
    }
}

fn known_by(data: &Value) -> String {
    format!("  Id:   {}\n  Hint: {}", text(data, "key_id"), text(data, "hint"))
}

/// How the key is kept, or let go of.
fn what_to_do(data: &Value, place: &Place<'_>) -> String {
    let (base, id) = (place.public_url, text(data, "key_id"));
    let of = format!("{base}/unstract/{}/api/v2", place.organization_id);
    let address = match text(data, "kind").as_str() {
        "platform" => {
            return format!(
                "What to do: if it is still needed, give it a new secret by POST to\n\n  \
                 {of}/platform-keys/{id}/refresh/"
            );
        }
        "deployment" => format!("{of}/api-deployment/{}/keys/{id}", text(data, "deployment_id")),
        _ => format!("{base}/v1/api-keys/{id}"),
    };
    format!(
        "What to do: if it is still needed, give it a new secret by POST to\n\n  {address}/rotate\n\nor \
         another end by PATCH of {{\"expires_at\": \"…\"}} to\n\n  {address}\n\nIf it is not, nothing needs \
         doing."
    )
}

/// A member that is a text, as a part of a line.
fn text(data: &Value, name: &str) -> String {
    data.get(name).and_then(Value::as_str).map(in_one_line).unwrap_or_default()
}

/// What people named, without what could begin a line or a header of its own.
fn in_one_line(text: &str) -> String {
    let plain =
        |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.chars().take(MAX_NAME).map(plain).collect()
}

/// An instant of the wire, as people read it.
fn time(data: &Value, name: &str) -> String {
    match text(data, name).get(..16) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => "an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use keys_core::Pepper;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn rendered(kind: EventType, data: &Value) -> Option<MailText> {
        let peppers = Pepper::new(&[7; 32]).unwrap().into();
        let place = Place {
            organization: "Acme\r\nBcc: everybody@example.com",
            organization_id: Uuid::from_u128(1).into(),
            public_url: "https://keys.example.com",
        };
        render(kind, data, &place, &peppers)
    }

    fn key(kind: &str) -> Value {
        json!({
            "key_id": "0190", "kind": kind, "name": "shop", "deployment_id": "0191", "hint": "kw_…x7Qa",
            "expires_at": "2026-11-29T09:30:00.000Z", "days_left": 7
        })
    }

    #[test]
    fn a_key_that_expires_is_named_with_its_end_and_what_to_do() {
        let mail = rendered(EventType::KeyExpiring, &key("organization")).unwrap();
        assert!(mail.subject.starts_with("API key \"shop\" of Acme"), "{}", mail.subject);
        assert!(mail.subject.ends_with("expires in 7 days"), "{}", mail.subject);
        for said in
            ["2026-11-29 09:30 UTC", "kw_…x7Qa", "https://keys.example.com/v1/api-keys/0190/rotate"]
        {
            assert!(mail.body.contains(said), "{}", mail.body);
        }
        let mail = rendered(EventType::KeyExpired, &key("deployment")).unwrap();
        assert!(mail.subject.ends_with("has expired"), "{}", mail.subject);
        assert!(mail.body.contains("/api-deployment/0191/keys/0190/rotate"), "{}", mail.body);
        let mail = rendered(EventType::KeyExpired, &key("platform")).unwrap();
        assert!(mail.body.contains("/platform-keys/0190/refresh/"), "{}", mail.body);
    }

    #[test]
    fn an_invitation_has_its_link_and_its_link_has_a_token() {
        let invited = json!({"invitation_id": Uuid::from_u128(5).to_string(), "role": "admin"});
        let mail = rendered(EventType::MemberInvited, &invited).unwrap();
        let link = mail.body.split("https://keys.example.com/invitations/#").nth(1).unwrap();
        assert!(link.split_whitespace().next().unwrap().len() > 40, "{}", mail.body);
        assert!(mail.body.contains("as an administrator"), "{}", mail.body);
        assert_eq!(rendered(EventType::MemberInvited, &json!({})), None);
    }

    #[test]
    fn a_webhook_that_was_switched_off_is_told_with_the_reason() {
        let off = json!({
            "webhook_id": "0192", "host": "https://example.com", "description": "shop",
            "reason": "failing", "failing_since": "2026-11-20T01:02:03.000Z"
        });
        let mail = rendered(EventType::WebhookDisabled, &off).unwrap();
        for said in [
            "https://example.com (shop)",
            "since 2026-11-20 01:02 UTC",
            "/webhooks/0192/deliveries/",
        ] {
            assert!(mail.body.contains(said), "{}", mail.body);
        }
    }

    #[test]
    fn names_begin_no_line_and_no_header() {
        let mut data = key("organization");
        data["name"] = "x\r\nSubject: y\n\nz".into();
        let mail = rendered(EventType::KeyExpiring, &data).unwrap();
        assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
        assert!(
            !mail.body.lines().any(|line| line.starts_with("Subject") || line.starts_with("Bcc"))
        );
    }

    #[test]
    fn most_is_not_told_by_mail() {
        assert_eq!(rendered(EventType::KeyCreated, &key("organization")), None);
        assert_eq!(rendered(EventType::WebhookTest, &json!({})), None);
    }
}

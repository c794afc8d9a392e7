//! Proves of a test that nothing which was secret in it was written anywhere: not into the log, not
//! into the database, not into an answer other than the one that showed it.
//!
//! Whoever calls a server tells its canary what they sent and what came back; the canary takes from
//! that what was secret. When the server goes, its canary looks through all that was written.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use keys_core::Form;
use serde_json::Value;
use uuid::Uuid;

/// Members of what is answered that hold a key, where their text has the form of one.
const KEY_MEMBERS: [&str; 3] = ["key", "api_key", "platform_key"];
/// Members of what is sent or answered that hold a password.
const PASSWORD_MEMBERS: [&str; 4] = ["password", "admin_password", "current", "new"];
const CREDENTIAL_HEADERS: [&str; 3] = ["authorization", "api-key", "x-api-key"];
/// What is shorter stands in many a text by chance.
const SHORTEST: usize = 10;
/// Of what is longer the beginning tells enough.
const LONGEST: usize = 64;

static CANARIES: Mutex<BTreeMap<String, Arc<Canary>>> = Mutex::new(BTreeMap::new());
/// What the servers in this process have logged.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What was secret for one server, and what it answered.
#[derive(Default)]
pub struct Canary {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// With where each may be seen.
    secrets: BTreeMap<String, Shown>,
    answers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// A caller sent it, and may have invented it: its parts may be those of a key.
    NotEvenMade,
    /// A caller sent it.
    Never,
    /// In this answer.
    Once(usize),
    /// In any answer.
    Anytime,
}

impl Canary {
    /// The canary of the server or the database at this address.
    pub fn of(address: &str) -> Arc<Self> {
        lock(&CANARIES).entry(address.to_owned()).or_default().clone()
    }

    /// The server at `base` has the database at `url`: they have one canary.
    pub fn share(base: &str, url: &str) {
        let canary = Self::of(url);
        lock(&CANARIES).insert(base.to_owned(), canary);
    }

    /// From here on everything that this process logs is kept; returns how much there is already.
    pub fn listen() -> usize {
        // What tests tell a browser to write is their own affair.
        let lines = tracing_subscriber::fmt()
            .with_env_filter(format!("trace,thirtyfour=off,{}", mcp_server::NOT_LOGGED))
            .with_ansi(false);
        // Another test of this process may have begun it.
        let _ = lines.with_writer(|| LogWriter).try_init();
        lock(&LOG).len()
    }

    /// What was logged since there was so much.
    pub fn logged_since(start: usize) -> Vec<u8> {
        lock(&LOG).get(start..).unwrap_or_default().to_vec()
    }

    /// This was secret from its beginning, and nobody answered it.
    pub fn keep(&self, secret: &str) {
        lock(&self.seen).add(secret, Shown::Never);
    }

    /// Somebody sent this header. A credential is secret even where nobody was given it: it may be a
    /// mistyped one. An id is not, and tests send ids, too.
    pub fn sent_header(&self, name: &str, value: &str) {
        let credential = value.rsplit(' ').next().unwrap_or_default();
        if CREDENTIAL_HEADERS.contains(&name) && Uuid::try_parse(credential).is_err() {
            lock(&self.seen).add(credential, Shown::NotEvenMade);
        }
    }

    /// Somebody sent this body.
    pub fn sent(&self, body: &Value) {
        let mut passwords = Vec::new();
        members(body, &mut |name, text| {
            if PASSWORD_MEMBERS.contains(&name) {
                passwords.push(text.to_owned());
            }
        });
        passwords.iter().for_each(|password| self.keep(password));
    }

    /// This was answered; `cookies` are those that the answer set.
    pub fn answered<'a>(&self, text: &str, cookies: impl Iterator<Item = &'a str>) {
        let mut seen = lock(&self.seen);
        let here = Shown::Once(seen.answers.len());
        let mut written = text.to_owned();
        for cookie in cookies {
            let value = cookie.split(';').next().and_then(|pair| pair.split('=').nth(1));
            seen.add(value.unwrap_or_default(), here);
            let _ = write!(written, "\n{cookie}");
        }
        members(&serde_json::from_str(text).unwrap_or_default(), &mut |name, value| {
            let is_key = KEY_MEMBERS.contains(&name) && Form::of(value).is_some();
            // What accepts an invitation.
            let is_token = name == "token";
            let is_signing = name == "secret" && value.starts_with("whsec_");
            if is_key || is_token || is_signing || PASSWORD_MEMBERS.contains(&name) {
                seen.add(value, here);
            } else if name == "csrf_token" {
                seen.add(value, Shown::Anytime);
            }
        });
        seen.add(&secret_on_page(text).unwrap_or_default(), here);
        seen.answers.push(written);
    }

    /// Looks for every secret in all answers and in what else was `written`.
    ///
    /// # Panics
    /// When one is found where it must not be.
    pub fn check(&self, written: &[(&str, &[u8])]) {
        let leaks = self.leaks(written);
        assert!(leaks.is_empty(), "secrets were written:\n{}", leaks.join("\n"));
    }

    fn leaks(&self, written: &[(&str, &[u8])]) -> Vec<String> {
        let seen = lock(&self.seen);
        let spellings = |(secret, shown): (&String, &Shown)| {
            let all = match shown {
                Shown::NotEvenMade => vec![secret.as_bytes().to_vec()],
                Shown::Never | Shown::Once(_) | Shown::Anytime => spellings(secret),
            };
            all.into_iter().map(|one| (one, *shown)).collect::<Vec<_>>()
        };
        let (needles, shown): (Vec<_>, Vec<_>) = seen.secrets.iter().flat_map(spellings).unzip();
        // What is built fastest: each automaton searches once, and little.
        let kind = Some(AhoCorasickKind::NoncontiguousNFA);
        let automaton = AhoCorasick::builder().kind(kind).build(needles).expect("few secrets");
        let mut leaks = Vec::new();
        let mut look = |name: &str, text: &[u8], answer: Option<usize>| {
            for find in automaton.find_overlapping_iter(text) {
                let may_be_here = match (shown[find.pattern().as_usize()], answer) {
                    (Shown::Anytime, Some(_)) => true,
                    (Shown::Once(one), Some(other)) => one == other,
                    (Shown::Never | Shown::NotEvenMade, _) | (_, None) => false,
                };
                if !may_be_here {
                    let around = find.start().saturating_sub(100)..text.len().min(find.end() + 40);
                    let around = String::from_utf8_lossy(&text[around]).into_owned();
                    leaks.push(format!("in {name}: …{around:?}…"));
                }
            }
        };
        for (name, text) in written {
            look(name, text, None);
        }
        for (number, text) in seen.answers.iter().enumerate() {
            look(&format!("answer {number}"), text.as_bytes(), Some(number));
        }
        leaks
    }
}

impl Seen {
    /// What was known first counts: a key is shown before it is sent.
    fn add(&mut self, secret: &str, shown: Shown) {
        if secret.len() >= SHORTEST {
            self.secrets.entry(secret.chars().take(LONGEST).collect()).or_insert(shown);
        }
    }
}

/// The ways in which a secret may be written: as it is, without its fixed beginning, as the bytes
/// that it stands for, and each of these in base64 or hexadecimal digits.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let mut plain = vec![secret.as_bytes().to_vec()];
    let random = secret.rsplit(['_', '.']).next().unwrap_or_default();
    let random = secret.strip_prefix("unst_").unwrap_or(random);
    if random.len() >= 32 {
        plain.push(random.as_bytes().to_vec());
    }
    if let Ok(uuid) = Uuid::try_parse(random) {
        plain.push(uuid.as_bytes().to_vec());
    } else if let Ok(bytes) = URL_SAFE_NO_PAD.decode(random)
        && bytes.len() == 32
    {
        plain.push(bytes);
    }
    let mut all = plain.clone();
    for bytes in &plain {
        // Without the last digits, which depend on what follows.
        let whole = &bytes[..bytes.len() / 3 * 3];
        all.push(STANDARD_NO_PAD.encode(whole).into_bytes());
        all.push(URL_SAFE_NO_PAD.encode(whole).into_bytes());
        let hex = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        all.push(hex.to_uppercase().into_bytes());
        all.push(hex.into_bytes());
    }
    all.sort();
    all.dedup();
    all
}

/// What a page shows in the panel that is made for secrets.
pub(crate) fn secret_on_page(page: &str) -> Option<String> {
    let panel = page.split(" data-secret").nth(1)?;
    panel.split(" data-text>").nth(1)?.split('<').next().map(str::to_owned)
}

/// Calls `each` with every member that is a text, however deep.
fn members(value: &Value, each: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| match value {
            Value::String(text) => each(name, text),
            Value::Object(_) | Value::Array(_) => members(value, each),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }),
        Value::Array(items) => items.iter().for_each(|item| members(item, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct LogWriter;

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&LOG).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A test that failed elsewhere must not make this one fail.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "unst_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
    const UUID: &str = "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c";

    fn leaks(canary: &Canary, written: &[u8]) -> usize {
        canary.leaks(&[("what was written", written)]).len()
    }

    #[test]
    fn a_planted_secret_is_found_however_it_is_written() {
        let canary = Canary::default();
        let created = json!({"id": "x", "items": [{"api_key": TOKEN}]}).to_string();
        canary.answered(&created, ["session=0123456789abcdef; Path=/"].into_iter());
        canary.answered(&json!({"key": UUID}).to_string(), [].into_iter());
        canary.sent(&json!({"username": "u", "password": "correct horse battery"}));
        canary.sent_header("authorization", "Bearer mistyped-by-hand");
        assert_eq!(leaks(&canary, b"nothing of it"), 0);
        let uuid = Uuid::try_parse(UUID).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&TOKEN[5..]).unwrap();
        let in_base64 = STANDARD_NO_PAD.encode(TOKEN) + "==";
        for planted in [
            &b"0123456789abcdef"[..],
            &TOKEN.as_bytes()[5..],
            in_base64.as_bytes(),
            &bytes,
            STANDARD_NO_PAD.encode(&bytes).as_bytes(),
            uuid.as_bytes(),
            uuid.simple().to_string().to_uppercase().as_bytes(),
            b"correct horse battery",
            b"mistyped-by-hand",
        ] {
            let written = [b"before", planted, b"after"].concat();
            assert!(leaks(&canary, &written) > 0, "{}", String::from_utf8_lossy(planted));
        }
    }

    #[test]
    fn a_secret_is_shown_in_one_answer_only() {
        let canary = Canary::default();
        let created = json!({"key": UUID, "csrf_token": "0123456789"}).to_string();
        canary.answered(&created, [].into_iter());
        canary.answered("{\"csrf_token\": \"0123456789\"}", [].into_iter());
        assert_eq!(leaks(&canary, b""), 0);
        canary.answered(&created, [].into_iter());
        assert_eq!(leaks(&canary, b""), 1);
    }
}

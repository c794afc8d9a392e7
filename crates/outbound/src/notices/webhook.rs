//! Calls a webhook as the Standard Webhooks specification has it, <https://www.standardwebhooks.com>. Of what is
//! answered, the status is all that is kept.

use std::{net::IpAddr, time::Duration};

use access_domain::{
    Answer, ClaimedDelivery, EncryptionKeys, SigningSecrets, WebhookId, WebhookTargets,
};
use keys_core::Timestamp;
use tokio::time::timeout;
use url::{Host, Url};

use super::Sent;
use crate::{HttpCall, HttpClient, HttpStream, NetworkPolicy, OutboundError};

/// What is read of an answer, so that its connection can be used again: no more, and for no longer.
const MAX_ANSWER_BYTES: usize = 16 << 10;
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Who is called, and how it is signed.
pub(super) struct Call<'a> {
    pub(super) webhook: WebhookId,
    pub(super) url: &'a str,
    pub(super) secrets: &'a SigningSecrets,
    pub(super) keys: Option<&'a EncryptionKeys>,
    pub(super) now: Timestamp,
    pub(super) timeout: Duration,
}

/// One attempt.
pub(super) async fn send(http: &HttpClient, call: Call<'_>, delivery: &ClaimedDelivery) -> Sent {
    let event = &delivery.event;
    let body = format!(
        r#"{{"type":"{}","timestamp":"{}","data":{}}}"#,
        event.kind.as_str(),
        event.at.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
        delivery.data
    );
    let whose = (event.organization, call.webhook);
    let signed = call.secrets.sign(call.keys, whose, event.id, &body, call.now);
    let signature = match signed {
        Ok(signature) => signature,
        Err(error) => {
            tracing::error!(delivery = %delivery.id, %error, "a webhook's secret does not open");
            return Sent::not_tried("this server cannot open the webhook's secret");
        }
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", event.id.to_string()),
        ("webhook-timestamp", call.now.timestamp().to_string()),
        ("webhook-signature", signature),
    ];
    let request = HttpCall {
        method: "POST".into(),
        url: call.url.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: body.into_bytes(),
        timeout: call.timeout,
        // The body is let go of where it grows, and is no reason to call again.
        max_response_bytes: usize::MAX,
        max_redirects: 0,
    };
    match http.open(request).await {
        Ok(stream) => {
            let sent = judge(stream.status, &stream.headers);
            let _ = timeout(READ_WITHIN, drain(stream)).await;
            sent
        }
        Err(OutboundError::Forbidden { host }) => {
            Sent::failed(None, format!("{host} is not an address that may be called"))
        }
        Err(error) => Sent::failed(None, error.to_string()),
    }
}

async fn drain(mut stream: HttpStream) {
    let mut read = 0;
    while let Ok(Some(chunk)) = stream.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER_BYTES {
            return;
        }
    }
}

/// What a status means.
fn judge(status: u16, headers: &[(String, String)]) -> Sent {
    let told = |what: &str| Sent::failed(Some(status), format!("answered {status}{what}"));
    match status {
        200..=299 => Sent::accepted(status),
        300..=399 => told(": redirects are not followed"),
        410 => Sent { answer: Answer::Gone, ..told(": it is gone for good") },
        429 | 503 => {
            let after = headers.iter().find(|(name, _)| name == "retry-after");
            let seconds = after.and_then(|(_, seconds)| seconds.trim().parse().ok());
            told("").asking_for(seconds.map(Duration::from_secs))
        }
        _ => told(""),
    }
}

impl WebhookTargets for NetworkPolicy {
    fn check(&self, url: &str) -> Result<(), String> {
        let read = url.parse::<Url>().ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.host_str().is_some_and(|host| !host.is_empty())
        });
        let read = read.ok_or_else(|| OutboundError::InvalidUrl.to_string())?;
        // What names lead to is found out, and judged, whenever they are called.
        let literal = match read.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        match literal {
            Some(address) if !self.permits(address) => Err(format!(
                "{address} is no address of the public Internet, and the operator of this server does not allow it"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        judge(status, &headers.iter().map(own).collect::<Vec<_>>()).answer
    }

    const FAILED: Answer = Answer::Failed { retry_after: None };

    #[test]
    fn a_status_says_whether_it_arrived_and_whether_it_ever_will() {
        for arrived in [200, 202, 204, 299] {
            assert_eq!(answer(arrived, &[]), Answer::Accepted);
        }
        for failed in [199, 301, 302, 400, 401, 404, 429, 500, 503] {
            assert_eq!(answer(failed, &[]), FAILED, "{failed}");
        }
        assert_eq!(answer(410, &[]), Answer::Gone);
        assert_eq!(judge(302, &[]).error.unwrap(), "answered 302: redirects are not followed");
    }

    #[test]
    fn who_is_overloaded_may_say_for_how_long() {
        let asked = |status, value| answer(status, &[("retry-after", value)]);
        let minute = Answer::Failed { retry_after: Some(Duration::from_secs(60)) };
        assert_eq!((asked(503, "60"), asked(429, " 60 ")), (minute, minute));
        assert_eq!(
            (asked(500, "60"), asked(503, "-1"), asked(503, "soon")),
            (FAILED, FAILED, FAILED)
        );
    }

    #[test]
    fn an_address_that_can_never_be_called_is_refused_when_it_is_saved() {
        let policy = NetworkPolicy::guarded(vec!["10.1.0.0/16".parse().unwrap()]);
        for good in [
            "https://example.com/x?y",
            "http://10.1.2.3:8080",
            "http://localhost",
            "https://1.1.1.1",
        ] {
            policy.check(good).unwrap();
        }
        for bad in [
            "",
            "x",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://u@example.com",
            "http://127.0.0.1",
            "http://0x7f.1",
            "http://[::1]:80",
            "http://169.254.169.254/x",
            "http://[::ffff:10.2.0.1]",
        ] {
            policy.check(bad).unwrap_err();
        }
    }
}

//! What is too much, too slow, or something else altogether; and what the key never comes near to.

use std::{error::Error as _, time::Duration};

use client_rust::{Client, Error, Unusable, Uuid};

use crate::scripted::{KEY, Scripted, Step, answer, header, json, problem, whoami};

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

async fn refused(step: Step) -> Error {
    let server = Scripted::start([step]).await;
    let client = server.client().max_response_bytes(10_000).build().unwrap();
    let error = client.whoami().await.unwrap_err();
    told_without_the_key(&error);
    error
}

/// Neither as people read it nor as programs log it.
fn told_without_the_key(error: &Error) {
    let mut told = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        told += &format!("{error} {error:?}");
        source = error.source();
    }
    assert!(!told.contains("not-to-be-seen"), "{told}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let piece = [b"400\r\n".as_slice(), &[b' '; 0x400], b"\r\n"].concat();
    let error = refused(Step::Endless(CHUNKED.into(), piece)).await;
    let Error::Unusable { status: 200, reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, Unusable::TooLarge { max_bytes: 10_000 });
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"kind\"".to_vec();
    let server = Scripted::start([Step::Bytes(half), whoami()]).await;
    server.client().build().unwrap().whoami().await.unwrap();
    assert_eq!(server.asked().len(), 2, "it was read again");
}

#[tokio::test]
async fn a_slow_answer_is_given_up_and_asked_for_again() {
    let drip = Step::Bytes(CHUNKED.into());
    let server = Scripted::start([Step::Silence, drip, whoami()]).await;
    let client = server.client().timeout(Duration::from_millis(200)).build().unwrap();
    client.whoami().await.unwrap();
    let silent = Scripted::answering(|_| Step::Silence).await;
    let client = silent.client().timeout(Duration::from_millis(20)).build().unwrap();
    let error = client.whoami().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert_eq!(silent.asked().len(), 4);
}

#[tokio::test]
async fn an_answer_of_something_else_is_told_as_such() {
    let page = answer(200, "content-type: text/html\r\nx-request-id: r-2\r\n", "<html>");
    let error = refused(page).await;
    assert_eq!(error.request_id(), Some("r-2"));
    assert!(matches!(error, Error::Unusable { reason: Unusable::NotJson, .. }), "{error:?}");
    // What is wrong in it is not told: it might be a secret.
    let error = refused(json(200, "", &format!(r#"{{"kind":7,"scopes":"{KEY}"}}"#))).await;
    let wanted = Unusable::Shape { wanted: "WhoamiView" };
    assert!(matches!(&error, Error::Unusable { reason, .. } if *reason == wanted), "{error:?}");
    let error = refused(answer(500, "", "oops")).await;
    assert!(matches!(error, Error::Unusable { status: 500, reason: Unusable::NoProblem, .. }));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_goes_nowhere_else() {
    let other = Scripted::start([whoami()]).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("location: {}/v1/whoami\r\n", other.base);
        let error = refused(answer(status, &to, "")).await;
        assert!(matches!(error, Error::Unusable { reason: Unusable::Redirect, .. }), "{error:?}");
    }
    assert_eq!(other.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_list_that_goes_round_ends() {
    for places in 1..=5 {
        let server = Scripted::answering(move |request| {
            let place = request.split(['=', ' ']).nth(2).and_then(|place| place.parse().ok());
            let next = place.map_or(0, |place: usize| (place + 1) % places);
            json(200, "", &format!(r#"{{"items":[],"next_cursor":"{next}"}}"#))
        })
        .await;
        let keys = server.client().build().unwrap().api_keys();
        let error = keys.list().all().await.unwrap_err();
        assert!(matches!(error, Error::Unusable { reason: Unusable::Circle, .. }), "{error:?}");
        assert!(server.asked().len() <= 4 * places + 1, "{places}");
    }
}

#[tokio::test]
async fn the_servers_path_and_the_callers_request_id_are_kept() {
    let server = Scripted::start([whoami()]).await;
    let client = Client::builder(format!("{}/keys/", server.base)).key(KEY).build().unwrap();
    client.with_request_id("mine-7").unwrap().whoami().await.unwrap();
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /keys/v1/whoami "), "{asked:?}");
    assert_eq!(header(&asked[0], "x-request-id"), Some("mine-7"));
    for id in ["", "two words", "line\nbreak", &"x".repeat(129)] {
        assert!(client.with_request_id(id).is_err(), "{id:?}");
    }
}

#[tokio::test]
async fn a_name_leads_to_no_other_address() {
    let server = Scripted::start([problem(404, "not_found", "")]).await;
    let client = server.client().build().unwrap();
    let _ = client.organization("../../v1").deployments().get(Uuid::nil()).await;
    let asked = server.asked();
    assert!(asked[0].starts_with("GET /unstract/..%2F..%2Fv1/api/v2/api-deployment/"), "{asked:?}");
    let error = client.organization("..").deployments().get(Uuid::nil()).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
}

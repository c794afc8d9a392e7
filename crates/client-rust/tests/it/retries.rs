//! What is sent again, and under which name.

use std::time::{Duration, Instant};

use client_rust::{
    Call, Code, Error, Retry, Uuid,
    api_types::{CreateApiKey, ErrorCode, RotateKey},
};

use crate::scripted::{Clock, KEY, Scripted, Step, answer, header, json, problem, whoami};

const STARTED: &str = r#"{"execution_id":"0193b1a0-0000-7000-8000-000000000000","status":"PENDING","status_api":"","result_api":""}"#;

#[tokio::test]
async fn a_read_is_sent_again_until_the_server_is_there() {
    let steps = [
        problem(503, "unavailable", "retry-after: 0\r\n"),
        Step::Cut,
        answer(502, "content-type: text/html\r\n", "<html>bad gateway"),
        whoami(),
    ];
    let server = Scripted::start(steps).await;
    let who = server.client().build().unwrap().whoami().await.unwrap();
    assert_eq!((who.kind.as_str(), who.organization.slug.as_str()), ("organization_key", "acme"));
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    for request in asked {
        assert!(request.starts_with("GET /v1/whoami HTTP/1.1"), "{request}");
        assert_eq!(header(&request, "authorization").unwrap(), format!("Bearer {KEY}"));
        let agent = header(&request, "user-agent").unwrap();
        assert!(agent.starts_with("test/1 keywright-client-rust/"), "{agent}");
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_failure_is_told() {
    let server = Scripted::start([]).await;
    let error = server.client().build().unwrap().whoami().await.unwrap_err();
    assert!(matches!(&error, Error::Transport(lost) if lost.is_sent()), "{error:?}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_told_and_not_waited_for() {
    let server = Scripted::start([problem(429, "rate_limited", "retry-after: 3600\r\n")]).await;
    let start = Instant::now();
    let error = server.client().build().unwrap().whoami().await.unwrap_err();
    assert!(error.is(ErrorCode::RateLimited), "{error:?}");
    let problem = error.problem().unwrap();
    assert_eq!(problem.retry_after, Some(Duration::from_secs(3600)));
    assert_eq!((problem.status, error.request_id()), (429, Some("r-1")));
    assert!(start.elapsed() < Duration::from_secs(30), "it was not waited for");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_retry_after_is_waited_for_in_full() {
    let limited = problem(429, "rate_limited", "retry-after: 1\r\n");
    let server = Scripted::start([limited, whoami()]).await;
    let client = server.client().build().unwrap();
    let clock = Clock::stop();
    let who = tokio::spawn(async move { client.whoami().await.map(drop) });
    let waited = clock.turn_until(|| who.is_finished()).await;
    who.await.unwrap().unwrap();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
}

#[tokio::test]
async fn what_makes_something_is_sent_again_under_the_same_name() {
    let under_way = || problem(409, "idempotency_in_progress", "");
    let server = Scripted::start([Step::Cut, under_way(), problem(422, "invalid_value", "")]).await;
    let client = server.client().build().unwrap();
    let made = client.api_keys().create(&CreateApiKey::new("k")).await;
    let error = made.map(drop).unwrap_err();
    assert!(error.is(ErrorCode::InvalidValue), "{error:?}");
    assert_eq!(error.problem().unwrap().faults[0].pointer.as_deref(), Some("/name"));
    let asked = server.asked();
    let names: Vec<_> = asked.iter().map(|request| header(request, "idempotency-key")).collect();
    assert_eq!((names.len(), names[0].map(str::len)), (3, Some(36)));
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    assert!(asked.iter().all(|request| request.ends_with(&asked[0][asked[0].len() - 20..])));
}

#[tokio::test]
async fn each_call_has_a_name_of_its_own_or_the_callers() {
    let accepted = || json(202, "", STARTED);
    let server = Scripted::start([accepted(), accepted(), Step::Cut, accepted()]).await;
    let deployment = server.client().build().unwrap().deployment(Uuid::nil());
    let call = Call::new(1);
    deployment.start(&call).await.unwrap();
    deployment.start(&call).await.unwrap();
    deployment.start(&call.idempotency_key("order-7")).await.unwrap();
    let asked = server.asked();
    let names: Vec<_> = asked.iter().map(|request| header(request, "idempotency-key")).collect();
    assert_ne!(names[0], names[1]);
    assert_eq!(names[2..], [Some("order-7"); 2]);
}

#[tokio::test]
async fn what_would_do_something_twice_is_not_sent_again() {
    for step in [Step::Cut, problem(503, "unavailable", "retry-after: 0\r\n")] {
        let server = Scripted::start([step]).await;
        let keys = server.client().build().unwrap().api_keys();
        let rotated = keys.rotate(Uuid::nil(), &RotateKey::default()).await;
        assert!(rotated.is_err());
        assert_eq!(server.asked().len(), 1);
    }
    // A 429 says that it was not done.
    let refusals =
        [problem(429, "rate_limited", "retry-after: 0\r\n"), problem(404, "not_found", "")];
    let server = Scripted::start(refusals).await;
    let keys = server.client().build().unwrap().api_keys();
    let error = keys.rotate(Uuid::nil(), &RotateKey::default()).await.map(drop).unwrap_err();
    assert!(error.is(ErrorCode::NotFound), "{error:?}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn what_this_call_may_have_deleted_is_deleted() {
    let server = Scripted::start([Step::Cut, problem(404, "not_found", "")]).await;
    let keys = server.client().build().unwrap().api_keys();
    keys.delete(Uuid::nil()).await.unwrap();
    let server = Scripted::start([problem(404, "not_found", "")]).await;
    let keys = server.client().build().unwrap().api_keys();
    assert!(keys.delete(Uuid::nil()).await.unwrap_err().is(ErrorCode::NotFound));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_asked_more_than_once_and_then_told_of() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let second = Duration::from_secs(1);
    let retry = Retry { first_pause: second, longest_pause: second, ..Retry::default() };
    let client = client_rust::Client::builder(gone).key(KEY).retry(retry).build().unwrap();
    let clock = Clock::stop();
    // Nothing of it arrives, and so even this is tried again.
    let rotated = tokio::spawn(async move {
        client.api_keys().rotate(Uuid::nil(), &RotateKey::default()).await.map(drop)
    });
    let waited = clock.turn_until(|| rotated.is_finished()).await;
    let error = rotated.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Transport(lost) if !lost.is_sent()), "{error:?}");
    // Nobody is there to count: three pauses of half a second at least are four attempts.
    assert!(waited >= second * 3 / 2, "{waited:?}");
}

#[tokio::test]
async fn a_code_of_a_newer_server_is_kept_as_it_is() {
    let server = Scripted::start([problem(418, "teapot", "")]).await;
    let error = server.client().build().unwrap().whoami().await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, Code::Other("teapot".into()));
    assert_eq!(error.to_string(), "teapot (418): so it is");
}

#[tokio::test]
async fn a_run_that_cannot_be_seen_any_more_tells_its_id() {
    let cause = unfinished(Step::Cut).await;
    assert!(matches!(cause, Error::Transport(_)), "{cause:?}");
    // These would be taken for a refusal of the start, which may be made again.
    for (status, code) in [
        (503, ErrorCode::Unavailable),
        (429, ErrorCode::RateLimited),
        (401, ErrorCode::KeyExpired),
        (500, ErrorCode::Internal),
        (404, ErrorCode::NotFound),
    ] {
        let cause = unfinished(problem(status, code.as_str(), "")).await;
        assert!(cause.is(code), "{cause:?}");
    }
}

/// What became of a run that began, and of which the server then says this; without the id it would be lost.
async fn unfinished(then: Step) -> Error {
    let server = Scripted::start([json(202, "", STARTED), then]).await;
    let deployment = server.client().retry(Retry::NEVER).build().unwrap().deployment(Uuid::nil());
    let error = deployment.run(&Call::new(1), Duration::MAX).await.unwrap_err();
    let Error::Unfinished { execution_id, cause: Some(cause) } = error else { panic!("{error:?}") };
    assert_eq!(execution_id.to_string(), "0193b1a0-0000-7000-8000-000000000000");
    *cause
}

#[tokio::test]
async fn what_is_said_of_the_execution_itself_is_no_riddle() {
    for (status, code) in [
        (422, ErrorCode::ExecutionFailed),
        (409, ErrorCode::ExecutionStopped),
        (410, ErrorCode::ResultExpired),
        (404, ErrorCode::NotFound),
    ] {
        let server = Scripted::start([problem(status, code.as_str(), "")]).await;
        let deployment = server.client().build().unwrap().deployment(Uuid::nil());
        let error = deployment.wait(Uuid::nil(), Duration::MAX).await.unwrap_err();
        assert!(error.is(code), "{error:?}");
    }
}

//! Against a server on this machine that answers as it is told.

use std::sync::Arc;

use access_domain::{Message, MessageRole};
use keys_core::OsEntropy;
use tokio::time::Instant;

use super::*;
use crate::server::{Reply, TestServer, text};

const SHORT: Duration = Duration::from_millis(200);
const ANSWER: &str = r#"{"choices": [{"message": {"content": "42"}}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}"#;

fn model(server: &TestServer) -> ChatModel {
    let config = ChatModelConfig {
        base_url: server.url("/v1/"),
        api_key: Some(Zeroizing::new("sk-s3cret".into())),
        upstream_model: "up".into(),
        price: ModelPrice { prompt_micros: 2_500_000, completion_micros: 10_000_000 },
        timeout: Duration::from_secs(10),
        retries: 2,
        max_concurrent: 1,
    };
    ChatModel::new(config, Arc::new(OsEntropy::open().unwrap()))
}

fn question() -> Question {
    let messages = vec![Message { role: MessageRole::User, content: "What is it?".into() }];
    Question { messages, ..Question::default() }
}

async fn ask(replies: Vec<Reply>, question: Question) -> (Result<Completion, ModelFailure>, usize) {
    let server = TestServer::start(replies).await;
    let answered = model(&server).complete(&question).wait().await;
    (answered, server.heard().len())
}

fn json(body: &str) -> Reply {
    text("200 OK", "content-type: application/json\r\n", body)
}

/// Again at once, so that a test does not wait.
fn busy(status: &str) -> Reply {
    text(status, "retry-after: 0\r\n", r#"{"error": {"code": "busy", "message": "sk-s3cret"}}"#)
}

#[tokio::test]
async fn a_question_is_answered_and_counted() {
    let server = TestServer::start(vec![json(ANSWER)]).await;
    let completion = model(&server).complete(&question()).wait().await.unwrap();
    assert_eq!(completion.output, "42");
    assert_eq!(completion.usage.prompt_tokens, 1000);
    assert_eq!(completion.usage.completion_tokens, 100);
    assert_eq!(completion.usage.cost_micros, 3500);
    let heard = server.heard().concat();
    assert!(heard.starts_with("post /v1/chat/completions http/1.1\r\n"), "{heard}");
    assert!(heard.contains("authorization: bearer sk-s3cret\r\n"), "{heard}");
    assert!(heard.contains(r#""model":"up""#), "{heard}");
}

#[tokio::test]
async fn a_server_that_does_not_count_is_counted_for() {
    let reply = json(r#"{"choices": [{"message": {"content": "eight by"}}]}"#);
    let completion = ask(vec![reply], question()).await.0.unwrap();
    assert_eq!((completion.usage.prompt_tokens, completion.usage.completion_tokens), (3, 2));
}

#[tokio::test]
async fn who_is_busy_or_away_is_asked_again() {
    let busy = vec![busy("429 Too Many Requests"), busy("503 Service Unavailable"), json(ANSWER)];
    let (answered, asked) = ask(busy.clone(), question()).await;
    assert_eq!((answered.unwrap().output.as_str(), asked), ("42", 3));
    let once = Question { retries: Some(1), ..question() };
    let (answered, asked) = ask(busy, once).await;
    assert_eq!((answered.unwrap_err().kind, asked), (ModelFailureKind::Unusable, 2));
}

#[tokio::test]
async fn an_answer_that_would_come_too_late_is_not_waited_for() {
    let later = text("429 Too Many Requests", "retry-after: 3600\r\n", "{}");
    let (begun, (answered, asked)) = (Instant::now(), ask(vec![later], question()).await);
    assert_eq!((answered.unwrap_err().kind, asked), (ModelFailureKind::Overloaded, 1));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let hasty = Question { timeout: Some(SHORT), ..question() };
    let (answered, _) = ask(vec![Reply::Silent(String::new())], hasty).await;
    assert_eq!(answered.unwrap_err().kind, ModelFailureKind::TimedOut);
}

#[tokio::test]
async fn only_so_many_questions_are_open_at_once() {
    let server = TestServer::start(vec![Reply::Silent(String::new())]).await;
    let (model, hasty) = (model(&server), Question { timeout: Some(SHORT), ..question() });
    let (first, second) =
        tokio::join!(model.complete(&hasty).wait(), model.complete(&hasty).wait());
    assert_eq!(first.unwrap_err().kind, ModelFailureKind::TimedOut);
    assert_eq!(second.unwrap_err().kind, ModelFailureKind::Overloaded);
    let again = model.complete(&hasty).wait().await;
    assert_eq!(again.unwrap_err().kind, ModelFailureKind::TimedOut);
}

#[tokio::test]
async fn what_no_repetition_mends_is_asked_once_and_told_without_the_servers_words() {
    for (status, kind) in [
        ("400 Bad Request", ModelFailureKind::Refused),
        ("401 Unauthorized", ModelFailureKind::Unusable),
        ("404 Not Found", ModelFailureKind::Unusable),
        ("302 Found", ModelFailureKind::Unusable),
    ] {
        let (answered, asked) = ask(vec![busy(status)], question()).await;
        let failure = answered.unwrap_err();
        assert_eq!((failure.kind, asked), (kind, 1), "{status}");
        let told = format!("{failure} {}", failure.source);
        assert!(!told.contains("s3cret"), "{told}");
        assert!(told.contains("(busy)"), "{told}");
    }
    let (answered, asked) = ask(vec![json("[]")], question()).await;
    assert_eq!((answered.unwrap_err().kind, asked), (ModelFailureKind::Unusable, 1));
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let metadata = "location: http://169.254.169.254/latest/meta-data/\r\n";
    let (answered, asked) =
        ask(vec![text("307 Temporary Redirect", metadata, "")], question()).await;
    assert_eq!((answered.unwrap_err().kind, asked), (ModelFailureKind::Unusable, 1));
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let endless =
        Reply::Endless("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".into());
    let (answered, asked) = ask(vec![endless], question()).await;
    let failure = answered.unwrap_err();
    assert_eq!((failure.kind, asked), (ModelFailureKind::Unusable, 1));
    assert!(failure.source.to_string().ends_with("more than 16777216 bytes"), "{}", failure.source);
}

#[test]
fn pauses_grow_and_are_never_the_same_for_everybody() {
    let entropy = OsEntropy::open().unwrap();
    for (attempt, longest_ms) in [(0, 500), (1, 1000), (2, 2000), (7, 60_000), (40, 60_000)] {
        let pause = pause(attempt, None, &entropy).as_millis();
        assert!((longest_ms / 2..=longest_ms).contains(&pause), "{attempt}: {pause}");
    }
    assert_eq!(pause(3, Some(Duration::from_secs(7)), &entropy), Duration::from_secs(7));
}

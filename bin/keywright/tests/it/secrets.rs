//! What is shown once stays out of everything that the process writes.

use serde_json::json;
use test_support::{app::Caller, databases::Database};

use crate::process::Settings;

#[actix_web::test]
async fn no_secret_reaches_a_log_line_or_the_database_file() {
    let database = Database::sqlite();
    let settings = Settings::over(&database).with("LOG__LEVEL", "trace");
    let (platform_key, password) = settings.given_organization("acme");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let server = settings.serve(&[]);
    let admin = Caller::new(&server.base).log_in("acme", &password).await;
    let workflow =
        json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "api"});
    let deployed =
        platform.post("/unstract/acme/api/v2/api-deployment/", deployment).await.created();
    let key = text(&deployed["api_key"]);
    let caller = Caller::new(&server.base).bearer(&key);
    let input = "an input that is nobody else's business";
    caller.post(&format!("/deployment/{key}/execute?wait=20"), json!({"said": input})).await.ok();
    for path in [
        format!("/deployment/{key}"),
        format!("//deployment/{key}/execute"),
        format!("/deployment//{key}/execute"),
        format!("/deployment/%75nst_{}/status/x", &key[5..]),
        format!("/v1/whoami?key={key}"),
        format!("/unstract/{key}/api/v2/workflow/"),
    ] {
        caller.get(&path).await;
        Caller::new(&server.base).get(&path).await;
    }
    let wrong = key.replace("unst_", "unst_x");
    Caller::new(&server.base)
        .bearer(&wrong)
        .get("/v1/whoami")
        .await
        .refused(401, "invalid_credential");
    let refreshed = admin.get("/unstract/acme/api/v2/platform-keys/").await.ok();
    let refresh = format!(
        "/unstract/acme/api/v2/platform-keys/{}/refresh/",
        text(&refreshed["items"][0]["id"])
    );
    let new_platform_key = text(&admin.post_nothing(&refresh).await.ok()["key"]);
    let lines = server.terminate_and_read();
    assert!(lines.iter().any(|line| line.contains("answered")), "{lines:#?}");
    let path = database.url().strip_prefix("sqlite://").expect("a file");
    let file = String::from_utf8_lossy(&std::fs::read(path).expect("the database")).into_owned();
    for secret in
        [&password, &platform_key, &new_platform_key, &key, &key["unst_".len()..].to_owned()]
    {
        let line = lines.iter().find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "a secret in a log line: {line:?}");
        assert!(!file.contains(secret.as_str()), "a secret in the database");
    }
    assert!(!lines.iter().any(|line| line.contains(input)), "an input in a log line");
}

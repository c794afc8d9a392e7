//! People who come into `acme` as everybody does: by an invitation that they accept.

use reqwest::Client;
use serde_json::{Value, json};

use super::{Caller, PASSWORD, TestApp};
use crate::answer::Answer;

impl TestApp {
    /// A new user of this name and role in `acme`, logged in.
    pub async fn given_member(&self, username: &str, role: &str) -> Caller {
        let token = self.given_invitation(username, role).await;
        self.stranger().accept(&token, username, PASSWORD).await.1
    }

    /// The token of an invitation into `acme` for `<username>@acme.example`.
    pub async fn given_invitation(&self, username: &str, role: &str) -> String {
        let invitation = json!({"email": format!("{username}@acme.example"), "role": role});
        let members = "/unstract/acme/api/v2/members/";
        let invited = self.admin().await.post(members, invitation).await.created();
        invited["token"].as_str().expect("a token").to_owned()
    }

    /// Somebody of role `user` in `acme`, logged in.
    pub async fn user(&self) -> Caller {
        self.given_member("acme-user", "user").await
    }
}

impl Caller {
    /// A person with a session.
    pub async fn log_in(&self, username: &str, password: &str) -> Self {
        let body = json!({"username": username, "password": password});
        let (answer, caller) = self.begin("/v1/session", body).await;
        answer.ok();
        caller
    }

    /// Whoever accepts an invitation by name and password, with the session that this begins.
    pub async fn accept(&self, token: &str, username: &str, password: &str) -> (Answer, Self) {
        let body = json!({"token": token, "username": username, "password": password});
        self.begin("/v1/invitations/accept", body).await
    }

    /// The id of the person who has this session.
    pub async fn user_id(&self) -> String {
        let session = self.get("/v1/session").await.ok();
        session["user"]["id"].as_str().expect("an id").to_owned()
    }

    async fn begin(&self, path: &str, body: Value) -> (Answer, Self) {
        let client = Client::builder().cookie_store(true).build().expect("a client");
        let caller = Self { client, headers: Vec::new(), ..self.clone() };
        let answer = caller.post(path, body).await;
        let csrf_token = answer.json()["csrf_token"].as_str().unwrap_or_default().to_owned();
        (answer, caller.header("x-csrf-token", csrf_token))
    }
}

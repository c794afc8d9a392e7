//! Pages, as a browser without a script asks for them.

use reqwest::Method;

use super::Caller;
use crate::answer::Answer;

impl Caller {
    /// The page at `path`, or where that leads.
    pub async fn look(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("accept", "text/html");
        self.told(Answer::of(request.send().await.expect("an answer")).await)
    }

    /// What comes of sending a form with these fields and the session's own token: the page that it leads to.
    pub async fn fill_in(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.headers.iter().find(|(name, _)| *name == "x-csrf-token");
        let token = token.map_or("", |(_, token)| token);
        self.fill_in_with(path, token, fields).await
    }

    /// The same, with another token.
    pub async fn fill_in_with(
        &self,
        path: &str,
        csrf_token: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let fields = fields.iter().copied().chain([("csrf", csrf_token)]);
        let body: Vec<(&str, &str)> = fields.collect();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(body).finish();
        let request = self.request(Method::POST, path).header("accept", "text/html");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(body).send().await.expect("an answer");
        self.told(Answer::of(answer).await)
    }
}

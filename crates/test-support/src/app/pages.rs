//! Pages, as a browser without a script asks for them.

use reqwest::Method;

use super::Caller;
use crate::{answer::Answer, canary::secret_on_page};

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

impl Answer {
    /// The secret that the page shows this once.
    #[track_caller]
    pub fn secret(&self) -> String {
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        secret_on_page(&self.text).unwrap_or_else(|| panic!("no secret: {self:?}"))
    }

    /// The page, which must be one with this status.
    #[track_caller]
    pub fn shown(&self, status: u16) -> &str {
        let is_page = self.header("content-type").starts_with("text/html");
        assert!(self.status == status && is_page, "{status} was expected: {self:?}");
        &self.text
    }

    /// The page of a form that was refused, with a fault beside the field `name` and `typed` in it.
    #[track_caller]
    pub fn faulty(&self, status: u16, name: &str, typed: &str) {
        let page = self.shown(status);
        let fault = format!("-{name}-fault\">");
        assert!(page.contains(&fault), "no fault beside {name}: {page}");
        assert!(page.contains(&format!("value=\"{typed}\"")), "{typed} is not kept: {page}");
    }

    /// What stands in the code blocks and beside the copy buttons of the page.
    pub fn copyable(&self) -> Vec<String> {
        let plain = |text: &str| {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            text.replace("&amp;", "&")
        };
        let texts = self.text.split(" data-text>").skip(1);
        texts.filter_map(|text| text.split("</code>").next()).map(plain).collect()
    }
}

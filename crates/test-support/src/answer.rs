//! What a server answered, and what a test expects of it.

use reqwest::{
    Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        Self::try_of(response).await.expect("a body")
    }

    pub(crate) async fn try_of(response: Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    /// An answer as it came over the wire, unchunked.
    pub(crate) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a header's name"),
                HeaderValue::from_str(value).expect("a header's value"),
            );
        }
        Self { status: status.parse().expect("a number"), headers, text: body.into() }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A header as text, empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }

    /// The body of a 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        self.expect(200)
    }

    /// The body of a 201.
    #[track_caller]
    pub fn created(&self) -> Value {
        self.expect(201)
    }

    /// The body of a 202.
    #[track_caller]
    pub fn accepted(&self) -> Value {
        self.expect(202)
    }

    /// A 204.
    #[track_caller]
    pub fn no_content(&self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""));
    }

    /// The problem document of a refusal, which must be a well-formed one.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("/docs/errors#{code}"), "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        assert!(problem["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{problem}");
        assert!(problem.get("message").is_none(), "clients take `message` for a result: {problem}");
        assert_eq!(status == 401, self.headers.contains_key("www-authenticate"), "{problem}");
        problem
    }

    /// A refusal of the body: the places and codes of its faults.
    #[track_caller]
    pub fn faults(&self, code: &str) -> Vec<(String, String)> {
        let problem = self.refused(422, code);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = problem["errors"].as_array().expect("errors");
        errors.iter().map(|error| (text(&error["attr"]), text(&error["code"]))).collect()
    }

    /// The body without the one member that differs between equal answers.
    pub fn without_request_id(&self) -> Value {
        let mut body = self.json();
        if let Some(members) = body.as_object_mut() {
            members.remove("request_id");
        }
        body
    }

    #[track_caller]
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }
}

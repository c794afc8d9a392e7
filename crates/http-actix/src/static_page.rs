//! A page that is the same for everybody, with its style and its script in it, and under a policy that lets nothing else in.

use actix_web::{HttpResponse, http::header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// A page and its policy.
pub(crate) struct StaticPage {
    html: String,
    policy: String,
}

impl StaticPage {
    /// `html` has the places `/*style*/` and `/*script*/`: with both in it, the page is right under whatever address a proxy
    /// gives it.
    pub(crate) fn new(html: &str, style: &str, script: &str) -> Self {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        // Exactly this style and this script, and requests to this server: whatever else may have come into the page does
        // nothing.
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(style),
            hash(script)
        );
        Self { html: html.replace("/*style*/", style).replace("/*script*/", script), policy }
    }

    /// The page as an answer.
    pub(crate) fn answer(&self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((header::CONTENT_SECURITY_POLICY, self.policy.as_str()))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .content_type("text/html; charset=utf-8")
            .body(self.html.clone())
    }
}

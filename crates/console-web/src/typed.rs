//! What a browser sends: the fields of a form, and the query of an address. Read within bounds, and kept as it was typed until a
//! use case has looked at it.

use std::time::Duration;

use access_domain::{PageRequest, SearchText};
use actix_web::{
    FromRequest as _, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, rt::time, web,
};
use api_types::{ErrorCode, ProblemError};
use auth_actix::{ApiError, count_problem};
use url::form_urlencoded;

use crate::parts::Filled;

/// A definition of the largest size, as a form writes it.
pub(crate) const LARGE_BYTES: usize = 4 * 1024 * 1024;
/// A form of somebody whose session may just have ended: read so that what they typed is handed back.
pub(crate) const KEPT_BYTES: usize = 256 * 1024;
/// A form of somebody who is a stranger still.
pub(crate) const SMALL_BYTES: usize = 8 * 1024;
/// Items of a list that are shown at once.
const PAGE: u32 = 50;
const MAX_FIELDS: usize = 1000;
const DEADLINE: Duration = Duration::from_secs(30);
const FORM: &str = "application/x-www-form-urlencoded";

/// Names and values in the order in which they came.
#[derive(Clone, Default)]
pub(crate) struct Typed(Vec<(String, String)>);

impl Typed {
    /// The form that `request` carries.
    ///
    /// # Errors
    /// When it is none, larger than `limit`, or too slow.
    pub(crate) async fn read(
        request: &HttpRequest,
        payload: &mut Payload,
        limit: usize,
    ) -> Result<Self, ApiError> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case(FORM) {
            let detail = format!("send the form as {FORM}");
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
        }
        let payload = web::Payload::from_request(request, payload).await;
        let payload = payload.map_err(|error| ApiError::internal(error.to_string()))?;
        let body = match time::timeout(DEADLINE, payload.to_bytes_limited(limit)).await {
            Ok(Ok(body)) => body.map_err(|_| {
                ApiError::new(ErrorCode::InvalidParameter, "the form cannot be read")
            })?,
            Ok(Err(_)) => {
                let detail = "what was typed is more than the server takes";
                return Err(ApiError::new(ErrorCode::BodyTooLarge, detail));
            }
            Err(_) => {
                let detail = "the form took too long to arrive; send it again";
                return Err(ApiError::new(ErrorCode::RequestTimeout, detail));
            }
        };
        Self::parse(&body)
    }

    /// What stands behind the question mark of the address.
    pub(crate) fn query(request: &HttpRequest) -> Self {
        Self::parse(request.query_string().as_bytes()).unwrap_or_default()
    }

    fn parse(text: &[u8]) -> Result<Self, ApiError> {
        let mut pairs = form_urlencoded::parse(text).into_owned();
        let fields: Vec<_> = pairs.by_ref().take(MAX_FIELDS).collect();
        if pairs.next().is_some() {
            return Err(ApiError::new(ErrorCode::InvalidParameter, "the form has too many fields"));
        }
        // Browsers send the line breaks of text areas as CR LF.
        let one_form = |(name, value): (String, String)| (name, value.replace("\r\n", "\n"));
        Ok(Self(fields.into_iter().map(one_form).collect()))
    }

    /// The first value of `name`, blanks around it left out; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same, where something was typed.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// The first value of `name` as it was typed, for passwords.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Every value of `name` that is not empty.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = self.0.iter().filter(move |(field, _)| field == name);
        of_name.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether the box `name` was ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// A number, where one was typed.
    ///
    /// # Errors
    /// What is wrong with it, for [`Self::refused`].
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, ApiError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                let detail = "must be a whole number within its bounds";
                ApiError::at(ErrorCode::InvalidValue, format!("/{name}"), detail)
            })
        };
        self.given(name).map(parse).transpose()
    }

    /// What names must contain, where something was typed to search for.
    ///
    /// # Errors
    /// When it is too long.
    pub(crate) fn search(&self) -> Result<Option<SearchText>, ApiError> {
        SearchText::parse(self.raw("search")).map_err(|error| {
            ApiError::new(ErrorCode::InvalidParameter, format!("what is searched for {error}"))
        })
    }

    /// Which part of a list an address asks for.
    ///
    /// # Errors
    /// When its cursor is none.
    pub(crate) fn page(&self) -> Result<PageRequest, ApiError> {
        let after = self.given("cursor").map(str::parse).transpose();
        let wrong = |_| {
            ApiError::new(
                ErrorCode::InvalidParameter,
                "the page of the list is none: begin with the first",
            )
        };
        Ok(PageRequest { after: after.map_err(wrong)?, limit: PAGE })
    }

    /// The form as it came back, with why.
    pub(crate) fn refused(&self, faults: Vec<ProblemError>) -> Filled {
        Filled::refused(self.0.clone(), faults)
    }

    /// The filters of a list as they stand in its address.
    pub(crate) fn filled(&self) -> Filled {
        self.refused(Vec::new())
    }
}

/// What a refused form is shown with, where whoever sent it can do something about it there; all else is a page of its own.
///
/// # Errors
/// The refusal itself, where the form is not at fault.
pub(crate) fn faults_of(error: ApiError) -> Result<(u16, Vec<ProblemError>), ApiError> {
    let status = error.refusal().status();
    match status {
        400 | 403 | 409 | 413 | 415 | 422 | 429 => {
            count_problem(error.code());
            Ok((status, error.into_errors()))
        }
        _ => Err(error),
    }
}

/// Fields in which much may have been typed, and no secrets.
const LONG_FIELDS: [&str; 6] =
    ["definition", "description", "input_data", "parameters", "input_schema", "default_parameters"];

impl Typed {
    /// What was laborious to type, by the names of its fields.
    pub(crate) fn laborious(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, value)| LONG_FIELDS.contains(name) && !value.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Typed {
        Typed::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn values_are_read_as_browsers_write_them() {
        let form = typed("name=+A%20b+&tick=on&scope=a&scope=&scope=b&text=one%0D%0Atwo&empty=+");
        assert_eq!(form.text("name"), "A b");
        assert_eq!(form.raw("name"), " A b ");
        assert!(form.is_ticked("tick") && !form.is_ticked("tock"));
        assert_eq!(form.all("scope").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(form.text("text"), "one\ntwo");
        assert_eq!(form.given("empty"), None);
    }

    #[test]
    fn a_number_is_one_or_a_fault_of_its_field() {
        let form = typed("good=12&bad=twelve&large=300");
        assert_eq!(form.number::<u8>("good").unwrap(), Some(12));
        assert_eq!(form.number::<u8>("none").unwrap(), None);
        for name in ["bad", "large"] {
            let errors = form.number::<u8>(name).unwrap_err().into_errors();
            assert_eq!(errors[0].attr, Some(format!("/{name}")));
        }
    }

    #[test]
    fn a_form_of_too_many_fields_is_refused() {
        let many = "a=b&".repeat(MAX_FIELDS + 1);
        assert!(Typed::parse(many.as_bytes()).is_err());
    }
}

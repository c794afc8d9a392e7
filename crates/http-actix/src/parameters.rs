//! Parameters of addresses: ids, pages, waiting times.

use std::{
    future::{Ready, ready},
    ops::Deref,
    time::Duration,
};

use access_domain::{
    Action, AuditFilter, DeliveryFilter, DeliveryId, DeliveryState, EventType, KeyFilter,
    ListFilter, Page, PageRequest, SearchText,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use api_types::{ErrorCode, Time};
use auth_actix::ApiError;
use deployments_domain::{
    BreakdownQuery, HistoryFilter, Inclusion, Resolution, Status, TriggerKind, UsageBy, UsageQuery,
};
use keys_core::{Id, InvalidScope, Scope, Timestamp};
use uuid::Uuid;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;
const DEFAULT_SHARES: u32 = 10;
const MAX_SHARES: u32 = 100;
/// No request waits longer for a result, in seconds.
pub(crate) const MAX_WAIT_SECONDS: u32 = 300;

/// An id in the path: `{id}` for `PathId`. What is not an id is read as the nil UUID (RFC 9562,
/// 5.9), which names nothing: whoever may not ask hears that first, everybody else "not found".
pub(crate) struct PathId<T>(Id<T>);

impl<T> Deref for PathId<T> {
    type Target = Id<T>;

    fn deref(&self) -> &Id<T> {
        &self.0
    }
}

impl<T> FromRequest for PathId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(id_in_path(request, "id"))))
    }
}

/// The id of a key in the path: `{key_id}`, beside the `{id}` of its deployment.
pub(crate) struct PathKeyId<T>(Id<T>);

impl<T> Deref for PathKeyId<T> {
    type Target = Id<T>;

    fn deref(&self) -> &Id<T> {
        &self.0
    }
}

impl<T> FromRequest for PathKeyId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(id_in_path(request, "key_id"))))
    }
}

/// The id of a user in the path: `{user_id}`.
pub(crate) struct PathUserId<T>(Id<T>);

impl<T> Deref for PathUserId<T> {
    type Target = Id<T>;

    fn deref(&self) -> &Id<T> {
        &self.0
    }
}

impl<T> FromRequest for PathUserId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(id_in_path(request, "user_id"))))
    }
}

/// The id of a delivery in the path: `{delivery_id}`, beside the `{id}` of its webhook.
pub(crate) struct PathDeliveryId(DeliveryId);

impl Deref for PathDeliveryId {
    type Target = DeliveryId;

    fn deref(&self) -> &DeliveryId {
        &self.0
    }
}

impl FromRequest for PathDeliveryId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(id_in_path(request, "delivery_id"))))
    }
}

fn id_in_path<T>(request: &HttpRequest, name: &str) -> Id<T> {
    request
        .match_info()
        .get(name)
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| Uuid::nil().into())
}

/// The query string, parsed when the caller is known.
pub(crate) struct Query(web::Query<Vec<(String, String)>>);

impl FromRequest for Query {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = web::Query::from_query(request.query_string());
        ready(Ok(Self(pairs.unwrap_or_else(|_| web::Query(Vec::new())))))
    }
}

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that must not stand there twice.
    pub(crate) fn once(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let first = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() {
            return Err(invalid(format!("'{name}' must be given once")));
        }
        Ok(first)
    }

    /// Scopes: `?scope=`, as often as wanted or several with spaces between them.
    pub(crate) fn scopes(&self) -> Result<Vec<Scope>, ApiError> {
        let values = self.0.iter().filter(|(key, _)| key == "scope");
        let texts = values.flat_map(|(_, value)| value.split_ascii_whitespace());
        texts
            .map(|text| {
                text.parse().map_err(|error: InvalidScope| invalid(format!("'scope': {error}")))
            })
            .collect()
    }

    /// `?limit=` and `?cursor=`.
    pub(crate) fn page(&self) -> Result<PageRequest, ApiError> {
        let limit = match self.get("limit").map(str::parse) {
            None => DEFAULT_PAGE,
            Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
            Some(_) => return Err(invalid(format!("'limit' must be from 1 to {MAX_PAGE}"))),
        };
        let after = self.get("cursor").map(Uuid::try_parse).transpose();
        let after =
            after.map_err(|_| invalid("'cursor' must be the 'next_cursor' of the page before"))?;
        Ok(PageRequest { after, limit })
    }

    /// Which of a list are wanted: `?created_by=`, `?search=`.
    pub(crate) fn list_filter(&self) -> Result<ListFilter, ApiError> {
        Ok(ListFilter { created_by: self.created_by()?, search: self.search()? })
    }

    /// What names must contain: `?search=`.
    fn search(&self) -> Result<Option<SearchText>, ApiError> {
        let search = self.get("search").map(SearchText::parse).transpose();
        search.map(Option::flatten).map_err(|error| invalid(format!("'search' {error}")))
    }

    /// Whose are wanted: `?created_by=`.
    fn created_by(&self) -> Result<Option<Uuid>, ApiError> {
        let created_by = self.get("created_by").map(Uuid::try_parse).transpose();
        created_by.map_err(|_| invalid("'created_by' must be an id"))
    }

    /// Which keys are wanted: `?created_by=`, `?name=`, `?revoked=`, `?search=`.
    pub(crate) fn key_filter(&self) -> Result<KeyFilter, ApiError> {
        let revoked = self.get("revoked").map(str::parse).transpose();
        Ok(KeyFilter {
            created_by: self.created_by()?,
            name: self.get("name").map(str::to_owned),
            revoked: revoked.map_err(|_| invalid("'revoked' must be 'true' or 'false'"))?,
            search: self.search()?,
        })
    }

    /// Which audit entries are wanted: `?action=`, `?actor=`, `?from=`, `?to=`, `?search=`.
    pub(crate) fn audit_filter(&self) -> Result<AuditFilter, ApiError> {
        let action = |name| {
            Action::parse(name).ok_or_else(|| invalid("'action' must be one that entries have"))
        };
        Ok(AuditFilter {
            action: self.get("action").map(action).transpose()?,
            actor: self.get("actor").map(str::to_owned),
            from: self.time("from")?,
            to: self.time("to")?,
            search: self.search()?,
        })
    }

    /// Which executions are wanted: `?deployment=`, `?workflow=`, `?status=`, `?key_id=`, `?trigger=`, `?from=`, `?to=`.
    pub(crate) fn history(&self) -> Result<HistoryFilter, ApiError> {
        let deployment = self.get("deployment").map(str::parse).transpose();
        let workflow = self.get("workflow").map(str::parse).transpose();
        let key = self.get("key_id").map(str::parse).transpose();
        let status = |name: &str| {
            Status::parse(&name.to_ascii_uppercase())
                .ok_or_else(|| invalid("'status' must be one that executions have"))
        };
        let trigger = |name: &str| {
            TriggerKind::parse(&name.to_ascii_uppercase())
                .ok_or_else(|| invalid("'trigger' must be 'CALL', 'TEST' or 'SCHEDULE'"))
        };
        Ok(HistoryFilter {
            deployment: deployment.map_err(|_| invalid("'deployment' must be an id"))?,
            workflow: workflow.map_err(|_| invalid("'workflow' must be an id"))?,
            status: self.get("status").map(status).transpose()?,
            key: key.map_err(|_| invalid("'key_id' must be an id"))?,
            trigger: self.get("trigger").map(trigger).transpose()?,
            from: self.time("from")?,
            to: self.time("to")?,
        })
    }

    /// What is told beside the record: `?include=`, several with commas between them.
    pub(crate) fn inclusion(&self) -> Result<Inclusion, ApiError> {
        let mut wanted = Inclusion::default();
        let names = self.0.iter().filter(|(key, _)| key == "include");
        for name in names.flat_map(|(_, value)| value.split(',')) {
            match name.trim() {
                "input" => wanted.input = true,
                "outputs" => wanted.outputs = true,
                "result" => wanted.result = true,
                _ => return Err(invalid("'include' is any of 'input', 'outputs', 'result'")),
            }
        }
        Ok(wanted)
    }

    /// Which deliveries are wanted: `?state=`, `?event=`.
    pub(crate) fn delivery_filter(&self) -> Result<DeliveryFilter, ApiError> {
        let state = |name: &str| {
            DeliveryState::parse(&name.to_ascii_uppercase())
                .ok_or_else(|| invalid("'state' must be 'PENDING', 'DELIVERED' or 'DEAD'"))
        };
        let kind = |name| {
            EventType::parse(name).ok_or_else(|| invalid("'event' must be a type of events"))
        };
        Ok(DeliveryFilter {
            state: self.get("state").map(state).transpose()?,
            kind: self.get("event").map(kind).transpose()?,
        })
    }

    /// Which usage is wanted: `?deployment=`, `?key_id=`, `?from=`, `?to=`, `?bucket=`.
    pub(crate) fn usage(&self) -> Result<UsageQuery, ApiError> {
        let deployment = self.get("deployment").map(str::parse).transpose();
        let key = self.get("key_id").map(str::parse).transpose();
        let bucket = |name| {
            Resolution::parse(name)
                .ok_or_else(|| invalid("'bucket' must be 'minute', 'hour' or 'day'"))
        };
        Ok(UsageQuery {
            deployment: deployment.map_err(|_| invalid("'deployment' must be an id"))?,
            key: key.map_err(|_| invalid("'key_id' must be an id"))?,
            bucket: self.get("bucket").map_or(Ok(Resolution::Hour), bucket)?,
            from: self.time("from")?,
            to: self.time("to")?,
        })
    }

    /// Which breakdown of usage is wanted: `?by=`, and beside `?key_id=` what usage itself takes, and `?limit=`.
    pub(crate) fn breakdown(&self) -> Result<BreakdownQuery, ApiError> {
        let UsageQuery { deployment, bucket, from, to, .. } = self.usage()?;
        let by = self.get("by").and_then(UsageBy::parse);
        let by = by.ok_or_else(|| invalid("'by' must be 'deployment' or 'key'"))?;
        let limit = match self.get("limit").map(str::parse) {
            None => DEFAULT_SHARES,
            Some(Ok(limit)) if (1..=MAX_SHARES).contains(&limit) => limit,
            Some(_) => return Err(invalid(format!("'limit' must be from 1 to {MAX_SHARES}"))),
        };
        Ok(BreakdownQuery { by, deployment, bucket, from, to, limit })
    }

    fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let read = self.get(name).map(str::parse::<Time>).transpose();
        let read = read.map_err(|_| invalid(format!("'{name}' must be an RFC 3339 time")))?;
        Ok(read.map(|time| time.0))
    }

    /// `?since=`, the number of a change.
    pub(crate) fn since(&self) -> Result<Option<u64>, ApiError> {
        let number = self.once("since")?.map(str::parse::<u64>).transpose();
        number.map_err(|_| invalid("'since' must be the 'next' of an earlier answer"))
    }

    /// `?wait=`, in seconds.
    pub(crate) fn wait(&self) -> Result<Duration, ApiError> {
        match self.get("wait").map(str::parse::<u32>) {
            None => Ok(Duration::ZERO),
            Some(Ok(seconds)) if seconds <= MAX_WAIT_SECONDS => {
                Ok(Duration::from_secs(seconds.into()))
            }
            Some(_) => Err(invalid(format!("'wait' must be from 0 to {MAX_WAIT_SECONDS} seconds"))),
        }
    }

    /// `?wait=all`.
    pub(crate) fn wait_for_all(&self) -> Result<bool, ApiError> {
        match self.get("wait") {
            None => Ok(false),
            Some("all") => Ok(true),
            Some(_) => Err(invalid("'wait' must be 'all', or be left out")),
        }
    }
}

fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameter, detail)
}

/// A page as callers see it.
pub(crate) fn list<T, V>(page: Page<T>, view: impl Fn(T) -> V) -> api_types::ListView<V> {
    api_types::ListView {
        items: page.items.into_iter().map(view).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }
}

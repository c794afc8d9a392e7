//! Usage: how much was called, with what outcome, how long it took, and by whom.

mod charts;
mod wanted;

use access_domain::{DeploymentId, Granted, ManageDeployments, ReadUsage};
use actix_web::{HttpResponse, get, web};
use api_types::{Refusal, Time};
use auth_actix::ApiError;
use deployments_domain::{BreakdownQuery, UsageBucket, UsageBy, UsageQuery, UsageShare, UseCases};
use maud::{Markup, html};

use self::wanted::{RANGES, Wanted, range_of};
use super::{refused, shown};
use crate::{
    Console,
    layout::{Frame, Section, page},
    parts::{
        Button, Choice, Field, Filled, FilterBar, Table, count, duration_ms, empty, heading, href,
        percent,
    },
    typed::{Typed, faults_of},
    viewer::{Place, Viewer},
    visitor::Visitor,
};

const PATH: &str = "/usage";
/// Deployments that can be chosen from; others are reached from their own pages.
const MOST_OFFERED: u32 = 200;
/// Of deployments and keys, so many of the most used are told.
const MOST_USED: u32 = 10;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look);
}

/// All that the page tells.
struct Told {
    asked: UsageQuery,
    buckets: Vec<UsageBucket>,
    by_deployment: Vec<UsageShare>,
    by_key: Vec<UsageShare>,
}

#[get("/{org_id}/usage")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ReadUsage>,
) -> Result<HttpResponse, ApiError> {
    let lists = visitor.also::<ManageDeployments>()?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let offered = console.run(move |uc| offered(uc, &lists)).await?;
    let needs_choice = !place.is_admin() && query.given("deployment").is_none();
    let wanted = match Wanted::read(&query) {
        Ok(wanted) => wanted,
        Err(error) => return wrong(&viewer, &place, &offered, &query, error),
    };
    let told = if needs_choice {
        None
    } else {
        match console.run(move |uc| tell(uc, &granted, &wanted)).await {
            Ok(told) => Some(told),
            Err(error) => return wrong(&viewer, &place, &offered, &query, error),
        }
    };
    let body = match &told {
        Some(told) => body(&place, &query, &wanted, told),
        None if offered.is_empty() => nothing(&place),
        None => {
            html! { p { "Choose a deployment: administrators alone see the usage of the whole organization." } }
        }
    };
    let filled = query.filled().put("range", range_of(&query));
    Ok(shown(whole(&viewer, &place, &offered, &filled, body)))
}

type Named = (DeploymentId, String);

fn offered(uc: &UseCases, lists: &Granted<ManageDeployments>) -> Result<Vec<Named>, Refusal> {
    Ok(uc.deployments.names(lists, MOST_OFFERED)?)
}

fn tell(uc: &UseCases, granted: &Granted<ReadUsage>, wanted: &Wanted) -> Result<Told, Refusal> {
    let now = uc.usage.clock.now();
    let query = wanted.query(now);
    let UsageQuery { deployment, key, bucket, from, to } = query;
    let by = |by| -> Result<Vec<UsageShare>, Refusal> {
        let asked = BreakdownQuery { by, deployment, bucket, from, to, limit: MOST_USED };
        Ok(uc.usage.breakdown(granted, &asked)?)
    };
    Ok(Told {
        asked: query,
        buckets: uc.usage.read(granted, &query)?,
        by_deployment: if deployment.is_none() && key.is_none() {
            by(UsageBy::Deployment)?
        } else {
            Vec::new()
        },
        by_key: if key.is_none() { by(UsageBy::Key)? } else { Vec::new() },
    })
}

/// The page of filters that mean nothing.
fn wrong(
    viewer: &Viewer,
    place: &Place,
    offered: &[Named],
    query: &Typed,
    error: ApiError,
) -> Result<HttpResponse, ApiError> {
    let (status, faults) = faults_of(error)?;
    let words =
        html! { ul { @for fault in &faults { li { (crate::refused::sentence(&fault.detail)) } } } };
    let filled = query.refused(faults).put("range", range_of(query));
    Ok(refused(status, whole(viewer, place, offered, &filled, words)))
}

fn whole(
    viewer: &Viewer,
    place: &Place,
    offered: &[Named],
    filled: &Filled,
    body: Markup,
) -> Markup {
    let body = html! {
        (heading("Usage", html! {}))
        (bar(place, offered, filled))
        (body)
    };
    page(Frame::new("Usage").viewer(viewer).section(Section::Usage), body)
}

fn bar(place: &Place, offered: &[Named], filled: &Filled) -> Markup {
    let none = if place.is_admin() { "All" } else { "Choose one" };
    let deployment = |(id, name): &Named| Choice::new(id.uuid().to_string(), name.as_str());
    let mut choices = vec![Choice::new("", none)];
    choices.extend(offered.iter().map(deployment));
    let chosen = filled.value("deployment");
    if !chosen.is_empty() && !offered.iter().any(|(id, _)| id.uuid().to_string() == chosen) {
        choices.push(Choice::new(chosen, chosen));
    }
    let ranges = RANGES.iter().map(|range| Choice::new(range.word, range.label)).collect();
    let bar = FilterBar::new(place.href(PATH))
        .field(Field::select("range", "Time", ranges))
        .field(Field::select("deployment", "Deployment", choices))
        .field(Field::date_time("from", "From (UTC)"))
        .field(Field::date_time("to", "To (UTC)"));
    // Nobody knows the ids of keys by heart: keys lead here with theirs.
    let is_of_key = !filled.value("key_id").is_empty();
    let bar = if is_of_key { bar.field(Field::text("key_id", "Key id")) } else { bar };
    bar.render(filled)
}

fn nothing(place: &Place) -> Markup {
    empty(
        "Nothing to count yet",
        "Usage is what your deployments were called. Deploy a workflow as an API, and every call of it is counted here.",
        Some(Button::link("Workflows", place.href("/workflows"))),
    )
}

fn body(place: &Place, query: &Typed, wanted: &Wanted, told: &Told) -> Markup {
    let sum = |read: fn(&UsageBucket) -> u64| told.buckets.iter().map(read).sum::<u64>();
    let (requests, failed) = (sum(UsageBucket::requests), sum(|bucket| bucket.failed));
    let tokens = sum(|bucket| bucket.prompt_tokens + bucket.completion_tokens);
    let verifications = sum(|bucket| bucket.verifications);
    html! {
        div .figures-row {
            (figure(&count(requests), "requests"))
            (figure(&share(failed, requests), "of them failed"))
            (figure(&count(sum(UsageBucket::rejected)), "refused"))
            (figure(&count(tokens), "tokens"))
            @if verifications > 0 { (figure(&count(verifications), "verifications")) }
        }
        (charts::all(&told.buckets, wanted))
        (shares(place, "By deployment", UsageBy::Deployment, query, &told.by_deployment))
        (shares(place, "By key", UsageBy::Key, query, &told.by_key))
        p .buttons { (Button::link("Download as CSV", csv(place, &told.asked))) }
    }
}

/// The same figures as a table, as the REST edge gives it.
fn csv(place: &Place, asked: &UsageQuery) -> String {
    let time = |at: Option<keys_core::Timestamp>| at.map(|at| Time(at).to_string());
    let deployment = asked.deployment.map(|id| id.uuid().to_string()).unwrap_or_default();
    let key = asked.key.map(|id| id.uuid().to_string()).unwrap_or_default();
    href(
        &format!("/unstract/{}/api/v2/usage/", place.slug),
        &[
            ("format", "csv"),
            ("bucket", asked.bucket.as_str()),
            ("deployment", &deployment),
            ("key_id", &key),
            ("from", &time(asked.from).unwrap_or_default()),
            ("to", &time(asked.to).unwrap_or_default()),
        ],
    )
}

fn figure(number: &str, of: &str) -> Markup {
    html! { div .figure { strong { (number) } span { (of) } } }
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".into();
    }
    // Precise enough for a share.
    let float =
        |number: u64| f64::from(u32::try_from(number.min(u64::from(u32::MAX))).unwrap_or(u32::MAX));
    percent(float(part) / float(whole))
}

fn shares(place: &Place, title: &str, by: UsageBy, query: &Typed, shares: &[UsageShare]) -> Markup {
    let table = Table::new(title)
        .text(if by == UsageBy::Key { "Key" } else { "Deployment" })
        .numbers("Requests")
        .numbers("Failed")
        .numbers("Refused")
        .numbers("Tokens")
        .numbers("95th percentile");
    let row = |table: Table, one: &UsageShare| {
        let usage = &one.usage;
        table.row(vec![
            named(place, by, query, one),
            html! { (count(usage.requests())) },
            html! { (share(usage.failed, usage.requests())) },
            html! { (count(usage.rejected())) },
            html! { (count(usage.prompt_tokens + usage.completion_tokens)) },
            html! {
                @if let Some(times) = usage.execution_ms { (duration_ms(times.p95)) } @else { span .quiet { "–" } }
            },
        ])
    };
    html! {
        @if !shares.is_empty() {
            h2 { (title) }
            (shares.iter().fold(table, row))
        }
    }
}

/// What was used, with the way to its own usage.
fn named(place: &Place, by: UsageBy, query: &Typed, share: &UsageShare) -> Markup {
    let Some(id) = share.of else { return html! { span .quiet { "no deployment" } } };
    let id = id.to_string();
    let name = share.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&id);
    let narrowed = match by {
        UsageBy::Deployment => [("deployment", id.as_str()), ("key_id", "")],
        UsageBy::Key => [("deployment", query.text("deployment")), ("key_id", id.as_str())],
    };
    let kept = ["range", "from", "to"].map(|name| (name, query.text(name)));
    let to = href(&place.href(PATH), &[kept.as_slice(), narrowed.as_slice()].concat());
    html! { a href=(to) { (name) } }
}

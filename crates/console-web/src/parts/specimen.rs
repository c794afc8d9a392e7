//! All parts on a few pages, to be looked at in a browser: `target/console-parts/*.html`.

use std::{fs, path::Path};

use access_domain::Role;
use api_types::ProblemError;
use keys_core::Timestamp;
use maud::{Markup, Render as _, html};

use super::*;
use crate::{
    assets,
    layout::{Frame, Section, SettingsTab, page},
    viewer::{Place, Viewer},
};

fn at(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(497_000 + hour)
}

fn viewer(role: Role) -> Viewer {
    let place = |slug: &str, name: &str| Place {
        id: keys_core::Id::generate(at(0), &Zeros),
        slug: slug.into(),
        name: name.into(),
        role,
    };
    Viewer {
        username: "unstract".into(),
        csrf: "token".into(),
        here: Some(place("mock_org", "Mock Organization")),
        organizations: vec![place("mock_org", "Mock Organization"), place("other", "Other & Sons")],
    }
}

struct Zeros;
impl keys_core::Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Written so that the browser finds the assets beside the page.
fn write(name: &str, page: &Markup) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/console-parts");
    fs::create_dir_all(root.join("assets")).unwrap();
    for (path, text) in [
        (assets::css(), include_str!("../../assets/console.css")),
        (assets::js(), include_str!("../../assets/console.js")),
        (assets::icon(), include_str!("../../assets/favicon.svg")),
    ] {
        fs::write(root.join(path.trim_start_matches('/')), text).unwrap();
    }
    let html = page.0.replace("=\"/assets/", "=\"assets/");
    fs::write(root.join(format!("{name}.html")), html).unwrap();
}

fn list() -> Markup {
    let cells = |name: &str, state: Markup, requests: u64, share: f64| {
        vec![
            html! { a href="/mock_org/deployments/1" { (name) } br; span .quiet { "invoice-totals" } },
            state,
            html! { (count(requests)) },
            html! { (percent(share)) },
            html! { (ago(at(-5), at(0))) },
            html! { (Button::link("Manage Keys", "/keys").about(name)) (Button::opens("Delete", "/delete").danger().about(name)) },
        ]
    };
    let table = Table::new("API deployments")
        .text("Name")
        .text("Status")
        .numbers("Requests, 24 h")
        .numbers("Errors")
        .text("Last run")
        .buttons();
    html! {
        (breadcrumbs(&[("API Deployments", "/d".into())], "orders"))
        (heading("API Deployments", html! { (Button::link("New deployment", "/new").primary()) }))
        (FilterBar::new("/d").field(Field::search("q", "Name")).field(Field::select("status", "Status", vec![Choice::new("", "Any"), Choice::new("a", "Active")])).render(&Filled::blank().with("q", "inv")))
        (table
            .row(cells("Invoice totals", badge("Active", Tone::Good), 312, 0.004))
            .row(cells("Orders", badge("Inactive", Tone::Neutral), 1_234_567, 0.125))
            .row(cells("A name that is so long that it has to be broken somewhere", badge("Executing", Tone::Busy), 0, 0.0)))
        (pager("/d", &[("q", "inv")], Some("x"), Some("y")))
        (definitions(vec![
            ("Endpoint", copyable("https://keys.example.com/deployment/018f3c1e-8a54-7c3b-9f7e-0123456789ab/", "the endpoint")),
            ("Made", time(at(0))),
            ("Active", Button::switch("Active", "/a", "t", "is_active", true).render()),
            ("Off", Button::switch("Active", "/a", "t", "is_active", false).render()),
            ("States", html! { @for (word, tone) in [("Expires soon", Tone::Warning), ("Revoked", Tone::Bad)] { (badge(word, tone)) " " } }),
        ]))
        (notice(Tone::Warning, html! { p { "This key ends in three days." } }))
        (snippets(&[("curl", "curl -X POST https://keys.example.com/deployment/1/ \\\n  -H \"Authorization: Bearer $KEY\" \\\n  -H 'Content-Type: application/json' --data '{\"order\": {\"total\": 12.5, \"currency\": \"EUR\"}}'".into()), ("Python", "import requests".into())]))
        (empty("No deployments yet", "A deployment is a workflow with an address and keys. Begin with a workflow.", Some(Button::link("Workflows", "/w").primary())))
    }
}

fn forms() -> Markup {
    let fault = |attr: &str, detail: &str| ProblemError {
        code: "x".into(),
        detail: detail.into(),
        attr: Some(attr.into()),
    };
    let filled = Filled::refused(
        vec![("api_name".into(), "no spaces please".into())],
        vec![
            fault("/api_name", "a name has 1 to 30 letters, digits, '_' or '-'"),
            fault("/x", "something else"),
        ],
    );
    let scopes = || {
        vec![
            Choice::new("inference:read", "inference:read").hint("List models"),
            Choice::new("admin", "admin").hint("Everything"),
        ]
    };
    html! {
        (heading("Platform Settings", html! {}))
        (Form::post("/x", "token")
            .field(Field::text("api_name", "API name").hint("Stands in the address of the deployment.").required())
            .field(Field::ticks("scopes", "Scopes", scopes()))
            .field(Field::radios("format", "Format", vec![Choice::new("a", "With a checksum"), Choice::new("b", "Prefix and secret")]))
            .field(Field::tick("is_active", "Active").hint("It may be switched later."))
            .field(Field::date_time("expires_at", "Ends at").hint("In UTC."))
            .field(Field::code("definition", "Definition", 5))
            .fold("More settings", vec![Field::number("rate_limit_per_minute", "Requests per minute")])
            .button(Button::submit("Save").primary()).back("/back").render(&filled))
    }
}

fn charts() -> Markup {
    let values = |factor: u32, lacks: bool| {
        (0..48u32)
            .map(|hour| {
                (!lacks || hour % 9 != 0).then(|| f64::from((hour * 37 + 11) % 29 * factor))
            })
            .collect()
    };
    let series = |name: &str, tone, factor, lacks| Series {
        name: name.into(),
        tone,
        values: values(factor, lacks),
    };
    let starts: Vec<_> = (0..48).map(at).collect();
    let requests = Chart {
        title: "Requests".into(),
        description: "Requests an hour".into(),
        kind: ChartKind::Bars,
        form: ValueForm::Count,
        starts: starts.clone(),
        series: vec![
            series("succeeded", SeriesTone::First, 40, false),
            series("failed", SeriesTone::Bad, 4, false),
            series("rejected", SeriesTone::Warning, 7, false),
        ],
    };
    let latency = Chart {
        title: "Time of a run".into(),
        description: "Percentiles".into(),
        kind: ChartKind::Lines,
        form: ValueForm::Milliseconds,
        starts: starts.clone(),
        series: vec![
            series("p50", SeriesTone::First, 30, true),
            series("p95", SeriesTone::Second, 55, true),
            series("p99", SeriesTone::Third, 90, true),
        ],
    };
    let nothing = Chart { title: "Tokens".into(), series: Vec::new(), ..latency.clone() };
    html! {
        (heading("Usage", html! {}))
        div .figures-row {
            @for (number, name) in [("12,345", "requests"), ("0.4%", "errors"), ("87 ms", "median"), ("1.2 s", "99th percentile")] {
                div .figure { strong { (number) } span { (name) } }
            }
        }
        (requests) div .columns { (latency) (nothing) }
    }
}

#[test]
fn the_parts_make_pages_without_inline_styles_or_scripts() {
    let (admin, user) = (viewer(Role::Admin), viewer(Role::User));
    let flash = Flash { text: "Saved.", tone: Tone::Good };
    let secret = SecretShown {
        title: "The key is made",
        what: "the key",
        secret: "unst_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
        text: "Whoever has it can call this deployment.",
        next: code_block(
            "Try it",
            "curl https://keys.example.com/ -H 'Authorization: Bearer unst_…'",
        ),
        done: "/mock_org/deployments/1/keys",
    };
    let settings = Section::Settings(SettingsTab::Platform);
    let pages = [
        (
            "list",
            page(
                Frame::new("List").viewer(&admin).section(Section::Deployments).flash(Some(flash)),
                list(),
            ),
        ),
        ("forms", page(Frame::new("Forms").viewer(&admin).section(settings), forms())),
        ("charts", page(Frame::new("Charts").viewer(&user).section(Section::Usage), charts())),
        ("secret", page(Frame::new("Secret").viewer(&admin), secret.render())),
        ("log-in", page(Frame::new("Log in"), forms())),
    ];
    for (name, page) in &pages {
        write(name, page);
        for forbidden in ["style=", "onclick=", "<style", "javascript:"] {
            assert!(!page.0.contains(forbidden), "{name} has {forbidden}");
        }
    }
    let shown = |name: &str| &pages.iter().find(|(one, _)| *one == name).unwrap().1.0;
    for hidden in [">Audit</a>", ">API Keys</a>", "/settings/platform"] {
        assert!(shown("list").contains(hidden) && !shown("charts").contains(hidden), "{hidden}");
    }
}

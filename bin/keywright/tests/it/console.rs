//! The console over HTTP, asked by those who must not be answered: whoever is not logged in, whoever may not, and pages of others
//! that send forms. The routes are read from the console's source, so that none is forgotten.

use std::{fs, path::Path};

use reqwest::{Client, Method, Response, redirect::Policy};
use serde_json::{Value, json};
use test_support::{
    app::{PASSWORD, TestApp},
    databases::Database,
};

/// Where people of role `user` have no business, by how addresses begin; all that is done there is for administrators too.
const FOR_ADMINISTRATORS: [&str; 6] = [
    "/{org_id}/api-keys",
    "/{org_id}/audit",
    "/{org_id}/settings/platform",
    "/{org_id}/settings/members",
    "/{org_id}/settings/webhooks",
    "/{org_id}/settings/secrets",
];
/// What anybody may ask for.
const FOR_ANYBODY: [&str; 2] = ["/log-in", "/assets/{name}"];
const NOBODYS: &str = "00000000-0000-7000-8000-000000000000";

/// A browser without eyes: it keeps cookies, asks for pages and follows nothing.
struct Guest {
    base: String,
    client: Client,
    csrf_token: String,
}

impl Guest {
    fn stranger(app: &TestApp) -> Self {
        let client = Client::builder().cookie_store(true).redirect(Policy::none()).build();
        Self { base: app.base.clone(), client: client.unwrap(), csrf_token: String::new() }
    }

    async fn logged_in(app: &TestApp, username: &str) -> Self {
        let mut guest = Self::stranger(app);
        let body = json!({"username": username, "password": PASSWORD});
        let begun =
            guest.client.post(format!("{}/v1/session", guest.base)).json(&body).send().await;
        let begun: Value = begun.unwrap().json().await.unwrap();
        guest.csrf_token = begun["csrf_token"].as_str().unwrap().to_owned();
        guest
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, "").await
    }

    /// A form with these fields, as it is written in an address.
    async fn post(&self, path: &str, form: &str) -> Response {
        self.send(Method::POST, path, form).await
    }

    async fn send(&self, method: Method, path: &str, form: &str) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = request.header("accept", "text/html");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(form.to_owned()).send().await.unwrap()
    }
}

/// Method and path of every route of the console, as its source writes them.
pub(crate) fn routes() -> Vec<(Method, String)> {
    fn walk(directory: &Path, found: &mut Vec<(Method, String)>) {
        for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                walk(&entry, found);
            } else {
                let source = fs::read_to_string(&entry).unwrap().replace("actix_web::", "");
                found.extend(named(&source));
                found.extend(of_several_owners(&source));
            }
        }
    }
    let mut found = Vec::new();
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/console-web/src/pages");
    walk(&pages, &mut found);
    assert!(found.len() > 15, "{found:?}");
    found
}

/// What stands in quotation marks after each `start`.
fn quoted<'a>(source: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    source.split(start).skip(1).filter_map(|rest| rest.split('"').next())
}

/// Handlers that name their own address.
fn named(source: &str) -> Vec<(Method, String)> {
    let both = [("#[get(\"", Method::GET), ("#[post(\"", Method::POST)];
    let each = both.into_iter().flat_map(|(start, method)| {
        quoted(source, start).map(move |path| (method.clone(), path.to_owned()))
    });
    each.collect()
}

/// Handlers that stand at several addresses: `of::<…>(config, "base")`, and `at("/path")` below each base.
fn of_several_owners(source: &str) -> Vec<(Method, String)> {
    let mut found = Vec::new();
    for base in quoted(source, ">(config, \"") {
        for service in source.split(".service(").skip(1) {
            let Some(path) = quoted(service, "at(\"").next() else { continue };
            for (word, method) in [("route(get()", Method::GET), ("route(post()", Method::POST)] {
                if service.contains(word) {
                    found.push((method, format!("{base}{path}")));
                }
            }
        }
    }
    found
}

/// An address of the route, at which there is nothing.
fn address(route: &str) -> String {
    let mut address = String::new();
    for segment in route.split('/').skip(1) {
        let segment = match segment {
            "{org_id}" => "acme",
            placeholder if placeholder.starts_with('{') => NOBODYS,
            word => word,
        };
        address = format!("{address}/{segment}");
    }
    if address.is_empty() { "/".into() } else { address }
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[actix_web::test]
async fn whoever_is_not_logged_in_is_led_to_the_log_in_and_can_do_nothing() {
    let app = crate::start(Database::sqlite()).await;
    let stranger = Guest::stranger(&app);
    for (method, route) in
        routes().into_iter().filter(|(_, route)| !FOR_ANYBODY.contains(&route.as_str()))
    {
        let answer = stranger.send(method.clone(), &address(&route), "csrf=x").await;
        if method == Method::GET {
            assert_eq!(answer.status(), 303, "{route}");
            assert!(header(&answer, "location").starts_with("/log-in"), "{route}");
        } else {
            assert_eq!(answer.status(), 401, "{route}");
        }
    }
}

#[actix_web::test]
async fn a_form_is_taken_with_the_token_of_the_session_that_sends_it_and_no_other() {
    let app = crate::start(Database::sqlite()).await;
    let (admin, other) =
        (Guest::logged_in(&app, "acme-admin").await, Guest::logged_in(&app, "acme-admin").await);
    assert_ne!(admin.csrf_token, other.csrf_token);
    for (_, route) in
        routes().into_iter().filter(|(method, route)| method == Method::POST && route != "/log-in")
    {
        for form in
            [String::new(), "csrf=".into(), "csrf=x".into(), format!("csrf={}", other.csrf_token)]
        {
            let answer = admin.post(&address(&route), &form).await;
            assert_eq!(answer.status(), 403, "{route} {form}");
            let page = answer.text().await.unwrap();
            assert!(page.contains("csrf_token_required"), "{route}: {page}");
        }
    }
    // The session lives on: not even its end was believed.
    assert_eq!(admin.get("/acme/workflows").await.status(), 200);
}

#[actix_web::test]
async fn what_is_for_administrators_is_refused_to_users_by_name() {
    let app = crate::start(Database::sqlite()).await;
    app.user().await;
    let user = Guest::logged_in(&app, "acme-user").await;
    let mut refused = 0;
    for (method, route) in routes() {
        if route == "/log-out" {
            continue;
        }
        let is_for_them = !FOR_ADMINISTRATORS.iter().any(|start| route.starts_with(start));
        let answer =
            user.send(method.clone(), &address(&route), &format!("csrf={}", user.csrf_token)).await;
        let (status, page) = (answer.status().as_u16(), answer.text().await.unwrap());
        if is_for_them {
            assert!(status != 403 || page.contains("admin_required"), "{method} {route}: {page}");
            assert!(method == Method::POST || status != 403, "{route}: {page}");
        } else {
            assert!(status == 403 && page.contains("admin_required"), "{method} {route}: {status}");
            refused += 1;
        }
    }
    assert!(refused > 3, "only {refused} routes are for administrators");
    let page = user.get("/acme/workflows").await.text().await.unwrap();
    for place in ["/settings/platform", "/acme/audit", "/acme/api-keys\""] {
        assert!(!page.contains(place), "{place}");
    }
}

#[actix_web::test]
async fn every_answer_says_what_its_page_may_do_and_is_stored_by_nobody() {
    let app = crate::start(Database::sqlite()).await;
    let (admin, stranger) = (Guest::logged_in(&app, "acme-admin").await, Guest::stranger(&app));
    for (method, route) in routes() {
        for guest in [&admin, &stranger] {
            let answer = guest.send(method.clone(), &address(&route), "csrf=x").await;
            let policy = header(&answer, "content-security-policy");
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
            ] {
                assert!(policy.contains(part), "{method} {route}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{method} {route}: {policy}");
            assert_eq!(header(&answer, "x-frame-options"), "DENY", "{method} {route}");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{method} {route}");
            assert_eq!(header(&answer, "cache-control"), "no-store", "{method} {route}");
        }
    }
}

#[actix_web::test]
async fn a_log_in_leads_nowhere_but_to_this_server() {
    let app = crate::start(Database::sqlite()).await;
    let credentials = format!("username=acme-admin&password={}", PASSWORD.replace(' ', "+"));
    for evil in [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example/",
        "\\\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/..//evil.example",
        "data:text/html,x",
        "%2f%2fevil.example",
        "/%5cevil.example",
    ] {
        let escaped = evil.replace('\\', "%5C");
        let answer =
            Guest::stranger(&app).post("/log-in", &format!("{credentials}&next={escaped}")).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/"), "{evil}");
        // Whoever is logged in already is led on at once, and no further.
        let admin = Guest::logged_in(&app, "acme-admin").await;
        let answer = admin.get(&format!("/log-in?next={escaped}")).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/"), "{evil}");
    }
    let answer =
        Guest::stranger(&app).post("/log-in", &format!("{credentials}&next=/acme/usage")).await;
    assert_eq!(header(&answer, "location"), "/acme/usage");
    let cookie = header(&answer, "set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let wrong = Guest::stranger(&app)
        .post("/log-in", "username=acme-admin&password=an+unlikely+guess&next=/acme/usage")
        .await;
    assert_eq!(wrong.status(), 401);
    let page = wrong.text().await.unwrap();
    assert!(page.contains("value=\"acme-admin\"") && !page.contains("unlikely"), "{page}");
}

#[actix_web::test]
async fn what_does_not_exist_and_what_is_another_organizations_look_alike() {
    let app = crate::start(Database::sqlite()).await;
    app.given_organization("other");
    let admin = Guest::logged_in(&app, "acme-admin").await;
    let read = async |path: &str| {
        let answer = admin.get(path).await;
        let (status, page) = (answer.status().as_u16(), answer.text().await.unwrap());
        let (start, end) = page.split_once("request <code>").expect("the request's id");
        (status, start.to_owned(), end.split_once('<').expect("its end").1.to_owned())
    };
    let absent = read("/nobody/workflows").await;
    assert_eq!(absent.0, 404);
    assert_eq!(read("/other/workflows").await, absent);
}

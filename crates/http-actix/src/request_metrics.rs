//! Requests as metrics: how many, how long, how many at once. Nothing that a caller chooses becomes
//! a label: routes are named as they are registered, and what no route takes is one of its own. Being
//! the outermost of what sees each answer, it also ends the connections of a server that drains.

use std::{cell::RefCell, collections::HashMap, time::Instant};

use actix_web::{
    Error, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, Method},
    middleware::Next,
    web,
};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::App;

/// The route of addresses that there are not.
const UNKNOWN: &str = "unknown";

thread_local! {
    /// The handles that this event loop has used so far, so that a request mostly costs no more than
    /// a look-up and a few additions. As many as there are routes.
    static ROUTES: RefCell<HashMap<String, Route>> = RefCell::default();
    static IN_FLIGHT: (Gauge, Counter) = (
        gauge!("keywright_http_requests_in_flight"),
        counter!("keywright_http_requests_abandoned_total"),
    );
}

struct Route {
    duration: Histogram,
    /// A handful: the methods that a route knows with the statuses that it answers.
    requests: Vec<(&'static str, u16, Counter)>,
}

/// Middleware: counts the request and measures how long it takes, and ends its connection while the
/// server drains. Must be outside of what renders problems, so that it sees the status that the
/// caller sees.
pub(crate) async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let measured = Measured::begin(request.method());
    let mut answered = next.call(request).await;
    match &mut answered {
        Ok(response) => {
            measured.end(response.request(), response.status().as_u16());
            let app = response.request().app_data::<web::Data<App>>();
            if app.is_some_and(|app| app.is_draining()) {
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
        }
        Err(error) => measured.count(UNKNOWN, error.as_response_error().status_code().as_u16()),
    }
    answered
}

/// A request under way. One that is dropped before its end was given up by its caller.
struct Measured {
    method: &'static str,
    begun: Instant,
    is_ended: bool,
}

impl Measured {
    fn begin(method: &Method) -> Self {
        IN_FLIGHT.with(|(gauge, _)| gauge.increment(1.0));
        Self { method: name(method), begun: Instant::now(), is_ended: false }
    }

    fn end(self, request: &HttpRequest, status: u16) {
        let pattern = request.match_pattern();
        self.count(pattern.as_deref().unwrap_or(UNKNOWN), status);
    }

    fn count(mut self, route: &str, status: u16) {
        self.is_ended = true;
        let seconds = self.begun.elapsed().as_secs_f64();
        ROUTES.with_borrow_mut(|routes| {
            if !routes.contains_key(route) {
                routes.insert(route.to_owned(), Route::of(route));
            }
            if let Some(known) = routes.get_mut(route) {
                known.duration.record(seconds);
                known.count(route, self.method, status);
            }
        });
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // The event loop may be ending, and its handles with it.
        let _ = IN_FLIGHT.try_with(|(in_flight, abandoned)| {
            in_flight.decrement(1.0);
            if !self.is_ended {
                abandoned.increment(1);
            }
        });
    }
}

impl Route {
    fn of(route: &str) -> Self {
        let duration =
            histogram!("keywright_http_request_duration_seconds", "route" => route.to_owned());
        Self { duration, requests: Vec::new() }
    }

    fn count(&mut self, route: &str, method: &'static str, status: u16) {
        let is_it = |(its, with, _): &&(&str, u16, Counter)| (*its, *with) == (method, status);
        if let Some((.., counter)) = self.requests.iter().find(is_it) {
            counter.increment(1);
            return;
        }
        let labels = [
            ("method", method.into()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        let counter = counter!("keywright_http_requests_total", &labels);
        counter.increment(1);
        self.requests.push((method, status, counter));
    }
}

/// Methods are whatever a caller writes; those that mean nothing here are one.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

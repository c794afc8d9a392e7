//! A listener of its own for whoever keeps the server running: metrics and health, without a
//! credential. Reached from where it is meant to be, and by no caller.

use std::{sync::Arc, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer, dev::ServerHandle, http::header::CONTENT_TYPE, rt, web,
};
use http_actix::{METRICS_TYPE, Readiness};
use tokio::time::timeout;

use crate::{configuration::Configuration, failure::Failure, metrics::Metrics, node::Node};

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// What can be asked there.
pub(crate) struct Admin {
    metrics: Arc<Metrics>,
    readiness: Readiness,
    /// The edge, in a process that has one.
    edge: Option<web::Data<http_actix::App>>,
}

impl Admin {
    pub(crate) fn of(
        metrics: Arc<Metrics>,
        node: &Node,
        edge: Option<web::Data<http_actix::App>>,
    ) -> Self {
        Self { metrics, readiness: node.readiness(), edge }
    }

    /// Listens, if the configuration says where. Goes on until it is stopped after everything else,
    /// so that a server can be watched while it stops.
    pub(crate) fn listen(
        self,
        configuration: &Configuration,
    ) -> Result<Option<ServerHandle>, Failure> {
        let Some(listen) = configuration.server.admin_listen else { return Ok(None) };
        let admin = web::Data::new(self);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(admin.clone())
                .route("/healthz", web::get().to(async || "alive\n"))
                .route("/readyz", web::get().to(readyz))
                .route("/metrics", web::get().to(metrics))
        });
        let server = server
            .workers(1)
            .shutdown_timeout(1)
            .disable_signals()
            .bind(listen)
            .map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
        let address = server.addrs().first().copied().unwrap_or(listen);
        let server = server.run();
        let handle = server.handle();
        rt::spawn(server);
        tracing::info!(%address, "metrics and health are told");
        Ok(Some(handle))
    }
}

async fn readyz(admin: web::Data<Admin>) -> HttpResponse {
    let not_ready = || HttpResponse::ServiceUnavailable().body("not ready\n");
    if admin.edge.as_ref().is_some_and(|edge| edge.is_draining()) {
        return not_ready();
    }
    match timeout(PATIENCE, web::block(move || (admin.readiness)())).await {
        Ok(Ok(Ok(()))) => HttpResponse::Ok().body("ready\n"),
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => not_ready(),
    }
}

async fn metrics(admin: web::Data<Admin>) -> HttpResponse {
    if let Some(edge) = &admin.edge {
        edge.observe();
    }
    let text = Arc::clone(&admin.metrics).text().await;
    HttpResponse::Ok().insert_header((CONTENT_TYPE, METRICS_TYPE)).body(text)
}

//! All edges of a server, put together as the binary does it.

use std::time::Duration;

use actix_web::{HttpServer, dev::ServerHandle, rt, web};
use console_web::Console;
use http_actix::{App, Ports, Settings};
use mcp_server::Mcp;

/// So long may a caller of a test be held up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Serves on a free port; returns the address.
pub(super) fn serve(ports: Ports, settings: Settings) -> (String, ServerHandle) {
    let base_url = settings.base_url.clone();
    let agents = mcp_server::Settings {
        base_url: base_url.clone(),
        max_body_bytes: settings.max_body_bytes,
        body_timeout: settings.body_timeout,
    };
    let state = web::Data::new(App::new(ports, settings));
    let (use_cases, passwords) = (state.use_cases().clone(), state.passwords().clone());
    let console = web::Data::new(Console::new(use_cases, passwords, base_url));
    let agents = Mcp::new(state.use_cases().clone(), state.waiting().clone(), agents);
    let agents = web::Data::new(agents);
    let app = move || {
        let (agents, console) = (agents.clone(), console.clone());
        http_actix::app(state.clone(), move |config| {
            mcp_server::configure(agents)(config);
            console_web::configure(console)(config);
        })
    };
    // Test machines are slow: nobody is cut off for it.
    let server = HttpServer::new(app).client_request_timeout(PATIENCE).keep_alive(PATIENCE);
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let base = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    rt::spawn(server);
    (base, handle)
}

//! What stands in front of several servers and shares connections out: in turn, and only to those that say they are ready.
//! Not one of the well-known proxies: they learn that a server leaves from connections that fail, or only in other editions.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use crate::{process::Process, proxy::pass_on};

/// How often each server is asked whether it is ready.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Shares connections out for as long as the test goes on.
pub(crate) struct Balancer {
    /// `http://127.0.0.1:port`
    pub(crate) base: String,
    servers: Arc<Mutex<Vec<Server>>>,
    /// Ends the looking when it is dropped.
    _looking: mpsc::Sender<()>,
}

struct Server {
    address: String,
    is_ready: bool,
}

impl Balancer {
    pub(crate) fn over(servers: &[Process]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (looking, ends) = mpsc::channel();
        let balancer = Self { base, servers: Arc::default(), _looking: looking };
        servers.iter().for_each(|server| balancer.add(server));
        let all = Arc::clone(&balancer.servers);
        thread::spawn(move || {
            let open = Mutex::default();
            for (turn, client) in listener.incoming().map_while(Result::ok).enumerate() {
                if let Some(address) = choose(&all, turn) {
                    let _ = pass_on(client, &address, &open);
                    // Nobody cuts these: to keep them would only hold descriptors.
                    open.lock().expect("no panic").clear();
                }
            }
        });
        let all = Arc::clone(&balancer.servers);
        thread::spawn(move || {
            while ends.recv_timeout(ASKED_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                look(&all);
            }
        });
        balancer
    }

    /// One more server, which is ready.
    pub(crate) fn add(&self, server: &Process) {
        let address = address_of(server);
        self.servers.lock().expect("no panic").push(Server { address, is_ready: true });
    }

    /// Whether connections are sent to it.
    pub(crate) fn uses(&self, server: &Process) -> bool {
        let address = address_of(server);
        let servers = self.servers.lock().expect("no panic");
        servers.iter().any(|server| server.address == address && server.is_ready)
    }
}

fn address_of(server: &Process) -> String {
    server.base.trim_start_matches("http://").to_owned()
}

fn choose(servers: &Mutex<Vec<Server>>, turn: usize) -> Option<String> {
    let servers = servers.lock().expect("no panic");
    let ready: Vec<_> = servers.iter().filter(|server| server.is_ready).collect();
    ready.get(turn.checked_rem(ready.len())?).map(|server| server.address.clone())
}

fn look(servers: &Mutex<Vec<Server>>) {
    let addresses: Vec<_> =
        servers.lock().expect("no panic").iter().map(|server| server.address.clone()).collect();
    for address in addresses {
        let is_ready = is_ready(&address).unwrap_or(false);
        for server in &mut *servers.lock().expect("no panic") {
            if server.address == address {
                server.is_ready = is_ready;
            }
        }
    }
}

/// `None` where nobody answers.
fn is_ready(address: &str) -> Option<bool> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.starts_with("HTTP/1.1 200 "))
}

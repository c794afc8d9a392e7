//! A wire to PostgreSQL that can be cut.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Passes connections on to a PostgreSQL until it is cut.
pub(crate) struct Proxy {
    /// The database's address, by way of this proxy.
    pub(crate) url: String,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A wire to the database of `url`, which names its host and port.
    pub(crate) fn to_postgres(url: &str) -> Self {
        let (credentials, rest) = url.split_once('@').expect("a user in the URL");
        let (host, path) = rest.split_once('/').expect("a database in the URL");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let proxy = Self {
            url: format!("{credentials}@{address}/{path}"),
            is_cut: Arc::default(),
            open: Arc::default(),
        };
        let (host, is_cut, open) = (host.to_owned(), proxy.is_cut.clone(), proxy.open.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !is_cut.load(Ordering::SeqCst) {
                    let _ = pass_on(client, &host, &open);
                }
            }
        });
        proxy
    }

    /// Ends all connections and every new one.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets new connections through again.
    pub(crate) fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

/// Passes a connection on to `host` until either side ends it; the two halves are put to `open`.
pub(crate) fn pass_on(
    client: TcpStream,
    host: &str,
    open: &Mutex<Vec<TcpStream>>,
) -> io::Result<()> {
    let server = TcpStream::connect(host)?;
    for (mut from, mut to) in
        [(client.try_clone()?, server.try_clone()?), (server.try_clone()?, client.try_clone()?)]
    {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    open.lock().expect("no panic").extend([client, server]);
    Ok(())
}

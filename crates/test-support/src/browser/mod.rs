//! A real browser that tests drive as people do: by the words on a page. Headless Chromium with an empty profile, which cannot
//! reach any host but this machine. The only place that knows of WebDriver.

mod acts;
mod evidence;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{
    CapabilitiesHelper as _, ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver,
};

pub use self::evidence::{Screen, Shade};

/// What does not come is waited for so long: machines of tests are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// No network but this machine's, nothing that the browser does for itself, nothing that needs a screen.
const FLAGS: [&str; 18] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pings",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// A browser with one window, at the pages of one server. It ends with the test, whether that fails or not.
pub struct Browser {
    session: WebDriver,
    // In this order they end: the profile is deleted when nobody writes to it any more.
    _driver: Driver,
    _profile: TempDir,
    base: String,
    clicks: AtomicUsize,
    seen: Mutex<Seen>,
}

/// What the browser told of itself so far: its logs give everything once.
#[derive(Default)]
struct Seen {
    /// The addresses that were asked for, with what for (`Document`, `Script` …).
    requests: Vec<(String, String)>,
    complaints: Vec<String>,
}

/// The program that speaks WebDriver, and the browser that it started; both end when this is dropped.
struct Driver {
    child: Child,
    port: String,
    /// The session's id, and the browser's process.
    session: Option<(String, Option<Pid>)>,
}

impl Browser {
    /// Starts one; `base` is the server's `http://127.0.0.1:port`.
    ///
    /// # Panics
    /// Where Chromium or its driver is missing: `.ci/test` brings them.
    pub async fn start(base: &str) -> Self {
        Self::begin(base, true).await
    }

    /// One whose reader has switched JavaScript off.
    pub async fn start_without_script(base: &str) -> Self {
        Self::begin(base, false).await
    }

    async fn begin(base: &str, has_script: bool) -> Self {
        let profile = TempDir::new().expect("a directory");
        let mut driver = Driver::start(&profile);
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag).expect("a flag");
        }
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        wanted.add_arg(&profile_flag).expect("a flag");
        wanted.add_experimental_option("prefs", preferences(has_script)).expect("preferences");
        let logs = json!({"browser": "ALL", "performance": "ALL"});
        wanted.set("goog:loggingPrefs", logs).expect("logs");
        let address = format!("http://127.0.0.1:{}", driver.port);
        let session = WebDriver::builder(address, wanted).request_timeout(PATIENCE * 3);
        let session = session.connect().await.expect("a browser");
        driver.leads(&session);
        let browser = Self {
            session,
            _driver: driver,
            _profile: profile,
            base: base.into(),
            clicks: AtomicUsize::new(0),
            seen: Mutex::default(),
        };
        let permissions = json!({"origin": base, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        browser.tell("Browser.grantPermissions", permissions).await;
        browser.look(Shade::Light, Screen::Desktop).await;
        browser
    }

    /// How often something was clicked since the start, or since the count began anew.
    pub fn clicks(&self) -> usize {
        self.clicks.load(Ordering::Relaxed)
    }

    /// Counts clicks from here on.
    pub fn count_clicks_anew(&self) {
        self.clicks.store(0, Ordering::Relaxed);
    }

    /// A command of the DevTools protocol.
    async fn tell(&self, method: &str, parameters: Value) -> Value {
        let told = self.session.cdp().send_raw(method, parameters).await;
        told.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// Nothing pops up, and nothing is looked up elsewhere, as passwords would be.
fn preferences(has_script: bool) -> Value {
    let script = if has_script { 1 } else { 2 };
    json!({
        "credentials_enable_service": false,
        "profile.password_manager_enabled": false,
        "profile.password_manager_leak_detection": false,
        "profile.managed_default_content_settings.javascript": script,
        "safebrowsing.enabled": false,
        "search.suggest_enabled": false,
        "session.restore_on_startup": 4,
        "session.startup_urls": ["about:blank"],
        "translate.enabled": false,
    })
}

impl Driver {
    /// What it writes besides goes to `place`.
    fn start(place: &TempDir) -> Self {
        let mut child = Command::new("chromedriver")
            .args(["--port=0", "--log-level=WARNING"])
            .env("TMPDIR", place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: run tests by .ci/test");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // It must be able to write on.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, port: port.expect("where it listens"), session: None }
    }

    /// From now on the session ends with this, and not by the crate, which would wait for connections of a runtime that stands
    /// still then.
    fn leads(&mut self, session: &WebDriver) {
        let browser = session.capabilities().get("goog:processID").and_then(Value::as_i64);
        let browser = browser.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        self.session = Some((session.session_id().to_string(), browser));
        session.clone().leak().expect("a session that lives");
    }

    /// Asks for the session's end, and waits for it.
    fn end(&self, session: &str) -> std::io::Result<()> {
        let mut connection = TcpStream::connect(format!("127.0.0.1:{}", self.port))?;
        connection.set_read_timeout(Some(PATIENCE))?;
        write!(
            connection,
            "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )?;
        connection.read_exact(&mut [0])
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some((session, browser)) = &self.session
            && self.end(session).is_err()
            && let Some(browser) = browser
        {
            let _ = kill_process(*browser, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

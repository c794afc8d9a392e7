//! What a browser can bear witness to: what it asked whom for, what it complained of, whether everybody can read a page, and
//! how the page looks.

use std::{env, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::Browser;

/// The tallest picture: a page that never ends is not worth more.
const MAX_HEIGHT: u64 = 4_000;

/// Which colours the reader's system asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What the page is looked at with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// 1280 × 900
    Desktop,
    /// 390 × 844, and fingers.
    Phone,
}

impl Shade {
    /// `light` or `dark`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Screen {
    /// `desktop` or `phone`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Phone => "phone",
        }
    }

    fn size(self) -> (u64, u64) {
        match self {
            Self::Desktop => (1280, 900),
            Self::Phone => (390, 844),
        }
    }
}

impl Browser {
    /// From now on the reader has this screen and these colours, and wants nothing to move.
    pub async fn look(&self, shade: Shade, screen: Screen) {
        let features = json!([{"name": "prefers-color-scheme", "value": shade.name()},
            {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.tell("Emulation.setEmulatedMedia", json!({"features": features})).await;
        let (width, height) = screen.size();
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": screen == Screen::Phone});
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// The whole page as a picture, in `target/screenshots/<name>.png`.
    pub async fn screenshot(&self, name: &str) {
        let metrics = self.tell("Page.getLayoutMetrics", json!({})).await;
        let size = |name: &str| metrics["cssContentSize"][name].as_f64().unwrap_or_default().ceil();
        let height = size("height").min(MAX_HEIGHT as f64);
        let clip = json!({"x": 0, "y": 0, "width": size("width"), "height": height, "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.tell("Page.captureScreenshot", wanted).await;
        let picture = STANDARD.decode(picture["data"].as_str().expect("a picture"));
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(format!("{name}.png")), picture.expect("base64")).expect("a file");
    }

    /// Asks axe whether everybody can use the page: what is wrong, and where.
    ///
    /// # Panics
    /// When tests are not run by `.ci/test`, which brings axe.
    pub async fn accessibility_faults(&self) -> Vec<String> {
        let program = env::var("KEYWRIGHT_TEST_AXE").expect("run tests by .ci/test");
        let program = fs::read_to_string(program).expect("axe");
        let has_it = self.run("return typeof axe === 'object';").await;
        if has_it != true {
            self.run(&format!("{program}; window.axe = axe;")).await;
        }
        // Everything that axe knows, best practices included, but for what it would have to ask the network for.
        let look = "const done = arguments[arguments.length - 1];
            axe.run(document, { preload: false, resultTypes: ['violations'] }).then((found) => done(found.violations.map((one) =>
              one.impact + ' ' + one.id + ': ' + one.help + '\\n' + one.nodes.slice(0, 4).map((node) =>
                '    ' + node.html.slice(0, 200) + '\\n      ' + node.any.concat(node.all, node.none).map((why) => why.message).join('; ')).join('\\n'))),
              (error) => done(['axe failed: ' + error]));";
        let found = self.session.execute_async(look, Vec::new()).await.expect("an answer");
        texts(found.json())
    }

    /// What sticks out of the screen to the right.
    pub async fn width_faults(&self) -> Vec<String> {
        texts(&self.ask(json!("overflow"), Value::Null, Value::Null).await)
    }

    /// Every address that pages asked for since the start.
    pub async fn requests(&self) -> Vec<String> {
        self.read_logs().await;
        let seen = self.seen.lock().expect("no panic");
        seen.requests.iter().map(|(address, _)| address.clone()).collect()
    }

    /// What the browser complained of since the start: what a policy forbade, errors in scripts, what was not there. That a
    /// page or what a script asked for was refused is not among it: pages tell of that themselves.
    pub async fn complaints(&self) -> Vec<String> {
        self.read_logs().await;
        let seen = self.seen.lock().expect("no panic");
        let is_refusal = |complaint: &str| {
            complaint.contains("Failed to load resource") && {
                let address = complaint.split_whitespace().next().unwrap_or_default();
                seen.requests.iter().any(|(asked, what)| {
                    asked == address && ["Document", "Fetch", "XHR"].contains(&what.as_str())
                })
            }
        };
        seen.complaints.iter().filter(|one| !is_refusal(one)).cloned().collect()
    }

    /// Nothing was asked of another host, and nothing complained of.
    pub async fn check_manners(&self) {
        let is_here = |address: &String| {
            address.starts_with(&format!("{}/", self.base))
                || ["data:", "blob:", "about:", "chrome:"]
                    .iter()
                    .any(|scheme| address.starts_with(scheme))
        };
        let foreign: Vec<String> =
            self.requests().await.into_iter().filter(|address| !is_here(address)).collect();
        assert!(foreign.is_empty(), "asked of another host: {foreign:#?}");
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    /// The page as HTML, as it stands now.
    pub async fn source(&self) -> String {
        self.session.source().await.expect("a page")
    }

    /// Everything where the page could keep a text: itself, its fields, its address, its history's state, its storages, its
    /// cookies as far as scripts see them.
    pub async fn remains(&self) -> String {
        // The empty page that a browser begins with has neither storages nor cookies.
        let collect = "const kept = (read) => { try { return read(); } catch { return ''; } };
            return [document.documentElement.outerHTML, location.href, document.referrer, JSON.stringify(history.state),
            kept(() => JSON.stringify(localStorage)), kept(() => JSON.stringify(sessionStorage)), kept(() => document.cookie)]
            .concat(Array.from(document.querySelectorAll('input, textarea'), (field) => field.value)).join(' ');";
        self.run(collect).await.as_str().expect("a text").to_owned()
    }

    async fn run(&self, script: &str) -> Value {
        let ran = self.session.execute(script, Vec::new()).await;
        ran.unwrap_or_else(|error| panic!("{error}")).json().clone()
    }

    async fn read_logs(&self) {
        let performed = self.session.get_log("performance").await.expect("a log");
        let told = self.session.get_log("browser").await.expect("a log");
        let mut seen = self.seen.lock().expect("no panic");
        for entry in performed {
            let event: Value = serde_json::from_str(&entry.message).unwrap_or_default();
            let (event, parameters) = (&event["message"], &event["message"]["params"]);
            let address = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => &parameters["request"]["url"],
                Some("Network.webSocketCreated" | "Network.webTransportCreated") => {
                    &parameters["url"]
                }
                _ => continue,
            };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            seen.requests.push((text(address), text(&parameters["type"])));
        }
        let complaints =
            told.into_iter().filter(|entry| entry.level != "INFO" && entry.level != "DEBUG");
        seen.complaints.extend(complaints.map(|entry| entry.message));
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

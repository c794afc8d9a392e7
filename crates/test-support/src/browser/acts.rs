//! What a person does at a page, and waits for.

use std::{path::Path, sync::atomic::Ordering, time::Instant};

use serde_json::{Value, json};
use thirtyfour::{Key, WebElement};
use tokio::time::{Duration, interval};

use super::{Browser, PATIENCE};

const PAGE: &str = include_str!("page.js");
/// Between two looks.
const BLINK: Duration = Duration::from_millis(40);

impl Browser {
    /// Goes to a path of the server.
    pub async fn visit(&self, path: &str) {
        let address = format!("{}{path}", self.base);
        self.session.goto(&address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Clicks the link, button or box of this name.
    pub async fn click(&self, name: &str) {
        self.press(name, None).await;
    }

    /// The same, in the row, section or other place that tells of `place`, the nearest one.
    pub async fn click_in(&self, place: &str, name: &str) {
        self.press(name, Some(place)).await;
    }

    /// Writes into the field of this label, instead of what stands there.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.find("field", label, None).await;
        let kind = field.attr("type").await.expect("a field").unwrap_or_default();
        // What keys mean in a date depends on where the browser thinks it is.
        if kind.starts_with("date") || kind == "time" {
            let set = "arguments[0].value = arguments[1];
                for (const name of ['input', 'change']) arguments[0].dispatchEvent(new Event(name, { bubbles: true }));";
            let field = field.to_json().expect("a field");
            self.session.execute(set, vec![field, json!(text)]).await.expect("a date");
            return;
        }
        if kind != "file" {
            field.clear().await.unwrap_or_else(|error| panic!("'{label}': {error}"));
        }
        field.send_keys(text).await.unwrap_or_else(|error| panic!("'{label}': {error}"));
    }

    /// Chooses a file for the field of this label.
    pub async fn attach(&self, label: &str, file: &Path) {
        self.fill(label, file.to_str().expect("UTF-8")).await;
    }

    /// Chooses `option` in the list of this label.
    pub async fn choose(&self, label: &str, option: &str) {
        let option = self.find("option", label, Some(option)).await;
        option.click().await.unwrap_or_else(|error| panic!("'{label}': {error}"));
    }

    /// What stands in the field of this label.
    pub async fn value(&self, label: &str) -> String {
        let field = self.find("field", label, None).await;
        field.value().await.expect("a field").unwrap_or_default()
    }

    /// Whether there is a link, button or box of this name now.
    pub async fn offers(&self, name: &str) -> bool {
        let there = self.ask(json!("press"), json!(name), Value::Null).await;
        // Several of a name are there as well.
        !there[0].is_null() || there[1].as_str().is_some_and(|told| !told.starts_with("there are"))
    }

    /// Waits until the page shows `text`.
    pub async fn see(&self, text: &str) {
        self.wait_for(&format!("'{text}' to be seen"), async || self.shows(text).await).await;
    }

    /// Waits until the page does not show `text`.
    pub async fn not_see(&self, text: &str) {
        self.wait_for(&format!("'{text}' not to be seen"), async || !self.shows(text).await).await;
    }

    /// Waits until the path is this, whatever the query.
    pub async fn arrive(&self, path: &str) {
        self.wait_for(&format!("the path {path}"), async || self.path().await == path).await;
    }

    /// What the page shows now.
    pub async fn text(&self) -> String {
        let text = self.ask(json!("text"), Value::Null, Value::Null).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The longest word that the page shows of those that begin so: a key, where hints of others stand beside it.
    pub async fn word_beginning(&self, start: &str) -> String {
        let text = self.text().await;
        let words = text.split_whitespace().filter(|word| word.starts_with(start));
        let word = words.max_by_key(|word| word.len());
        word.unwrap_or_else(|| panic!("nothing begins with '{start}' in: {text}")).to_owned()
    }

    /// The path of the page's address.
    pub async fn path(&self) -> String {
        self.session.current_url().await.expect("an address").path().to_owned()
    }

    /// The page's whole address.
    pub async fn address(&self) -> String {
        self.session.current_url().await.expect("an address").to_string()
    }

    /// Back in the history.
    pub async fn back(&self) {
        self.session.back().await.expect("a page before");
    }

    /// Forward in the history.
    pub async fn forward(&self) {
        self.session.forward().await.expect("a page behind");
    }

    /// The same page once more.
    pub async fn reload(&self) {
        self.session.refresh().await.expect("a page");
    }

    /// What was copied last.
    pub async fn clipboard(&self) -> String {
        let read = "const done = arguments[arguments.length - 1];
            navigator.clipboard.readText().then(done, (error) => done('' + error));";
        let copied = self.session.execute_async(read, Vec::new()).await.expect("a clipboard");
        copied.json().as_str().unwrap_or_default().to_owned()
    }

    /// Strikes keys, wherever the focus is.
    pub async fn type_keys(&self, text: &str) {
        let struck = self.session.action_chain().send_keys(text).perform().await;
        struck.expect("a keyboard");
    }

    /// Strikes Enter.
    pub async fn enter(&self) {
        self.strike(Key::Enter).await;
    }

    /// Strikes Escape.
    pub async fn escape(&self) {
        self.strike(Key::Escape).await;
    }

    /// Goes on by the tabulator until the name of what has the focus begins so.
    ///
    /// # Panics
    /// After a hundred steps, naming where it has been.
    pub async fn tab_to(&self, name: &str) {
        let mut been = Vec::new();
        for _ in 0..100 {
            self.strike(Key::Tab).await;
            let focused = self.focused().await;
            if focused.starts_with(name) {
                return;
            }
            been.push(focused);
        }
        panic!("the tabulator does not reach '{name}': {been:?}");
    }

    /// The name of what has the focus; empty: nothing has.
    pub async fn focused(&self) -> String {
        let focused = self.ask(json!("focused"), Value::Null, Value::Null).await;
        focused.as_str().unwrap_or_default().to_owned()
    }

    async fn strike(&self, key: Key) {
        self.session.action_chain().send_keys(key).perform().await.expect("a keyboard");
    }

    async fn press(&self, name: &str, place: Option<&str>) {
        let start = Instant::now();
        loop {
            let found = self.find("press", name, place).await;
            match found.click().await {
                Ok(()) => break,
                // It moved, or went away, or something else lies above it for the moment.
                Err(error) => assert!(start.elapsed() < PATIENCE, "'{name}': {error}"),
            }
        }
        self.clicks.fetch_add(1, Ordering::Relaxed);
    }

    async fn find(&self, kind: &str, name: &str, within: Option<&str>) -> WebElement {
        let (start, mut again) = (Instant::now(), interval(BLINK));
        loop {
            again.tick().await;
            let mut found = self.ask(json!(kind), json!(name), json!(within)).await;
            if found[0].is_object() {
                let element = WebElement::from_json(found[0].take(), self.session.handle().clone());
                return element.expect("an element");
            }
            if start.elapsed() > PATIENCE {
                let (place, text) = (within.unwrap_or("the page"), self.text().await);
                panic!("no '{name}' in {place}; {}\n\n{text}", found[1]);
            }
        }
    }

    async fn shows(&self, text: &str) -> bool {
        let tidy =
            |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        tidy(&self.text().await).contains(&tidy(text))
    }

    async fn wait_for(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let (start, mut again) = (Instant::now(), interval(BLINK));
        while !is_so().await {
            if start.elapsed() > PATIENCE {
                let (address, text) = (self.address().await, self.text().await);
                panic!("waited for {what} at {address}, where there is:\n\n{text}");
            }
            again.tick().await;
        }
    }

    /// Nothing and why, as where nothing is found, while a page gives way to the next.
    pub(super) async fn ask(&self, what: Value, name: Value, within: Value) -> Value {
        let answer = self.session.execute(PAGE, vec![what, name, within]).await;
        match answer {
            Ok(answer) => answer.json().clone(),
            Err(error) => json!([null, error.to_string()]),
        }
    }
}

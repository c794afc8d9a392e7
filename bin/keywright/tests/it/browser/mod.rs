//! What people do in a browser, done in a browser: Chromium, headless, driven by the words on the pages.

mod given;
mod journey;
mod papers;
mod people;
mod platform;
mod secrets;
mod tour;

use test_support::browser::{Browser, Screen, Shade};

/// A browser at the log-in's other side.
async fn logged_in(base: &str, username: &str, password: &str) -> Browser {
    let browser = Browser::start(base).await;
    log_in(&browser, username, password).await;
    browser
}

/// Logs in by the form, and waits for what comes then.
async fn log_in(browser: &Browser, username: &str, password: &str) {
    browser.visit("/log-in").await;
    browser.fill("User name", username).await;
    browser.fill("Password", password).await;
    browser.click("Log in").await;
    browser.see("API Deployments").await;
}

/// In light and dark, on a desk and in a hand: pictures are taken, everybody can use the page, and it fits. What is wrong with it
/// otherwise.
async fn faults(browser: &Browser, name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for screen in [Screen::Desktop, Screen::Phone] {
        for shade in [Shade::Light, Shade::Dark] {
            browser.look(shade, screen).await;
            let view = format!("{name}-{}-{}", shade.name(), screen.name());
            browser.screenshot(&view).await;
            // Colours do not depend on the screen, nor its layout on the colours.
            let is_asked = (shade == Shade::Light) == (screen == Screen::Desktop);
            let found = if is_asked {
                browser.accessibility_faults().await
            } else {
                browser.width_faults().await
            };
            faults.extend(found.into_iter().map(|fault| format!("{view}: {fault}")));
        }
    }
    browser.look(Shade::Light, Screen::Desktop).await;
    faults
}

/// The same where nothing may be wrong.
async fn everybody_can_use(browser: &Browser, name: &str) {
    let faults = faults(browser, name).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

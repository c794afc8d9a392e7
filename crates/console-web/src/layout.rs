//! The frame of every page: what is loaded, who is looking, where one can go. Knows no page.

use maud::{DOCTYPE, Markup, html};

use crate::{
    assets,
    parts::{Flash, Tab, tabs},
    viewer::{Place, Viewer},
};

/// A place of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Workflows.
    Workflows,
    /// API Deployments.
    Deployments,
    /// The organization's keys.
    ApiKeys,
    /// Executions.
    Executions,
    /// Usage.
    Usage,
    /// Audit.
    Audit,
    /// Settings, and which of them.
    Settings(SettingsTab),
}

impl Section {
    const ALL: [Self; 7] = [
        Self::Workflows,
        Self::Deployments,
        Self::ApiKeys,
        Self::Executions,
        Self::Usage,
        Self::Audit,
        Self::Settings(SettingsTab::Platform),
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Workflows => "Workflows",
            Self::Deployments => "API Deployments",
            Self::ApiKeys => "API Keys",
            Self::Executions => "Executions",
            Self::Usage => "Usage",
            Self::Audit => "Audit",
            Self::Settings(_) => "Settings",
        }
    }

    /// Below the organization. Settings begin with what the viewer may open.
    fn path(self, is_admin: bool) -> &'static str {
        match self {
            Self::Workflows => "/workflows",
            Self::Deployments => "/deployments",
            Self::ApiKeys => "/api-keys",
            Self::Executions => "/executions",
            Self::Usage => "/usage",
            Self::Audit => "/audit",
            Self::Settings(_) if is_admin => SettingsTab::Platform.path(),
            Self::Settings(_) => SettingsTab::ApiKeys.path(),
        }
    }

    fn is_for_admins(self) -> bool {
        match self {
            Self::ApiKeys | Self::Audit => true,
            Self::Workflows
            | Self::Deployments
            | Self::Executions
            | Self::Usage
            | Self::Settings(_) => false,
        }
    }

    fn is_same_place(self, other: Self) -> bool {
        self.label() == other.label()
    }
}

/// One of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingsTab {
    /// Platform keys.
    Platform,
    /// A key for each deployment.
    ApiKeys,
    /// The organization itself.
    Organization,
    /// Its members.
    Members,
    /// Its webhooks.
    Webhooks,
    /// Its secrets.
    Secrets,
}

impl SettingsTab {
    const ALL: [Self; 6] = [
        Self::Platform,
        Self::ApiKeys,
        Self::Organization,
        Self::Members,
        Self::Webhooks,
        Self::Secrets,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Platform => "Platform",
            Self::ApiKeys => "API Keys",
            Self::Organization => "Organization",
            Self::Members => "Members",
            Self::Webhooks => "Webhooks",
            Self::Secrets => "Secrets",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Platform => "/settings/platform",
            Self::ApiKeys => "/settings/api-keys",
            Self::Organization => "/settings/organization",
            Self::Members => "/settings/members",
            Self::Webhooks => "/settings/webhooks",
            Self::Secrets => "/settings/secrets",
        }
    }

    /// Members may see what their organization is called, for the clients that they configure.
    fn is_for_admins(self) -> bool {
        match self {
            Self::Platform | Self::Members | Self::Webhooks | Self::Secrets => true,
            Self::ApiKeys | Self::Organization => false,
        }
    }
}

/// What the frame needs to know of the page in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    title: &'a str,
    viewer: Option<&'a Viewer>,
    section: Option<Section>,
    flash: Option<Flash<'a>>,
}

impl<'a> Frame<'a> {
    /// The frame of the page that `title` names, in the browser's own line too.
    pub(crate) fn new(title: &'a str) -> Self {
        Self { title, viewer: None, section: None, flash: None }
    }

    /// With whom the page is for; without, there is nowhere to go from it.
    pub(crate) fn viewer(self, viewer: &'a Viewer) -> Self {
        Self { viewer: Some(viewer), ..self }
    }

    /// Which place of the navigation the page belongs to.
    pub(crate) fn section(self, section: Section) -> Self {
        Self { section: Some(section), ..self }
    }

    /// What is said of what was just done, if anything.
    pub(crate) fn flash(self, flash: Option<Flash<'a>>) -> Self {
        Self { flash, ..self }
    }
}

/// A whole page. `body` begins with its own heading ([`crate::parts::heading`]).
pub(crate) fn page(frame: Frame<'_>, body: Markup) -> Markup {
    let here = frame.viewer.and_then(|viewer| viewer.here.as_ref());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                title { (frame.title) " · Keywright" }
                link rel="icon" type="image/svg+xml" href=(assets::icon());
                link rel="stylesheet" href=(assets::css());
                script src=(assets::js()) defer {}
            }
            body .lone[here.is_none()] .nobody[frame.viewer.is_none()] {
                a .skip href="#main" { "Skip to the content" }
                @if let Some(viewer) = frame.viewer { (header(viewer)) } @else { (bare_header()) }
                @if let Some(place) = here { (navigation(place, frame.section)) }
                main #main tabindex="-1" {
                    @if let Some(flash) = frame.flash { (flash) }
                    @if let (Some(place), Some(Section::Settings(open))) = (here, frame.section) {
                        (settings_tabs(place, open))
                    }
                    (body)
                }
                p .visually-hidden #announcer role="status" {}
            }
        }
    }
}

/// Of a page for somebody who is not known.
fn bare_header() -> Markup {
    html! { header .top { a .product href="/" aria-label="Keywright" { (mark()) span { "Keywright" } } } }
}

fn header(viewer: &Viewer) -> Markup {
    let home = viewer.here.as_ref().map_or_else(|| "/".to_owned(), |place| place.href(""));
    html! {
        header .top {
            a .product href=(home) aria-label="Keywright" { (mark()) span { "Keywright" } }
            @if let Some(here) = &viewer.here { (switcher(here, &viewer.organizations)) }
            details .menu .account {
                summary { span .visually-hidden { "Account of " } (viewer.username) }
                div .menu-list {
                    @if let Some(here) = &viewer.here { p .quiet { "Role: " (here.role.as_str()) } }
                    a href="/account" { "Account" }
                    form method="post" action="/log-out" {
                        input type="hidden" name="csrf" value=(viewer.csrf);
                        button type="submit" { "Log out" }
                    }
                }
            }
        }
    }
}

/// The product's sign, as in the icon.
fn mark() -> Markup {
    html! {
        svg .mark viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" {
            circle cx="11" cy="16" r="5" {}
            path d="M16 16h10M22 16v4.500M26 16v3" {}
        }
    }
}

fn switcher(here: &Place, all: &[Place]) -> Markup {
    html! {
        details .menu .organizations {
            summary { span .visually-hidden { "Organization: " } (here.name) }
            div .menu-list {
                p .quiet { "Organizations" }
                @for place in all {
                    a href=(place.href("")) aria-current=[(place.id == here.id).then_some("true")] {
                        (place.name)
                        @if place.name != place.slug { " " span .quiet { (place.slug) } }
                    }
                }
            }
        }
    }
}

fn navigation(place: &Place, open: Option<Section>) -> Markup {
    let is_admin = place.is_admin();
    html! {
        nav .sections aria-label="Sections" {
            @for section in Section::ALL.into_iter().filter(|one| is_admin || !one.is_for_admins()) {
                a href=(place.href(section.path(is_admin)))
                  aria-current=[open.is_some_and(|open| open.is_same_place(section)).then_some("page")] {
                    (section.label())
                }
            }
        }
    }
}

fn settings_tabs(place: &Place, open: SettingsTab) -> Markup {
    let shown = SettingsTab::ALL.into_iter().filter(|tab| place.is_admin() || !tab.is_for_admins());
    let all: Vec<Tab> =
        shown.map(|tab| Tab::new(tab.label(), place.href(tab.path()), tab == open)).collect();
    tabs("Settings", &all)
}

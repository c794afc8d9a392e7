//! Fields of forms, each with its label, its hint and its faults, and with what was typed in it.

use maud::{Markup, Render, html};

use super::Filled;

/// Something that can be chosen.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    value: String,
    label: String,
    hint: Option<String>,
}

impl Choice {
    /// The choice that is sent as `value` and read as `label`.
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: None }
    }

    /// With a word on what it means; not in a select.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

#[derive(Debug, Clone)]
enum Kind {
    Line { is: &'static str, mode: Option<&'static str> },
    Area { rows: u8, is_code: bool },
    Select(Vec<Choice>),
    Tick,
    Ticks(Vec<Choice>),
    Radios(Vec<Choice>),
}

/// One field. Its name is the member of the JSON body that it stands for, so that faults find it by their pointers.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    name: String,
    label: String,
    hint: Option<Markup>,
    kind: Kind,
    is_required: bool,
    /// Whether it says of itself that it may be left empty.
    tells_optional: bool,
    autocomplete: Option<&'static str>,
    placeholder: Option<String>,
}

impl Field {
    fn new(name: impl Into<String>, label: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: None,
            kind,
            is_required: false,
            tells_optional: true,
            autocomplete: None,
            placeholder: None,
        }
    }

    /// A line of text.
    pub(crate) fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line { is: "text", mode: None })
    }

    /// A whole number. A text to the browser, so that what is no number comes back as it was typed.
    pub(crate) fn number(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line { is: "text", mode: Some("numeric") })
    }

    /// A mail address.
    pub(crate) fn email(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line { is: "email", mode: None })
    }

    /// A password, which alone does not come back.
    pub(crate) fn password(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line { is: "password", mode: None })
    }

    /// What to search for.
    pub(crate) fn search(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line { is: "search", mode: None })
    }

    /// A day and a time, in UTC: [`crate::parts::read_date_time`] reads it.
    pub(crate) fn date_time(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Line { is: "datetime-local", mode: None })
    }

    /// Several lines.
    pub(crate) fn area(name: impl Into<String>, label: impl Into<String>, rows: u8) -> Self {
        Self::new(name, label, Kind::Area { rows, is_code: false })
    }

    /// Several lines of JSON or the like.
    pub(crate) fn code(name: impl Into<String>, label: impl Into<String>, rows: u8) -> Self {
        Self::new(name, label, Kind::Area { rows, is_code: true })
    }

    /// One of several, folded.
    pub(crate) fn select(
        name: impl Into<String>,
        label: impl Into<String>,
        all: Vec<Choice>,
    ) -> Self {
        Self::new(name, label, Kind::Select(all))
    }

    /// Yes (`true`) or nothing.
    pub(crate) fn tick(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Tick)
    }

    /// Any of several.
    pub(crate) fn ticks(
        name: impl Into<String>,
        label: impl Into<String>,
        all: Vec<Choice>,
    ) -> Self {
        Self::new(name, label, Kind::Ticks(all))
    }

    /// One of several, all seen.
    pub(crate) fn radios(
        name: impl Into<String>,
        label: impl Into<String>,
        all: Vec<Choice>,
    ) -> Self {
        Self::new(name, label, Kind::Radios(all))
    }

    /// With a sentence on what is wanted.
    pub(crate) fn hint(self, hint: impl Render) -> Self {
        Self { hint: Some(hint.render()), ..self }
    }

    /// It must not be left empty. The server says so, not the browser: all faults look alike.
    pub(crate) fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// Where it goes without saying that nothing has to be filled in.
    pub(super) fn unmarked(self) -> Self {
        Self { tells_optional: false, ..self }
    }

    /// What a browser may fill in (`username`, `current-password`); otherwise nothing.
    pub(crate) fn autocomplete(self, what: &'static str) -> Self {
        Self { autocomplete: Some(what), ..self }
    }

    /// An example, seen while it is empty. Never instead of a hint.
    pub(crate) fn placeholder(self, example: impl Into<String>) -> Self {
        Self { placeholder: Some(example.into()), ..self }
    }

    /// What people call it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The name that it is sent under.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The id that a link to its fault leads to, in the form of the id `form`.
    pub(super) fn id(&self, form: &str) -> String {
        format!("{form}-{}", self.name)
    }

    pub(super) fn render(&self, form: &str, filled: &Filled) -> Markup {
        match &self.kind {
            Kind::Ticks(all) => self.group(form, filled, all, "checkbox"),
            Kind::Radios(all) => self.group(form, filled, all, "radio"),
            Kind::Tick => self.tick_box(form, filled),
            Kind::Line { .. } | Kind::Area { .. } | Kind::Select(_) => html! {
                div .field.faulty[self.is_faulty(filled)] {
                    label for=(self.id(form)) { (self.label) (self.optional()) }
                    (self.hint_line(form))
                    (self.faults(form, filled))
                    (self.control(form, filled))
                }
            },
        }
    }

    fn optional(&self) -> Markup {
        let is_empty_allowed = match &self.kind {
            Kind::Line { .. } | Kind::Area { .. } | Kind::Ticks(_) => !self.is_required,
            Kind::Select(_) | Kind::Tick | Kind::Radios(_) => false,
        };
        html! { @if is_empty_allowed && self.tells_optional { span .optional { " (optional)" } } }
    }

    fn control(&self, form: &str, filled: &Filled) -> Markup {
        let (id, value) = (self.id(form), filled.value(&self.name));
        let (invalid, described) = (self.invalid(filled), self.described_by(form, filled));
        match &self.kind {
            Kind::Line { is, mode } => {
                let value = (*is != "password").then_some(value);
                html! {
                    input id=(id) name=(self.name) type=(is) value=[value] inputmode=[*mode]
                        autocomplete=(self.autocomplete.unwrap_or("off")) placeholder=[self.placeholder.as_deref()]
                        spellcheck="false" required[self.is_required]
                        aria-invalid=[invalid] aria-describedby=[described];
                }
            }
            Kind::Area { rows, is_code } => html! {
                // The parser drops a first line break, and thereby the one that was typed.
                textarea id=(id) name=(self.name) rows=(rows) .mono[*is_code] spellcheck=(!is_code)
                    placeholder=[self.placeholder.as_deref()] required[self.is_required]
                    aria-invalid=[invalid] aria-describedby=[described] { "\n" (value) }
            },
            Kind::Select(all) | Kind::Ticks(all) | Kind::Radios(all) => html! {
                select id=(id) name=(self.name) aria-invalid=[invalid] aria-describedby=[described] {
                    @for one in all {
                        option value=(one.value) selected[one.value == value] { (one.label) }
                    }
                }
            },
            Kind::Tick => html! {
                input id=(id) name=(self.name) type="checkbox" value="true" checked[filled.has(&self.name, "true")]
                    aria-invalid=[invalid] aria-describedby=[described];
            },
        }
    }

    fn tick_box(&self, form: &str, filled: &Filled) -> Markup {
        html! {
            div .field.tick.faulty[self.is_faulty(filled)] {
                (self.control(form, filled))
                label for=(self.id(form)) { (self.label) }
                (self.hint_line(form))
                (self.faults(form, filled))
            }
        }
    }

    fn group(&self, form: &str, filled: &Filled, all: &[Choice], is: &str) -> Markup {
        html! {
            fieldset .field.faulty[self.is_faulty(filled)] id=(self.id(form)) tabindex="-1"
                aria-describedby=[self.described_by(form, filled)] {
                legend { (self.label) (self.optional()) }
                (self.hint_line(form))
                (self.faults(form, filled))
                @for (index, one) in all.iter().enumerate() {
                    @let id = format!("{}-{index}", self.id(form));
                    div .tick {
                        input id=(id) name=(self.name) type=(is) value=(one.value)
                            checked[filled.has(&self.name, &one.value)];
                        label for=(id) { (one.label) @if let Some(hint) = &one.hint { span .hint { (hint) } } }
                    }
                }
            }
        }
    }

    fn hint_line(&self, form: &str) -> Markup {
        html! { @if let Some(hint) = &self.hint { p .hint id={ (self.id(form)) "-hint" } { (hint) } } }
    }

    fn faults(&self, form: &str, filled: &Filled) -> Markup {
        html! {
            @if self.is_faulty(filled) {
                p .fault id={ (self.id(form)) "-fault" } {
                    @for (index, fault) in filled.faults_of(&self.name).enumerate() {
                        @if index > 0 { br; }
                        (fault.detail)
                    }
                }
            }
        }
    }

    pub(super) fn is_faulty(&self, filled: &Filled) -> bool {
        filled.faults_of(&self.name).next().is_some()
    }

    fn invalid(&self, filled: &Filled) -> Option<&'static str> {
        self.is_faulty(filled).then_some("true")
    }

    fn described_by(&self, form: &str, filled: &Filled) -> Option<String> {
        let id = self.id(form);
        let hint = self.hint.is_some().then(|| format!("{id}-hint"));
        let fault = self.is_faulty(filled).then(|| format!("{id}-fault"));
        let both: Vec<String> = hint.into_iter().chain(fault).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }
}

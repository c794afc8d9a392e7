//! Forms: fields in order, what is wrong told above and beside them, and the buttons.

use maud::{Markup, Render, html};

use super::{Button, Field, Filled, filled::member};

#[derive(Debug, Clone)]
enum Piece {
    Field(Field),
    Fold { summary: String, fields: Vec<Field> },
    Text(String),
    Markup(String),
}

/// A form that posts.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    id: String,
    action: String,
    csrf: String,
    pieces: Vec<Piece>,
    buttons: Vec<Button>,
    back: Option<String>,
    reveals: bool,
}

impl Form {
    /// A form to `action`, with what makes it believed.
    pub(crate) fn post(action: impl Into<String>, csrf: impl Into<String>) -> Self {
        Self {
            id: "form".into(),
            action: action.into(),
            csrf: csrf.into(),
            pieces: Vec::new(),
            buttons: Vec::new(),
            back: None,
            reveals: false,
        }
    }

    /// With an id that its fields' ids begin with, where a page has several forms.
    pub(crate) fn id(self, id: impl Into<String>) -> Self {
        Self { id: id.into(), ..self }
    }

    /// With one more field.
    pub(crate) fn field(mut self, field: Field) -> Self {
        self.pieces.push(Piece::Field(field));
        self
    }

    /// With fields that are folded away until somebody wants them, or one of them is wrong.
    pub(crate) fn fold(mut self, summary: impl Into<String>, fields: Vec<Field>) -> Self {
        let fields = fields.into_iter().map(Field::unmarked).collect();
        self.pieces.push(Piece::Fold { summary: summary.into(), fields });
        self
    }

    /// With a paragraph between the fields.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.pieces.push(Piece::Text(text.into()));
        self
    }

    /// With anything else between the fields.
    pub(crate) fn markup(mut self, markup: Markup) -> Self {
        self.pieces.push(Piece::Markup(markup.into_string()));
        self
    }

    /// With a hidden value.
    pub(crate) fn hidden(self, name: &str, value: &str) -> Self {
        self.markup(html! { input type="hidden" name=(name) value=(value); })
    }

    /// With a button at its end.
    pub(crate) fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }

    /// With a way out: "Cancel", which closes the dialog that the form is in, or leads to `href`.
    pub(crate) fn back(self, href: impl Into<String>) -> Self {
        Self { back: Some(href.into()), ..self }
    }

    /// Its answer shows a secret ([`crate::parts::SecretShown`]), which the script puts into a dialog.
    pub(crate) fn reveals(self) -> Self {
        Self { reveals: true, ..self }
    }

    /// The form with what stands in it.
    pub(crate) fn render(&self, filled: &Filled) -> Markup {
        html! {
            form .stack id=(self.id) method="post" action=(self.action) novalidate data-reveals[self.reveals] {
                input type="hidden" name="csrf" value=(self.csrf);
                (self.summary(filled))
                @for piece in &self.pieces { (self.piece(piece, filled)) }
                div .buttons {
                    @for button in &self.buttons { (button) }
                    @if let Some(back) = &self.back { a .button.plain href=(back) data-closes { "Cancel" } }
                }
            }
        }
    }

    fn piece(&self, piece: &Piece, filled: &Filled) -> Markup {
        match piece {
            Piece::Field(field) => field.render(&self.id, filled),
            Piece::Fold { summary, fields } => html! {
                details .fold open[fields.iter().any(|field| field.is_faulty(filled))] {
                    summary { (summary) }
                    div .stack { @for field in fields { (field.render(&self.id, filled)) } }
                }
            },
            Piece::Text(text) => html! { p { (text) } },
            Piece::Markup(markup) => maud::PreEscaped(markup.clone()),
        }
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.pieces.iter().flat_map(|piece| match piece {
            Piece::Field(field) => std::slice::from_ref(field),
            Piece::Fold { fields, .. } => fields.as_slice(),
            Piece::Text(_) | Piece::Markup(_) => &[],
        })
    }

    /// Everything that is wrong, each leading to its field where it has one. Focused by the script; `alert` for those who do
    /// without.
    fn summary(&self, filled: &Filled) -> Markup {
        html! {
            @if !filled.faults().is_empty() {
                div .faults role="alert" tabindex="-1" data-faults {
                    p { strong { "This could not be done." } }
                    ul {
                        @for fault in filled.faults() {
                            @let field = self.fields().find(|field| member(fault) == Some(field.name()));
                            li {
                                @if let Some(field) = field {
                                    a href={ "#" (field.id(&self.id)) } { (field.label()) ": " (fault.detail) }
                                } @else { (fault.detail) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A form that asks for the same list with other filters. Works by the address alone.
#[derive(Debug, Clone)]
pub(crate) struct FilterBar {
    action: String,
    fields: Vec<Field>,
}

impl FilterBar {
    /// Filters of the list at `action`.
    pub(crate) fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), fields: Vec::new() }
    }

    /// With one more filter. All are optional, and are not marked as that.
    pub(crate) fn field(mut self, field: Field) -> Self {
        self.fields.push(field.unmarked());
        self
    }

    /// The bar with what is filtered by now, what is wrong with it told beside.
    pub(crate) fn render(&self, filled: &Filled) -> Markup {
        let is_set = self.fields.iter().any(|field| !filled.value(field.name()).is_empty());
        html! {
            search {
                form .filters method="get" action=(self.action) novalidate {
                    @for field in &self.fields { (field.render("filter", filled)) }
                    div .buttons {
                        (Button::submit("Filter"))
                        @if is_set { (Button::link("Clear", self.action.as_str()).plain()) }
                    }
                }
            }
        }
    }
}

impl Render for FilterBar {
    fn render(&self) -> Markup {
        self.render(&Filled::blank())
    }
}

#[cfg(test)]
mod tests {
    use api_types::ProblemError;

    use super::*;

    fn refused() -> Markup {
        let fault = |attr: Option<&str>, detail: &str| ProblemError {
            code: "validation_failed".into(),
            detail: detail.into(),
            attr: attr.map(str::to_owned),
        };
        let faults = vec![
            fault(Some("/api_name"), "is <taken>"),
            fault(Some("/ip_allowlist/2"), "no network"),
            fault(None, "not now"),
        ];
        let typed = [("api_name", "\"><script>"), ("active", "true"), ("secret", "s3cret")];
        let typed = typed.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Form::post("/there", "token")
            .field(Field::text("api_name", "Name").hint("Short").required())
            .field(Field::tick("active", "Active"))
            .field(Field::password("secret", "Password"))
            .fold("More", vec![Field::area("ip_allowlist", "Networks", 3)])
            .button(Button::submit("Save").primary())
            .render(&Filled::refused(typed, faults))
    }

    #[test]
    fn a_fault_stands_beside_its_field_and_above_with_a_link() {
        let html = refused().into_string();
        assert!(html.contains("<a href=\"#form-api_name\">Name: is &lt;taken&gt;</a>"), "{html}");
        assert!(
            html.contains("<p class=\"fault\" id=\"form-api_name-fault\">is &lt;taken&gt;</p>")
        );
        assert!(html.contains(
            "aria-invalid=\"true\" aria-describedby=\"form-api_name-hint form-api_name-fault\""
        ));
        assert!(html.contains("<li>not now</li>"), "{html}");
    }

    #[test]
    fn a_fold_with_a_fault_in_it_is_open() {
        assert!(refused().into_string().contains("<details class=\"fold\" open>"));
    }

    #[test]
    fn what_was_typed_is_kept_and_escaped_but_for_passwords() {
        let html = refused().into_string();
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;\""), "{html}");
        assert!(html.contains("type=\"checkbox\" value=\"true\" checked"), "{html}");
        assert!(!html.contains("s3cret"), "{html}");
    }
}

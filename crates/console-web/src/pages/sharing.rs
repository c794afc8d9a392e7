//! With whom something is shared: one form, whatever it is.

use access_domain::{Granted, Member, PageRequest, ReadOrganization, StoreError};
use auth_actix::ApiError;
use deployments_domain::{Sharing, SharingDraft, UseCases};
use maud::{Markup, html};

use crate::{
    parts::{Button, Choice, Field, Filled, Form},
    typed::Typed,
    visitor::Visitor,
};

/// Members that can be ticked; whoever is beyond them is named.
const MOST_TICKED: u32 = 200;

/// The right to know who the members are, of those who have it: administrators.
pub(super) fn reads<P>(
    visitor: &Visitor<P>,
) -> Result<Option<Granted<ReadOrganization>>, ApiError> {
    visitor.place.is_admin().then(|| visitor.also()).transpose()
}

/// Members of the organization, as far as they are offered; nothing to those who may not know them.
pub(super) fn members(
    uc: &UseCases,
    granted: Option<&Granted<ReadOrganization>>,
) -> Result<Option<Vec<Member>>, StoreError> {
    let page = PageRequest { after: None, limit: MOST_TICKED };
    granted.map(|granted| Ok(uc.members.list(granted, page)?.items)).transpose()
}

/// The form as things stand.
pub(super) fn stored(sharing: &Sharing) -> Filled {
    let everyone = Filled::blank().with_tick("everyone", sharing.everyone);
    sharing
        .users
        .iter()
        .fold(everyone, |filled, user| filled.with("users", user.uuid().to_string()))
}

/// What was ticked.
pub(super) fn draft(typed: &Typed) -> SharingDraft {
    SharingDraft {
        users: typed.all("users").map(str::to_owned).collect(),
        everyone: typed.is_ticked("everyone"),
    }
}

/// The form; `what` it is about, and what seeing it means.
pub(super) fn form(
    action: &str,
    csrf: &str,
    members: Option<&[Member]>,
    owner: uuid::Uuid,
    filled: &Filled,
) -> Markup {
    let others = members.unwrap_or_default().iter().filter(|member| member.user.id.uuid() != owner);
    let choices: Vec<Choice> = others
        .map(|member| Choice::new(member.user.id.uuid().to_string(), member.user.username.as_str()))
        .collect();
    let form = Form::post(action, csrf).field(
        Field::tick("everyone", "Everyone in the organization")
            .hint("Also whoever becomes a member later."),
    );
    let form = if members.is_none() {
        // Whom administrators have ticked stays ticked.
        filled.values("users").fold(form, |form, user| form.hidden("users", user)).text(
            "Administrators know who the members are: ask one of them to share it with some alone.",
        )
    } else if choices.is_empty() {
        form.text("Nobody else is a member of the organization yet.")
    } else {
        form.field(Field::ticks("users", "Members", choices))
    };
    html! { (form.button(Button::submit("Save").primary()).render(filled)) }
}

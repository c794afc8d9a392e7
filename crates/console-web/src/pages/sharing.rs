//! With whom something is shared: one form, whatever it is.

use access_domain::{Granted, Member, PageRequest, ReadOrganization, StoreError};
use deployments_domain::{Sharing, SharingDraft, UseCases};
use maud::{Markup, html};

use crate::{
    parts::{Button, Choice, Field, Filled, Form},
    typed::Typed,
};

/// Members that can be ticked; whoever is beyond them is named.
const MOST_TICKED: u32 = 200;

/// Members of the organization, as far as they are offered.
pub(super) fn members(
    uc: &UseCases,
    granted: &Granted<ReadOrganization>,
) -> Result<Vec<Member>, StoreError> {
    let page = PageRequest { after: None, limit: MOST_TICKED };
    Ok(uc.members.list(granted, page)?.items)
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
    members: &[Member],
    owner: uuid::Uuid,
    filled: &Filled,
) -> Markup {
    let others = members.iter().filter(|member| member.user.id.uuid() != owner);
    let choices: Vec<Choice> = others
        .map(|member| Choice::new(member.user.id.uuid().to_string(), member.user.username.as_str()))
        .collect();
    let form = Form::post(action, csrf).field(
        Field::tick("everyone", "Everyone in the organization")
            .hint("Also whoever becomes a member later."),
    );
    let form = if choices.is_empty() {
        form.text("Nobody else is a member of the organization yet.")
    } else {
        form.field(Field::ticks("users", "Members", choices))
    };
    html! { (form.button(Button::submit("Save").primary()).render(filled)) }
}

//! With whom something is shared: one form, whatever it is.

use access_domain::{Granted, PageRequest, ReadOrganization, StoreError, User};
use deployments_domain::{Sharing, SharingDraft, UseCases};
use maud::Markup;
use uuid::Uuid;

use crate::{
    parts::{Button, Choice, Field, Filled, Form},
    typed::Typed,
};

/// Members that are offered to be ticked; whoever is beyond them is named.
const MOST_OFFERED: u32 = 200;

/// Whom the form offers: everybody with whom it is shared, so that saving takes nobody away unseen, and to those who may list
/// them (`reads`) the members of the organization.
pub(super) fn offered<P>(
    uc: &UseCases,
    granted: &Granted<P>,
    reads: Option<&Granted<ReadOrganization>>,
    sharing: &Sharing,
) -> Result<Vec<User>, StoreError> {
    let mut people = uc.sharing.people(granted, sharing)?;
    if let Some(reads) = reads {
        let page = PageRequest { after: None, limit: MOST_OFFERED };
        let members = uc.members.list(reads, page)?.items.into_iter().map(|member| member.user);
        people.extend(members);
    }
    people.sort_by(|one, other| one.username.as_str().cmp(other.username.as_str()));
    people.dedup_by_key(|user| user.id);
    Ok(people)
}

/// The form as things stand.
pub(super) fn stored(sharing: &Sharing) -> Filled {
    let everyone = Filled::blank().with_tick("everyone", sharing.everyone);
    sharing
        .users
        .iter()
        .fold(everyone, |filled, user| filled.with("users", user.uuid().to_string()))
}

/// Who was ticked, and then who was named.
pub(super) fn draft(typed: &Typed) -> SharingDraft {
    let named = typed.text("named").split([',', ' ']).filter(|name| !name.is_empty());
    SharingDraft {
        users: typed.all("users").chain(named).map(str::to_owned).collect(),
        everyone: typed.is_ticked("everyone"),
    }
}

/// The form of what `owner` made.
pub(super) fn form(
    action: &str,
    csrf: &str,
    offered: &[User],
    owner: Uuid,
    filled: &Filled,
) -> Markup {
    let others = offered.iter().filter(|user| user.id.uuid() != owner);
    let choices: Vec<Choice> = others
        .map(|user| Choice::new(user.id.uuid().to_string(), user.username.as_str()))
        .collect();
    let form = Form::post(action, csrf).field(
        Field::tick("everyone", "Everyone in the organization")
            .hint("Also whoever becomes a member later."),
    );
    let form = if choices.is_empty() {
        form
    } else {
        form.field(Field::ticks("users", "Members", choices))
    };
    let form = form
        .field(
            Field::text("named", "Others, by user name").hint("Several with commas between them."),
        )
        .button(Button::submit("Save").primary());
    form.render(filled)
}

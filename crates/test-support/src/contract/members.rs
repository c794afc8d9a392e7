//! Members of organizations, and the invitations by which they come.

use std::time::Duration;

use access_domain::{
    Act, Action, Actor, ActorKind, AdminAccount, AuditFilter, ChangeError, Closed, Email,
    Invitation, InvitationFacts, InvitationRefusal, Joining, ListFilter, MemberFacts,
    MemberRefusal, OrganizationId, PasswordHash, Role, Session, User, UserId, Username,
};

use super::{
    Given, at_once,
    given::{SOMEBODY, first},
};

/// An organization with its administrator.
fn acme(given: &Given) -> (OrganizationId, User) {
    let new = given.new_organization("acme");
    given.create(&new);
    let AdminAccount::New(admin, _) = new.admin else { unreachable!() };
    (new.organization.id, admin)
}

pub(super) fn new_invitation(
    given: &Given,
    organization: OrganizationId,
    email: &str,
) -> Invitation {
    Invitation {
        id: given.id(),
        organization,
        email: Email::parse(email).unwrap(),
        role: Role::Admin,
        is_mailed: true,
        created_by: SOMEBODY,
        created_by_name: "boss".into(),
        created_at: given.now(),
        expires_at: given.now() + Invitation::LIFETIME,
        accepted_at: None,
        withdrawn_at: None,
    }
}

pub(super) fn save(given: &Given, invitation: &Invitation) -> InvitationFacts {
    let counted = std::sync::Mutex::new(None);
    let rule = |counts: &InvitationFacts| {
        *counted.lock().unwrap() = Some(*counts);
        Ok(())
    };
    let since = invitation.created_at - Duration::from_secs(3600);
    let act = given.act(Action::MemberInvited);
    given.stores.invite(invitation, since, &rule, &act).unwrap();
    counted.into_inner().unwrap().unwrap()
}

fn invited(given: &Given, organization: OrganizationId, email: &str) -> Invitation {
    let invitation = new_invitation(given, organization, email);
    save(given, &invitation);
    invitation
}

fn new_user(given: &Given, name: &str, email: Option<&Email>) -> Joining {
    let user = User {
        id: given.id(),
        username: Username::parse(name).unwrap(),
        email: email.cloned(),
        created_at: given.now(),
    };
    Joining::New(user, PasswordHash::from_stored("hash".into()))
}

/// As the use case does it.
fn accept(
    given: &Given,
    invitation: &Invitation,
    joining: &Joining,
) -> Result<usize, InvitationRefusal> {
    let now = given.now();
    let rule = |invitation: &Invitation| Ok(invitation.check_open(now)?);
    let act = given.act(Action::MemberJoined);
    let joined = given.stores.accept_invitation(invitation.id, joining, &rule, &act);
    joined.map(|belongs| belongs.len()).map_err(|error| match error {
        ChangeError::Refused(refusal) => refusal,
        ChangeError::Store(error) => panic!("{error:?}"),
    })
}

fn joined(given: &Given, organization: OrganizationId, name: &str) -> UserId {
    let invitation = invited(given, organization, &format!("{name}@acme.example"));
    let joining = new_user(given, name, Some(&invitation.email));
    accept(given, &invitation, &joining).unwrap();
    joining.user().id
}

fn unless_last(facts: &MemberFacts) -> Result<(), MemberRefusal> {
    if facts.member.role == Role::Admin && facts.other_admins == 0 {
        return Err(MemberRefusal::LastAdmin);
    }
    Ok(())
}

fn names(given: &Given, organization: OrganizationId) -> Vec<String> {
    let members = given.stores.list_members(organization, first(100)).unwrap().items;
    let mut names: Vec<_> =
        members.iter().map(|member| member.user.username.as_str().to_owned()).collect();
    names.sort();
    names
}

pub fn an_invitation_is_told_as_it_was_made_and_listed_while_it_is_open(given: &Given) {
    let (acme, _) = acme(given);
    let other = given.organization("other");
    let one = invited(given, acme, "one@acme.example");
    given.clock.advance(Duration::from_secs(1));
    let two = invited(given, acme, "two@acme.example");
    let found = given.stores.find_invitation(one.id).unwrap().unwrap();
    assert_eq!(found.invitation, one);
    assert_eq!((found.slug.as_str(), found.name.as_str()), ("acme", "The acme"));
    assert!(given.stores.find_invitation(given.id()).unwrap().is_none());
    let listed =
        |organization, now, page| given.stores.list_invitations(organization, now, page).unwrap();
    let page = listed(acme, given.now(), first(1));
    assert_eq!(page.items, std::slice::from_ref(&two));
    let rest = access_domain::PageRequest { after: page.next, limit: 1 };
    assert_eq!(listed(acme, given.now(), rest).items, std::slice::from_ref(&one));
    assert!(listed(other, given.now(), first(9)).items.is_empty());
    assert_eq!(listed(acme, one.expires_at, first(9)).items, [two]);
}

pub fn invitations_are_counted_and_one_for_the_same_address_is_withdrawn(given: &Given) {
    let (acme, _) = acme(given);
    let old = new_invitation(given, acme, "a@acme.example");
    let told = |open, made, made_for_address| InvitationFacts {
        open,
        made,
        made_for_address,
        actor_role: None,
    };
    assert_eq!(save(given, &old), told(0, 0, 0));
    assert_eq!(save(given, &new_invitation(given, acme, "b@acme.example")), told(1, 1, 0));
    let new = new_invitation(given, acme, "a@acme.example");
    assert_eq!(save(given, &new), told(1, 2, 1));
    let found = given.stores.find_invitation(old.id).unwrap().unwrap().invitation;
    assert_eq!(found.withdrawn_at, Some(given.now()));
    given.clock.advance(Duration::from_secs(3600));
    assert_eq!(save(given, &new_invitation(given, acme, "c@acme.example")), told(2, 0, 0));
    given.clock.advance(Duration::from_secs(80 * 3600));
    // What is over by age is in nobody's way.
    assert_eq!(save(given, &new_invitation(given, acme, "a@acme.example")), told(0, 0, 0));
    let act = given.act(Action::MemberInvited);
    let refuse = |_: &InvitationFacts| Err(InvitationRefusal::TooMany);
    let refused = new_invitation(given, acme, "a@acme.example");
    assert!(given.stores.invite(&refused, given.now(), &refuse, &act).is_err());
    assert!(given.stores.find_invitation(refused.id).unwrap().is_none());
    let open = given.stores.list_invitations(acme, given.now(), first(9)).unwrap().items;
    assert_eq!(open.len(), 1, "a refusal withdraws nothing");
}

pub fn whoever_accepts_is_a_member_by_the_role_of_the_invitation(given: &Given) {
    let (acme, _) = acme(given);
    let invitation = invited(given, acme, "ada@acme.example");
    given.clock.advance(Duration::from_secs(60));
    let joining = new_user(given, "ada", Some(&invitation.email));
    assert_eq!(accept(given, &invitation, &joining).unwrap(), 1);
    let members = given.stores.list_members(acme, first(1)).unwrap();
    assert_eq!(&members.items[0].user, joining.user());
    assert_eq!((members.items[0].role, members.items[0].since), (Role::Admin, given.now()));
    assert!(members.next.is_some());
    let found = given.stores.find_member(acme, joining.user().id).unwrap();
    assert_eq!(found.as_ref(), members.items.first());
    let other = given.organization("elsewhere");
    assert_eq!(given.stores.find_member(other, joining.user().id).unwrap(), None);
    let found = given.stores.find_user(&joining.user().username).unwrap().unwrap();
    assert_eq!(&found.user, joining.user());
    let again = accept(given, &invitation, &new_user(given, "eve", None));
    assert!(matches!(again, Err(InvitationRefusal::Closed(Closed::Used))), "{again:?}");
    assert!(given.stores.is_username_taken(&joining.user().username).unwrap());
    assert!(!given.stores.is_username_taken(&Username::parse("eve").unwrap()).unwrap());
}

pub fn a_refused_acceptance_saves_nothing(given: &Given) {
    let (acme, admin) = acme(given);
    let invitation = invited(given, acme, "ada@acme.example");
    let existing = accept(given, &invitation, &Joining::Existing(admin.clone()));
    assert!(matches!(existing, Err(InvitationRefusal::AlreadyMember)), "{existing:?}");
    let email = accept(given, &invitation, &new_user(given, "ada", admin.email.as_ref()));
    assert!(matches!(email, Err(InvitationRefusal::EmailTaken)), "{email:?}");
    let name = accept(given, &invitation, &new_user(given, admin.username.as_str(), None));
    assert!(matches!(name, Err(InvitationRefusal::UsernameTaken)), "{name:?}");
    let unknown = new_invitation(given, acme, "x@acme.example");
    let unknown = accept(given, &unknown, &new_user(given, "ada", None));
    assert!(matches!(unknown, Err(InvitationRefusal::NotFound)), "{unknown:?}");
    assert_eq!(names(given, acme), [admin.username.as_str()]);
    assert!(given.stores.find_user(&Username::parse("ada").unwrap()).unwrap().is_none());
    let found = given.stores.find_invitation(invitation.id).unwrap().unwrap();
    assert_eq!(found.invitation, invitation);
}

pub fn a_withdrawn_invitation_is_accepted_by_nobody(given: &Given) {
    let (acme, _) = acme(given);
    let other = given.organization("other");
    let invitation = invited(given, acme, "ada@acme.example");
    let withdraw = |organization| {
        let act = given.act(Action::InvitationWithdrawn);
        given.stores.withdraw_invitation(organization, invitation.id, &|_| Ok(()), &act)
    };
    let foreign = withdraw(other).unwrap_err();
    assert!(matches!(foreign, ChangeError::Refused(InvitationRefusal::NotFound)), "{foreign:?}");
    withdraw(acme).unwrap();
    let told = accept(given, &invitation, &new_user(given, "ada", None));
    assert!(matches!(told, Err(InvitationRefusal::Closed(Closed::Withdrawn))), "{told:?}");
}

pub fn of_eight_who_accept_one_invitation_at_once_one_joins(given: &Given) {
    let (acme, admin) = acme(given);
    let invitation = invited(given, acme, "ada@acme.example");
    let joining: Vec<_> =
        (0..8).map(|number| new_user(given, &format!("ada-{number}"), None)).collect();
    let told = at_once(8, |number| accept(given, &invitation, &joining[number]));
    let (good, bad): (Vec<_>, Vec<_>) = told.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1, "{bad:?}");
    for refused in bad {
        assert!(matches!(refused, Err(InvitationRefusal::Closed(Closed::Used))), "{refused:?}");
    }
    assert_eq!(names(given, acme).len(), 2);
    let accounts = joining
        .iter()
        .filter(|joining| given.stores.is_username_taken(&joining.user().username).unwrap());
    assert_eq!(accounts.count(), 1);
    assert!(given.stores.is_username_taken(&admin.username).unwrap());
}

pub fn of_eight_invitations_of_one_address_at_once_one_is_open(given: &Given) {
    let (acme, _) = acme(given);
    at_once(8, |_| invited(given, acme, "ada@acme.example"));
    let open = given.stores.list_invitations(acme, given.now(), first(9)).unwrap().items;
    assert_eq!(open.len(), 1);
    let filter = |action| AuditFilter { action: Some(action), ..AuditFilter::default() };
    let noted = |action| given.stores.list_entries(acme, &filter(action), first(20)).unwrap();
    assert_eq!(noted(Action::MemberInvited).items.len(), 8);
    assert_eq!(noted(Action::InvitationWithdrawn).items.len(), 7);
}

pub fn invitations_do_not_pass_by_the_last_place_at_once(given: &Given) {
    let (acme, _) = acme(given);
    let rule = |counts: &InvitationFacts| {
        if counts.open < 3 { Ok(()) } else { Err(InvitationRefusal::TooManyOpen) }
    };
    let told = at_once(8, |number| {
        let new = new_invitation(given, acme, &format!("{number}@acme.example"));
        let act = given.act(Action::MemberInvited);
        given.stores.invite(&new, given.now(), &rule, &act).is_ok()
    });
    assert_eq!(told.into_iter().filter(|is_made| *is_made).count(), 3);
}

pub fn a_changed_role_holds_for_sessions_that_there_are(given: &Given) {
    let (acme, _) = acme(given);
    let ada = joined(given, acme, "ada");
    let token = [9; 32].into();
    let session = Session {
        id: given.id(),
        user: ada,
        token_digest: token,
        created_at: given.now(),
        last_used_at: given.now(),
        address: None,
        user_agent: String::new(),
    };
    assert!(given.stores.begin_session(&session, None, &[]).unwrap());
    let roles = || {
        let record = given.stores.find_session(&[token]).unwrap().unwrap();
        record.memberships.iter().map(|membership| membership.role).collect::<Vec<_>>()
    };
    assert_eq!(roles(), [Role::Admin]);
    let act = given.act(Action::MemberRoleChanged);
    let changed = given.stores.change_role(acme, ada, &|_| Ok(Role::User), &act).unwrap();
    assert_eq!((changed.user.id, changed.role), (ada, Role::User));
    assert_eq!(roles(), [Role::User]);
    let act = given.act(Action::MemberRemoved);
    given.stores.remove_member(acme, ada, &|_| Ok(()), &act).unwrap();
    assert_eq!(roles(), []);
    let again = given.stores.remove_member(acme, ada, &|_| Ok(()), &act).unwrap_err();
    assert!(matches!(again, ChangeError::Refused(MemberRefusal::NotFound)), "{again:?}");
    let other = given.organization("other");
    let foreign = given.stores.change_role(other, ada, &|_| Ok(Role::Admin), &act).unwrap_err();
    assert!(matches!(foreign, ChangeError::Refused(MemberRefusal::NotFound)), "{foreign:?}");
}

pub fn what_a_removed_member_made_is_counted_and_stays(given: &Given) {
    let deployed = given.deployed("acme");
    let organization = deployed.organization;
    let ada = joined(given, organization, "ada");
    let mut workflow = given.new_workflow(organization);
    workflow.created_by = ada.uuid();
    given.stores.create_workflow(&workflow, &given.deed()).unwrap();
    let mut deployment = given.new_deployment(&workflow, "adas");
    deployment.created_by = ada.uuid();
    let mut key = given.new_deployment_key();
    key.key.created_by = Some(ada.uuid());
    let all = access_domain::Visibility::Organization;
    given.stores.create_deployment(all, &deployment, &key, &given.deed()).unwrap();
    let act = given.act(Action::MemberRemoved);
    let removed = given.stores.remove_member(organization, ada, &|_| Ok(()), &act).unwrap();
    let made = removed.made;
    assert_eq!((made.workflows, made.deployments, made.keys), (1, 1, 1));
    let made_by_ada = ListFilter { created_by: Some(ada.uuid()), ..ListFilter::default() };
    let workflows =
        given.stores.list_workflows(organization, all, &made_by_ada, first(9)).unwrap().items;
    assert_eq!(workflows.iter().map(|one| one.id).collect::<Vec<_>>(), [workflow.id]);
    let deployments =
        given.stores.list_deployments(organization, all, &made_by_ada, first(9)).unwrap().items;
    assert_eq!(deployments.iter().map(|one| one.id).collect::<Vec<_>>(), [deployment.id]);
    assert!(given.found_by(&key.key.secret.digest).is_some());
}

pub fn who_asks_is_known_by_what_they_are_now(given: &Given) {
    let (acme, admin) = acme(given);
    let other = given.organization("other");
    let actor = |user: &User| Actor {
        kind: ActorKind::User,
        id: Some(user.id.uuid()),
        name: user.username.as_str().into(),
    };
    let seen_by = |organization, by: &User| {
        let act = Act { actor: actor(by), ..given.act(Action::MemberInvited) };
        let seen = std::sync::Mutex::new(None);
        let rule = |facts: &InvitationFacts| {
            *seen.lock().unwrap() = Some(facts.actor_role);
            Err(InvitationRefusal::TooMany)
        };
        let new = new_invitation(given, organization, "x@b.example");
        given.stores.invite(&new, given.now(), &rule, &act).unwrap_err();
        seen.into_inner().unwrap().unwrap()
    };
    assert_eq!(seen_by(acme, &admin), Some(Role::Admin));
    assert_eq!(seen_by(other, &admin), None);
    let joining = new_user(given, "ada", None);
    accept(given, &invited(given, acme, "ada@acme.example"), &joining).unwrap();
    let roles = std::sync::Mutex::new(Vec::new());
    let demote = |facts: &MemberFacts| -> Result<Role, MemberRefusal> {
        roles.lock().unwrap().push(facts.actor_role);
        Ok(Role::User)
    };
    let act = Act { actor: actor(joining.user()), ..given.act(Action::MemberRoleChanged) };
    given.stores.change_role(acme, joining.user().id, &demote, &act).unwrap();
    given.stores.change_role(acme, joining.user().id, &demote, &act).unwrap();
    assert_eq!(roles.into_inner().unwrap(), [Some(Role::Admin), Some(Role::User)]);
}

pub fn invitations_of_whoever_is_no_administrator_any_more_are_withdrawn(given: &Given) {
    let (acme, _) = acme(given);
    let [ada, bob] = ["ada", "bob"].map(|name| {
        let invitation = invited(given, acme, &format!("{name}@acme.example"));
        let joining = new_user(given, name, None);
        accept(given, &invitation, &joining).unwrap();
        joining.user().clone()
    });
    let of = |maker: &User, email| {
        let new = new_invitation(given, acme, email);
        let invitation = Invitation { created_by: maker.id.uuid(), ..new };
        save(given, &invitation);
        invitation
    };
    let (adas, bobs) = (of(&ada, "a@b.example"), of(&bob, "b@b.example"));
    let others = invited(given, acme, "c@b.example");
    let demoted = |_: &MemberFacts| -> Result<Role, MemberRefusal> { Ok(Role::User) };
    let act = given.act(Action::MemberRoleChanged);
    given.stores.change_role(acme, ada.id, &demoted, &act).unwrap();
    let gone = |_: &MemberFacts| -> Result<(), MemberRefusal> { Ok(()) };
    given.stores.remove_member(acme, bob.id, &gone, &given.act(Action::MemberRemoved)).unwrap();
    let joining = new_user(given, "eve", None);
    for withdrawn in [&adas, &bobs] {
        let refused = accept(given, withdrawn, &joining).unwrap_err();
        assert!(matches!(refused, InvitationRefusal::Closed(Closed::Withdrawn)), "{refused:?}");
    }
    accept(given, &others, &joining).unwrap();
}

pub fn of_four_administrators_who_go_at_once_one_stays(given: &Given) {
    let (acme, admin) = acme(given);
    let mut all = vec![admin.id];
    all.extend((0..3).map(|number| joined(given, acme, &format!("ada-{number}"))));
    let gone = at_once(4, |number| {
        // Some are removed, and some become users.
        if number % 2 == 0 {
            let act = given.act(Action::MemberRemoved);
            given.stores.remove_member(acme, all[number], &unless_last, &act).is_ok()
        } else {
            let act = given.act(Action::MemberRoleChanged);
            let rule = |facts: &MemberFacts| unless_last(facts).map(|()| Role::User);
            given.stores.change_role(acme, all[number], &rule, &act).is_ok()
        }
    });
    assert_eq!(gone.into_iter().filter(|is_gone| *is_gone).count(), 3);
    let members = given.stores.list_members(acme, first(9)).unwrap().items;
    assert_eq!(members.iter().filter(|member| member.role == Role::Admin).count(), 1);
}

pub fn old_invitations_are_deleted_in_portions_and_others_stay(given: &Given) {
    let (acme, _) = acme(given);
    let old = [1, 2, 3].map(|number| invited(given, acme, &format!("{number}@acme.example")));
    given.clock.advance(Duration::from_secs(1));
    let new = invited(given, acme, "new@acme.example");
    let delete = || given.stores.delete_old_invitations(new.expires_at, 2).unwrap();
    assert_eq!([delete(), delete(), delete()], [2, 1, 0]);
    assert!(given.stores.find_invitation(old[0].id).unwrap().is_none());
    assert!(given.stores.find_invitation(new.id).unwrap().is_some());
}

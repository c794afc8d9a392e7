//! Members of an organization, and the invitations by which they come.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// `POST …/members/`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InviteMember {
    /// Whom to invite: a mail address.
    pub email: String,
    /// What they will be: `admin` or `user`.
    pub role: String,
}

/// `PATCH …/members/{user_id}/`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchMember {
    /// `admin` or `user`.
    pub role: String,
}

/// Somebody who belongs to the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    /// The user's id: what they make is `created_by` it.
    pub user_id: Uuid,
    /// The name they log in by.
    pub username: String,
    /// Where notices go.
    pub email: Option<String>,
    /// `admin` or `user`.
    pub role: String,
    /// Since when they belong to it.
    pub since: Time,
}

/// Somebody who belongs to the organization no longer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemovedMemberView {
    /// The user's id.
    pub user_id: Uuid,
    /// The name they log in by.
    pub username: String,
    /// What they made and is there still; lists find it by `?created_by=`.
    pub made: MadeView,
}

/// How much somebody made that stays with the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MadeView {
    /// Workflows.
    pub workflows: i64,
    /// Deployments.
    pub deployments: i64,
    /// Keys that are not revoked. They go on opening what they open.
    pub keys: i64,
}

/// An open invitation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationView {
    /// Its id.
    pub id: Uuid,
    /// Whom it was made for.
    pub email: String,
    /// What they will be: `admin` or `user`.
    pub role: String,
    /// How its link travels: by `mail`, or as a `link` that whoever invites hands on.
    pub delivery: String,
    /// The user who made it.
    pub created_by: Uuid,
    /// Their name at that time.
    pub created_by_name: String,
    /// When it was made.
    pub created_at: Time,
    /// When its link ends.
    pub expires_at: Time,
}

/// An invitation that was just made.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedInvitationView {
    /// What is told of it later as well.
    #[serde(flatten)]
    pub record: InvitationView,
    /// What accepts it. It is shown this once: `null` where the link goes by mail, or the request was
    /// answered before.
    pub token: Option<String>,
    /// The page that accepts it, with the token after its `#`. Shown as the token is.
    pub accept_url: Option<String>,
}

// No `Debug`: it carries what lets people in.
/// `POST /v1/invitations/show`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShowInvitation {
    /// What stands after the `#` of the link.
    pub token: String,
}

/// What a link is an invitation to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShownInvitationView {
    /// The organization's name.
    pub organization: String,
    /// Its name in addresses.
    pub slug: String,
    /// What you will be there: `admin` or `user`.
    pub role: String,
    /// Whom it was made for.
    pub email: String,
    /// Who made it.
    pub invited_by: String,
    /// When the link ends.
    pub expires_at: Time,
}

// No `Debug`: it carries a password.
/// `POST /v1/invitations/accept`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AcceptInvitation {
    /// What stands after the `#` of the link.
    pub token: String,
    /// The user who accepts, or the name of a new account. Left out, the present session accepts.
    #[serde(default)]
    pub username: Option<String>,
    /// Their password, or that of the new account: 12 characters at least.
    #[serde(default)]
    pub password: Option<String>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{Invitation, Made, Member, RemovedMember, ShownInvitation};

    use super::{InvitationView, MadeView, MemberView, RemovedMemberView, ShownInvitationView};
    use crate::Time;

    impl From<Member> for MemberView {
        fn from(member: Member) -> Self {
            let Member { user, role, since } = member;
            Self {
                user_id: user.id.uuid(),
                username: user.username.as_str().into(),
                email: user.email.map(|email| email.as_str().into()),
                role: role.as_str().into(),
                since: Time(since),
            }
        }
    }

    impl From<RemovedMember> for RemovedMemberView {
        fn from(removed: RemovedMember) -> Self {
            let Made { workflows, deployments, keys } = removed.made;
            let user = removed.member.user;
            Self {
                user_id: user.id.uuid(),
                username: user.username.as_str().into(),
                made: MadeView { workflows, deployments, keys },
            }
        }
    }

    impl From<Invitation> for InvitationView {
        fn from(invitation: Invitation) -> Self {
            Self {
                id: invitation.id.uuid(),
                email: invitation.email.as_str().into(),
                role: invitation.role.as_str().into(),
                delivery: if invitation.is_mailed { "mail" } else { "link" }.into(),
                created_by: invitation.created_by,
                created_by_name: invitation.created_by_name,
                created_at: Time(invitation.created_at),
                expires_at: Time(invitation.expires_at),
            }
        }
    }

    impl From<ShownInvitation> for ShownInvitationView {
        fn from(shown: ShownInvitation) -> Self {
            let ShownInvitation { invitation, slug, name } = shown;
            Self {
                organization: name,
                slug,
                role: invitation.role.as_str().into(),
                email: invitation.email.as_str().into(),
                invited_by: invitation.created_by_name,
                expires_at: Time(invitation.expires_at),
            }
        }
    }
}

//! An invitation into an organization: what it is, what becomes of its link, and the token in it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use keys_core::{Id, Pepper, Peppers, Secret, Timestamp};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::{Email, OrganizationId, Role};

/// The id of an invitation.
pub type InvitationId = Id<Invitation>;

/// A token is the invitation's id and the MAC of it, in this many bytes.
const ID_BYTES: usize = 16;
const TOKEN_BYTES: usize = ID_BYTES + 32;

/// Somebody is asked to join an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Into which organization.
    pub organization: OrganizationId,
    /// Whom it was made for. Whoever has the link may accept it, under whatever address.
    pub email: Email,
    /// What they will be.
    pub role: Role,
    /// Whether its link goes out by mail; else whoever made it hands it on.
    pub is_mailed: bool,
    /// The user who made it.
    pub created_by: Uuid,
    /// Their name at that time.
    pub created_by_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its link ends.
    pub expires_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When it was withdrawn, or replaced by another for the same address.
    pub withdrawn_at: Option<Timestamp>,
}

/// Why the link of an invitation leads nowhere any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// Somebody accepted it.
    #[error("this invitation was accepted already; ask for another one, or log in")]
    Used,
    /// It was taken back.
    #[error("this invitation was withdrawn, or replaced by a newer one; use that, or ask for it")]
    Withdrawn,
    /// Its time is over.
    #[error("this invitation has expired; ask for another one")]
    Expired,
}

impl Invitation {
    /// For how long a link is good.
    pub const LIFETIME: TimeDelta = TimeDelta::hours(72);
    /// For how long one that is over is remembered, so that its link still tells what became of it.
    pub const REMEMBERED: TimeDelta = TimeDelta::days(30);

    /// Whether it can be accepted at `now`. What somebody did to it outranks that its time is over.
    ///
    /// # Errors
    /// Why not.
    pub fn check_open(&self, now: Timestamp) -> Result<(), Closed> {
        if self.accepted_at.is_some() {
            return Err(Closed::Used);
        }
        if self.withdrawn_at.is_some() {
            return Err(Closed::Withdrawn);
        }
        if self.expires_at <= now {
            return Err(Closed::Expired);
        }
        Ok(())
    }
}

/// The token of an invitation's link. It is not random but derived, so that it need not be stored and
/// a mail can be written when it is sent: its id with an HMAC of that. It is a secret all the same, and
/// goes to nobody but whom it invites.
pub fn invitation_token(pepper: &Pepper, id: InvitationId) -> Secret {
    let id = id.uuid();
    let mac = mac(pepper, id);
    let bytes: Vec<u8> = id.as_bytes().iter().chain(&mac).copied().collect();
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

/// The invitation that a token stands for. Costs no look-up: a token that none of the peppers made is
/// none.
pub fn read_invitation_token(peppers: &Peppers, token: &str) -> Option<InvitationId> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    if bytes.len() != TOKEN_BYTES {
        return None;
    }
    let (id, sent) = bytes.split_at_checked(ID_BYTES)?;
    let id = Uuid::from_slice(id).ok()?;
    let is_ours = peppers.iter().any(|pepper| mac(pepper, id).ct_eq(sent).into());
    is_ours.then(|| id.into())
}

fn mac(pepper: &Pepper, id: Uuid) -> [u8; 32] {
    *pepper.subkey("invitation token").mac(id.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(&[byte; 32]).unwrap()
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Invitation), expected: Result<(), Closed>) {
        let mut invitation = Invitation {
            id: Uuid::from_u128(1).into(),
            organization: Uuid::from_u128(2).into(),
            email: Email::parse("ada@acme.example").unwrap(),
            role: Role::User,
            is_mailed: false,
            created_by: Uuid::from_u128(3),
            created_by_name: "boss".into(),
            created_at: NOW - Invitation::LIFETIME,
            expires_at: NOW + TimeDelta::microseconds(1),
            accepted_at: None,
            withdrawn_at: None,
        };
        change(&mut invitation);
        assert_eq!(invitation.check_open(NOW), expected);
    }

    #[test]
    fn an_invitation_is_open_until_it_ends() {
        check(|_| (), Ok(()));
        check(|it| it.expires_at = NOW, Err(Closed::Expired));
        check(|it| it.accepted_at = Some(NOW), Err(Closed::Used));
        check(|it| it.withdrawn_at = Some(NOW), Err(Closed::Withdrawn));
    }

    #[test]
    fn what_was_done_to_an_invitation_outranks_its_age() {
        let old = |it: &mut Invitation| it.expires_at = NOW;
        check(|it| (old(it), it.accepted_at = Some(NOW)).1, Err(Closed::Used));
        check(|it| (old(it), it.withdrawn_at = Some(NOW)).1, Err(Closed::Withdrawn));
    }

    #[test]
    fn a_token_stands_for_its_invitation_under_every_pepper_that_is_accepted() {
        let id: InvitationId = Uuid::from_u128(7).into();
        let token = invitation_token(&pepper(1), id).reveal_once();
        assert_eq!(token.len(), 64);
        let read = |current, accepted: &[u8], token: &str| {
            let accepted = accepted.iter().map(|byte| pepper(*byte)).collect();
            read_invitation_token(&Peppers::new(pepper(current), accepted), token)
        };
        assert_eq!(read(1, &[], &token), Some(id));
        assert_eq!(read(2, &[1], &token), Some(id));
        assert_eq!(read(2, &[], &token), None);
    }

    #[test]
    fn a_token_of_another_invitation_or_none_stands_for_nothing() {
        let peppers = Peppers::from(pepper(1));
        let mut bytes = [0; TOKEN_BYTES];
        let one = invitation_token(&pepper(1), Uuid::from_u128(1).into()).reveal_once();
        bytes.copy_from_slice(&URL_SAFE_NO_PAD.decode(one).unwrap());
        // The MAC of one invitation does not open another.
        bytes[15] ^= 3;
        let foreign = URL_SAFE_NO_PAD.encode(bytes);
        for wrong in ["", "x", "====", &foreign, &"A".repeat(64), &"A".repeat(5000)] {
            assert_eq!(read_invitation_token(&peppers, wrong), None, "{wrong}");
        }
    }
}

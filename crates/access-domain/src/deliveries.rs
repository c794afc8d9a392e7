//! What carries deliveries out, and what is kept of them: the port of whoever sends.

use std::{cmp::Reverse, time::Duration};

use keys_core::Timestamp;

use crate::{
    Act, AfterAttempt, Answer, ChangeError, Delivery, DeliveryId, DeliveryLog, DeliveryState,
    DisabledReason, Event, EventType, OrganizationId, Page, PageRequest, SigningSecrets,
    StoreError, WebhookId, WebhookRefusal,
};

/// Whose deliveries are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryScope {
    /// Those to one webhook.
    Webhook(WebhookId),
    /// Those by mail.
    Mail,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those that stand so.
    pub state: Option<DeliveryState>,
    /// Those of events of this kind.
    pub kind: Option<EventType>,
}

/// A delivery with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: Delivery,
    /// What is told of the event: a JSON object, as it was stored.
    pub data: String,
}

/// A delivery in the hands of whoever claimed it.
#[derive(Debug, Clone)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// What it may hold up: nothing of another lane.
    pub lane: String,
    /// The number of the claim: a later one makes its outcome nobody's business.
    pub attempt: i32,
    /// What is told.
    pub event: Event,
    /// What is told of it: a JSON object, as it was stored.
    pub data: String,
    /// What became of it so far.
    pub log: DeliveryLog,
    /// Who is told.
    pub addressee: Addressee,
}

/// Who is told, with what is needed to tell them.
#[derive(Debug, Clone)]
pub enum Addressee {
    /// A webhook.
    Webhook {
        /// Its id.
        id: WebhookId,
        /// Where it is called.
        url: String,
        /// Whether it still wants to hear of anything.
        is_active: bool,
        /// What signs for it.
        secrets: SigningSecrets,
    },
    /// Whoever has a mail address.
    Mail {
        /// The address.
        to: String,
        /// The organization's name for people.
        organization: String,
    },
}

/// An attempt that ended.
#[derive(Debug, Clone)]
pub struct EndedAttempt {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Under which claim.
    pub attempt: i32,
    /// In which organization.
    pub organization: OrganizationId,
    /// For or against which webhook it counts, if for or against one.
    pub webhook: Option<WebhookId>,
    /// Whether it was by mail.
    pub is_mail: bool,
    /// Of what kind of event.
    pub kind: EventType,
    /// When the first attempt began, of those that this one belongs to.
    pub first_attempt: Timestamp,
    /// When this one began.
    pub began: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// What it came to.
    pub answer: Answer,
    /// What comes next.
    pub after: AfterAttempt,
    /// For how long nothing may arrive at a webhook before it is switched off.
    pub patience: Duration,
    /// The log, with it.
    pub log: DeliveryLog,
}

/// What saving an [`EndedAttempt`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledAttempt {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Whether it still was this claim's.
    pub is_saved: bool,
    /// Why its webhook was switched off by it, if it was.
    pub disabled: Option<DisabledReason>,
}

/// Which lanes get how many of `most` places: `lanes` come with how many each may have, and with the one first
/// that has waited longest. Those with most room are served first, for they have fewest under way, and
/// in rounds of one place for each: lanes that are slow leave room for those that are not, however many
/// deliveries wait in them.
pub fn share_places(most: usize, lanes: Vec<(String, usize)>) -> Vec<(String, usize)> {
    let mut lanes: Vec<_> = lanes.into_iter().filter(|(_, room)| *room > 0).collect();
    // Keeps the order of those with as much room.
    lanes.sort_by_key(|(_, room)| Reverse(*room));
    lanes.truncate(most);
    let mut shares = vec![0; lanes.len()];
    let mut left = most;
    while left > 0 {
        let before = left;
        for (share, (_, room)) in shares.iter_mut().zip(&lanes) {
            if left > 0 && *share < *room {
                *share += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    lanes.into_iter().zip(shares).map(|((lane, _), share)| (lane, share)).collect()
}

/// The log of deliveries, and the queue of those that are due.
///
/// When one is due goes by the database's clock, as leases do: no server's own clock can have one sent
/// twice or not at all.
pub trait DeliveryStore: Send + Sync {
    /// Claims up to `most` deliveries that are due, of each lane no more than `room` tells of it, shared out
    /// as [`share_places`] has it, and of a lane the oldest first. A claim that is not settled within `lease` is
    /// given to the next who asks.
    ///
    /// # Errors
    /// When storage fails.
    fn claim_deliveries(
        &self,
        most: usize,
        room: &dyn Fn(&str) -> usize,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StoreError>;

    /// Saves how attempts ended, all of them or none; of each whose claim is another's by now, nothing.
    /// A webhook that is to be given up is switched off once, and `webhook.disabled` raised along with it,
    /// by mail as well where `mails` says that mail is sent.
    ///
    /// # Errors
    /// When storage fails.
    fn settle_deliveries(
        &self,
        ended: &[EndedAttempt],
        mails: bool,
    ) -> Result<Vec<SettledAttempt>, StoreError>;

    /// Deliveries, newest first; none where the scope is not of the organization.
    ///
    /// # Errors
    /// When storage fails.
    fn list_deliveries(
        &self,
        organization: OrganizationId,
        scope: DeliveryScope,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Option<Page<Delivery>>, StoreError>;

    /// One delivery.
    ///
    /// # Errors
    /// When storage fails.
    fn find_delivery(
        &self,
        organization: OrganizationId,
        scope: DeliveryScope,
        id: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError>;

    /// Has a delivery begin anew, due at once. An attempt that is under way is nobody's business then.
    ///
    /// # Errors
    /// `NotFound`, or that storage failed.
    fn replay_delivery(
        &self,
        organization: OrganizationId,
        scope: DeliveryScope,
        id: DeliveryId,
        act: &Act,
    ) -> Result<Delivery, ChangeError<WebhookRefusal>>;

    /// Deletes up to `limit` deliveries that ended before `before`, and of events before then up to as
    /// many that have none; returns how many deliveries.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_old_deliveries(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError>;

    /// For how long the delivery has been due that has been for longest.
    ///
    /// # Errors
    /// When storage fails.
    fn longest_due(&self) -> Result<Option<Duration>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(most: usize, lanes: &[(&str, usize)]) -> Vec<(String, usize)> {
        share_places(most, lanes.iter().map(|(lane, room)| ((*lane).to_owned(), *room)).collect())
    }

    fn own(shares: &[(&str, usize)]) -> Vec<(String, usize)> {
        shares.iter().map(|(lane, share)| ((*lane).to_owned(), *share)).collect()
    }

    #[test]
    fn whoever_has_least_under_way_comes_first_and_then_whoever_waited_longest() {
        let lanes = [("slow", 1), ("full", 0), ("old", 4), ("new", 4), ("slower", 1)];
        assert_eq!(shared(1, &lanes), own(&[("old", 1)]));
        assert_eq!(shared(3, &lanes), own(&[("old", 1), ("new", 1), ("slow", 1)]));
        assert_eq!(shared(0, &lanes), []);
    }

    #[test]
    fn places_are_dealt_in_rounds_so_that_no_lane_takes_all() {
        let lanes = [("a", 4), ("b", 4), ("c", 1)];
        assert_eq!(shared(5, &lanes), own(&[("a", 2), ("b", 2), ("c", 1)]));
        assert_eq!(shared(6, &lanes), own(&[("a", 3), ("b", 2), ("c", 1)]));
        assert_eq!(shared(100, &lanes), own(&[("a", 4), ("b", 4), ("c", 1)]));
        let many: Vec<_> = (0..256).map(|_| ("lane", 4)).collect();
        assert_eq!(shared(256, &many), own(&[("lane", 1)].repeat(256)));
    }
}

//! Platform keys: two slots, at most one of them active. Knows nothing of what a slot holds.

use std::fmt;

/// One of the two places for a platform key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// "Key #1".
    One,
    /// "Key #2".
    Two,
}

impl Slot {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// 1 or 2, for storage and the wire.
    pub fn number(self) -> i16 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The slot of a number; there are two.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.number() == number)
    }
}

impl fmt::Display for Slot {
    /// The name that people see: `Key #1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key #{}", self.number())
    }
}

/// An organization's platform keys. Invariant: at most two, at most one active, and the active slot
/// is filled; [`PlatformKeys::from_slots`] makes no other value.
///
/// ```
/// use keys_core::{PlatformKeys, Slot};
///
/// let keys = PlatformKeys::from_slots(Some("first"), None, Some(Slot::One))?;
/// assert_eq!(keys.place(None, None).map(|place| place.slot), Ok(Slot::Two));
/// assert!(PlatformKeys::from_slots(Some("first"), None, Some(Slot::Two)).is_err());
/// # Ok::<(), keys_core::SlotsContradict>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformKeys<K> {
    slots: [Option<K>; 2],
    active: Option<Slot>,
}

/// The active slot is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is said to be active, but it does not exist")]
pub struct SlotsContradict(Slot);

/// Where a new platform key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The slot it fills.
    pub slot: Slot,
    /// Whether it becomes the active one, in place of the other.
    pub activate: bool,
}

/// Why there is no place for a new platform key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlatformKeyError {
    /// Both slots are filled.
    #[error("an organization has at most two platform keys: delete or refresh one")]
    LimitReached,
    /// The wanted slot is filled; the other is not.
    #[error("{0} exists already: refresh it, or generate the other")]
    SlotTaken(Slot),
}

impl<K> PlatformKeys<K> {
    /// The keys of slots one and two, and the slot that is active.
    ///
    /// # Errors
    /// When the active slot is empty.
    pub fn from_slots(
        one: Option<K>,
        two: Option<K>,
        active: Option<Slot>,
    ) -> Result<Self, SlotsContradict> {
        let keys = Self { slots: [one, two], active };
        match active {
            Some(slot) if keys.get(slot).is_none() => Err(SlotsContradict(slot)),
            _ => Ok(keys),
        }
    }

    /// The key in `slot`.
    pub fn get(&self, slot: Slot) -> Option<&K> {
        let [one, two] = &self.slots;
        match slot {
            Slot::One => one.as_ref(),
            Slot::Two => two.as_ref(),
        }
    }

    /// The slot that is active.
    pub fn active(&self) -> Option<Slot> {
        self.active
    }

    /// The slot whose key is `wanted`.
    pub fn slot_of(&self, wanted: impl Fn(&K) -> bool) -> Option<Slot> {
        Slot::ALL.into_iter().find(|slot| self.get(*slot).is_some_and(&wanted))
    }

    /// Where a new key goes: into the wanted slot or else the first empty one; active as asked, or
    /// else only if none is.
    ///
    /// # Errors
    /// When both slots are filled, or the wanted one is.
    pub fn place(
        &self,
        wanted: Option<Slot>,
        activate: Option<bool>,
    ) -> Result<Placement, PlatformKeyError> {
        let empty = |slot: &Slot| self.get(*slot).is_none();
        let first = Slot::ALL.into_iter().find(empty).ok_or(PlatformKeyError::LimitReached)?;
        let slot = match wanted {
            Some(slot) if !empty(&slot) => return Err(PlatformKeyError::SlotTaken(slot)),
            Some(slot) => slot,
            None => first,
        };
        Ok(Placement { slot, activate: activate.unwrap_or(self.active.is_none()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(one: bool, two: bool, active: Option<Slot>) -> PlatformKeys<&'static str> {
        PlatformKeys::from_slots(one.then_some("a"), two.then_some("b"), active).unwrap()
    }

    fn placed(slot: Slot, activate: bool) -> Result<Placement, PlatformKeyError> {
        Ok(Placement { slot, activate })
    }

    #[test]
    fn an_empty_slot_cannot_be_active() {
        let two = PlatformKeys::from_slots(Some("a"), None, Some(Slot::Two));
        assert_eq!(two, Err(SlotsContradict(Slot::Two)));
    }

    #[test]
    fn a_new_key_takes_the_first_empty_slot() {
        assert_eq!(keys(false, false, None).place(None, None), placed(Slot::One, true));
        assert_eq!(keys(true, false, None).place(None, Some(false)), placed(Slot::Two, false));
        assert_eq!(keys(false, true, None).place(Some(Slot::One), None), placed(Slot::One, true));
    }

    #[test]
    fn a_new_key_becomes_active_unasked_only_if_none_is() {
        assert_eq!(keys(true, false, Some(Slot::One)).place(None, None), placed(Slot::Two, false));
        assert_eq!(
            keys(true, false, Some(Slot::One)).place(None, Some(true)),
            placed(Slot::Two, true)
        );
    }

    #[test]
    fn there_is_no_third_key() {
        for wanted in [None, Some(Slot::One), Some(Slot::Two)] {
            assert_eq!(
                keys(true, true, None).place(wanted, None),
                Err(PlatformKeyError::LimitReached)
            );
        }
    }

    #[test]
    fn a_filled_slot_is_not_filled_again() {
        let taken = Err(PlatformKeyError::SlotTaken(Slot::One));
        assert_eq!(keys(true, false, None).place(Some(Slot::One), None), taken);
    }

    #[test]
    fn slots_are_named_as_people_see_them() {
        assert_eq!(Slot::ALL.map(|slot| slot.to_string()), ["Key #1", "Key #2"]);
        assert_eq!(
            [0, 1, 2, 3].map(Slot::from_number),
            [None, Some(Slot::One), Some(Slot::Two), None]
        );
    }
}

//! Two slots for keys that manage an account, of which one at most is active: the one in use, and
//! the one that takes over.

use std::error::Error;

use keys_core::{Placement, PlatformKeyError, PlatformKeys, Slot};

fn main() -> Result<(), Box<dyn Error>> {
    // As it is read from a table: what cannot be is refused here.
    assert!(PlatformKeys::from_slots(Some("first"), None, Some(Slot::Two)).is_err());
    let keys = PlatformKeys::from_slots(Some("first"), None, Some(Slot::One))?;

    // The second waits beside the first, unless it is to take over at once.
    let waits = keys.place(None, None)?;
    assert_eq!(waits, Placement { slot: Slot::Two, activate: false });
    assert_eq!(keys.place(None, Some(true))?, Placement { slot: Slot::Two, activate: true });
    assert_eq!(keys.place(Some(Slot::One), None), Err(PlatformKeyError::SlotTaken(Slot::One)));

    // And there is no third.
    let full = PlatformKeys::from_slots(Some("first"), Some("second"), Some(Slot::Two))?;
    assert_eq!(full.place(None, None), Err(PlatformKeyError::LimitReached));
    assert_eq!(full.active().map(|slot| slot.to_string()), Some("Key #2".to_owned()));
    assert_eq!(full.slot_of(|key| *key == "first"), Some(Slot::One));
    Ok(())
}

//! Devices: browsers that logged in as somebody before. A guesser has none of that user's, so whoever brings one is not
//! held back for what others try ("device cookies", as OWASP calls them). Nothing of them is stored.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta};
use keys_core::{Digest, Entropy, Pepper, Peppers, Secret, Timestamp};
use uuid::Uuid;

use crate::{UserId, UserRecord};

/// For so long a browser is remembered by its last log-in.
pub const DEVICE_LASTS: TimeDelta = TimeDelta::days(90);

/// User, id, issue, last change of the password; then the seal.
const SAID_BYTES: usize = 16 + 16 + 8 + 8;
const SEAL_BYTES: usize = 32;
const LONGEST_TOKEN: usize = (SAID_BYTES + SEAL_BYTES).div_ceil(3) * 4;

/// A browser, by what was given to it when somebody logged in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    user: UserId,
    /// Random: two browsers of one user are two devices.
    id: [u8; 16],
    issued_at: Timestamp,
    password_changed_at: Option<Timestamp>,
}

impl Device {
    /// The browser in which `user` has logged in now, by the password of `password_changed_at`.
    pub fn new(
        user: UserId,
        password_changed_at: Option<Timestamp>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        Self { user, id, issued_at: now, password_changed_at }
    }

    /// What the browser keeps: sealed, so that nobody makes one.
    pub fn token(&self, pepper: &Pepper) -> Secret {
        let said = self.said();
        let mut token = said.to_vec();
        token.extend(seal(pepper, &said).as_bytes());
        Secret::new(URL_SAFE_NO_PAD.encode(token))
    }

    /// The device of a token that this server or one with its peppers has made, and that still lasts.
    pub fn read(token: &str, peppers: &Peppers, now: Timestamp) -> Option<Self> {
        // What is longer than any is not even decoded.
        let token = Some(token).filter(|token| token.len() <= LONGEST_TOKEN)?;
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, sealed) = bytes.split_at_checked(SAID_BYTES)?;
        let sealed = Digest::from(<[u8; SEAL_BYTES]>::try_from(sealed).ok()?);
        if !peppers.iter().any(|pepper| seal(pepper, said) == sealed) {
            return None;
        }
        let (user, rest) = said.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (issued, rest) = rest.split_first_chunk::<8>()?;
        let changed = i64::from_be_bytes(*rest.first_chunk::<8>()?);
        let issued_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*issued))?;
        let password_changed_at = match changed {
            0 => None,
            micros => Some(DateTime::from_timestamp_micros(micros)?),
        };
        let user = Uuid::from_bytes(*user).into();
        (now < issued_at + DEVICE_LASTS).then_some(Self {
            user,
            id: *id,
            issued_at,
            password_changed_at,
        })
    }

    /// Whether it is this user's, and their password is the one that they had then.
    pub fn is_of(&self, record: &UserRecord) -> bool {
        self.user == record.user.id && self.password_changed_at == record.password_changed_at
    }

    /// Whose it is. All devices of a user have one budget, or whoever logs in often would have many.
    pub fn user(&self) -> UserId {
        self.user
    }

    fn said(&self) -> [u8; SAID_BYTES] {
        let micros = |at: Timestamp| at.timestamp_micros().to_be_bytes();
        let changed = self.password_changed_at.map_or([0; 8], micros);
        let parts =
            [&self.user.uuid().into_bytes()[..], &self.id, &micros(self.issued_at), &changed];
        let mut said = [0; SAID_BYTES];
        said.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        said
    }
}

fn seal(pepper: &Pepper, said: &[u8]) -> Digest {
    pepper.subkey("device cookie").mac(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PasswordHash, User, Username};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    struct Sevens;
    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(&[byte; 32]).unwrap()
    }

    fn user(id: u128, password_changed_at: Option<Timestamp>) -> UserRecord {
        let username = Username::parse("u").unwrap();
        let id = Uuid::from_u128(id).into();
        UserRecord {
            user: User { id, username, email: None, created_at: NOW },
            password: PasswordHash::from_stored(String::new()),
            password_changed_at,
        }
    }

    fn device(changed: Option<Timestamp>) -> Device {
        Device::new(Uuid::from_u128(1).into(), changed, NOW, &Sevens)
    }

    #[test]
    fn a_device_is_read_from_its_token_for_ninety_days() {
        for changed in [None, Some(NOW + TimeDelta::days(3))] {
            let device = device(changed);
            let token = device.token(&pepper(1)).reveal_once();
            let peppers = Peppers::from(pepper(1));
            let last = NOW + DEVICE_LASTS - TimeDelta::microseconds(1);
            assert_eq!(Device::read(&token, &peppers, last), Some(device));
            assert_eq!(Device::read(&token, &peppers, NOW + DEVICE_LASTS), None);
        }
    }

    #[test]
    fn a_token_of_another_server_or_with_anything_changed_is_none() {
        let device = device(None);
        let token = device.token(&pepper(1)).reveal_once();
        let read = |token: &str, pepper: Pepper| Device::read(token, &pepper.into(), NOW);
        assert_eq!(read(&token, pepper(2)), None);
        let swapped = Peppers::new(pepper(2), vec![pepper(1)]);
        assert_eq!(Device::read(&token, &swapped, NOW), Some(device));
        for place in 0..token.len() - 1 {
            let mut other = token.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(str::from_utf8(&other).unwrap(), pepper(1)), None, "{place}");
        }
        for bad in ["", "A", &token[..100], &format!("{token}AAAA"), &"A".repeat(100_000)] {
            assert_eq!(read(bad, pepper(1)), None);
        }
    }

    #[test]
    fn a_device_is_its_users_until_they_change_their_password() {
        let device = device(None);
        assert!(device.is_of(&user(1, None)));
        assert!(!device.is_of(&user(2, None)));
        assert!(!device.is_of(&user(1, Some(NOW + TimeDelta::days(1)))));
    }
}

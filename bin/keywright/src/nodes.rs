//! This process among others over the same database: it hears what they change, and wakes them when it changes something. Whatever
//! is told stands in the database; a bell only has somebody look sooner.

mod bell;
mod following;
mod listening;

pub(crate) use self::{
    bell::{Ringing, Told, Way},
    following::Following,
    listening::{Listening, Wake},
};

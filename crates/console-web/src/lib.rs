//! The console: what people look at and click. Parse, call a use case, render a page; no rule, no SQL.

pub mod assets;
mod console;
pub mod layout;
mod pages;
pub mod parts;
mod refused;
mod typed;
pub mod viewer;
mod visitor;

pub use self::console::{ADDRESSES, Console, configure};

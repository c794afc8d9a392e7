//! The console: what people look at and click. Parse, call a use case, render a page; no rule, no SQL.

mod assets;
mod console;
mod layout;
mod pages;
mod parts;
mod refused;
mod typed;
mod viewer;
mod visitor;

pub use self::console::{ADDRESSES, Console, configure};

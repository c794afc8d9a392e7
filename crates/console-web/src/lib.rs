//! The console: what people look at and click. Parse, call a use case, render a page; no rule, no SQL.

pub mod assets;
pub mod layout;
pub mod parts;
pub mod viewer;

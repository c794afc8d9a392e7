//! A layer for tower services, axum's among them, that lets in who shows a good key.
//!
//! Decides with [`keys_core`], over the service's own store of keys or a Keywright server.

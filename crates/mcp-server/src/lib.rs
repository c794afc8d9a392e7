//! Deployed workflows as tools of the Model Context Protocol: the same use cases as the REST edge, reached by agents.
//!
//! Knows nothing of storage, and nothing of the other edges.

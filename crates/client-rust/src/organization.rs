//! What belongs to an organization: where its parts are managed.

use crate::{Client, Deployments, History, Workflows};

/// An organization, as it is managed: `/unstract/{org_id}/api/v2/…`. Wants a platform key, or an organization key with `admin`.
#[derive(Debug, Clone)]
pub struct Organization {
    client: Client,
    name: String,
}

impl Client {
    /// The organization with this id or slug. Nothing is asked yet; one that the key does not belong to is refused with
    /// `organization_mismatch` or `not_found` later.
    #[must_use]
    pub fn organization(&self, id_or_slug: impl Into<String>) -> Organization {
        Organization { client: self.clone(), name: id_or_slug.into() }
    }
}

impl Organization {
    /// Its workflows.
    #[must_use]
    pub fn workflows(&self) -> Workflows {
        Workflows::of(self.clone())
    }

    /// Its deployments, and their keys.
    #[must_use]
    pub fn deployments(&self) -> Deployments {
        Deployments::of(self.clone())
    }

    /// Its executions, whoever started them.
    #[must_use]
    pub fn executions(&self) -> History {
        History::of(self.clone())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The parts of an address.
    pub(crate) fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["unstract", &self.name, "api", "v2"], rest].concat()
    }
}

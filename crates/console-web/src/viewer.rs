//! Who looks at a page, as far as the frame around it shows. Knows no session and no store.

use access_domain::{OrganizationId, Role};

/// The person in front of a page.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// The name they log in by.
    pub(crate) username: String,
    /// What their forms must carry to be believed.
    pub(crate) csrf: String,
    /// The organization that the page is about. None on pages about the account alone.
    pub(crate) here: Option<Place>,
    /// Every organization that they belong to.
    pub(crate) organizations: Vec<Place>,
}

/// An organization, and what the viewer is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its id.
    pub(crate) id: OrganizationId,
    /// Its name in addresses.
    pub(crate) slug: String,
    /// Its name for people.
    pub(crate) name: String,
    /// What the viewer may do in it.
    pub(crate) role: Role,
}

impl Place {
    /// The address of something in this organization: `path` starts with `/`, or is empty.
    pub(crate) fn href(&self, path: &str) -> String {
        format!("/{}{path}", self.slug)
    }

    /// Whether the viewer is its administrator.
    pub(crate) fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

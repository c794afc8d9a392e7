//! Whose keys a forward-auth address lets in, where nobody said: those of the only organization
//! there is. Kept in memory, since proxies ask for each of their requests.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use access_domain::{OrganizationId, OrganizationRef};
use api_types::ErrorCode;
use auth_actix::ApiError;
use keys_core::Timestamp;

use crate::App;

/// For so long an organization that was the only one counts as the only one.
const REMEMBERED: Duration = Duration::from_secs(5);

/// What is known of how many organizations there are.
#[derive(Default)]
pub(crate) struct OnlyOrganization(RwLock<Known>);

#[derive(Clone, Copy, Default)]
enum Known {
    #[default]
    Nothing,
    /// There was one, and that need not be asked again before this.
    One(OrganizationId, Timestamp),
    /// Organizations are never deleted: this stays so.
    Several,
}

impl OnlyOrganization {
    /// The only organization there is.
    pub(crate) async fn get(&self, app: &App) -> Result<OrganizationRef, ApiError> {
        let now = app.access.authentication.clock.now();
        match *self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Known::One(id, until) if now < until => return Ok(OrganizationRef::Id(id)),
            Known::Several => return Err(required()),
            Known::One(..) | Known::Nothing => {}
        }
        self.claim(now);
        let first_two = app.run(|uc| uc.organizations.organization_ids(2)).await?;
        let known = match first_two.as_slice() {
            [only] => Known::One(*only, now + REMEMBERED),
            [] => Known::Nothing,
            _ => Known::Several,
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
        match known {
            Known::One(id, _) => Ok(OrganizationRef::Id(id)),
            Known::Nothing | Known::Several => Err(required()),
        }
    }

    /// While one request asks, others go on with what was known.
    fn claim(&self, now: Timestamp) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Known::One(id, _) = *known {
            *known = Known::One(id, now + REMEMBERED);
        }
    }
}

fn required() -> ApiError {
    let detail = "there are several organizations: say by `?organization=` or the setting \
                  `forward_auth.organization` whose keys are let in";
    ApiError::new(ErrorCode::OrganizationRequired, detail)
}

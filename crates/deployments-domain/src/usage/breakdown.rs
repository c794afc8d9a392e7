//! Usage by what it is of: which deployments, or which keys, were used how much over a span of time.

use std::collections::{BTreeMap, HashMap};

use access_domain::{DeploymentId, Granted, OrganizationId, ReadUsage};
use keys_core::{KeyId, Timestamp};
use uuid::Uuid;

use super::{Resolution, UsageBucket, UsageDesk, UsageQuery, UsageRefusal, desk::span};

/// So many shares one answer has at most.
const MAX_SHARES: u32 = 100;

/// By what usage is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageBy {
    /// By deployment.
    Deployment,
    /// By key.
    Key,
}

impl UsageBy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Deployment, Self::Key];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Key => "key",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == name)
    }
}

/// The id of a deployment or key; `None`: of no deployment.
pub type UsageOf = Option<Uuid>;

/// Which sums are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakdownFilter {
    /// The tenant.
    pub organization: OrganizationId,
    /// By what they are told apart.
    pub by: UsageBy,
    /// Of this deployment alone.
    pub deployment: Option<DeploymentId>,
    /// What they are added up from.
    pub resolution: Resolution,
    /// The first start, in seconds since 1970.
    pub from: i64,
    /// The start that is no longer asked for.
    pub to: i64,
}

/// Whose usage is asked for, and when.
#[derive(Debug, Clone, Copy)]
pub struct BreakdownQuery {
    /// By what it is told apart.
    pub by: UsageBy,
    /// Of this deployment alone.
    pub deployment: Option<DeploymentId>,
    /// Of which minutes, hours or days: whole ones are added up.
    pub bucket: Resolution,
    /// From the bucket in which this lies; else so many that there are 24 of them.
    pub from: Option<Timestamp>,
    /// Up to the bucket in which the last instant before this lies; else to that in which now is.
    pub to: Option<Timestamp>,
    /// How many shares at most; from 1 to 100.
    pub limit: u32,
}

/// What one deployment or key was used.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageShare {
    /// Its id; `None`: what belongs to no deployment.
    pub of: UsageOf,
    /// What it is known by, or was when it was deleted.
    pub name: Option<String>,
    /// What was counted; it starts with the whole span.
    pub usage: UsageBucket,
}

impl UsageDesk {
    /// The deployments or keys that were used most, in that order. What was counted in the last minute may not yet count for the order.
    ///
    /// # Errors
    /// When the caller may not see it, or asks for none or too much.
    pub fn breakdown(
        &self,
        granted: &Granted<ReadUsage>,
        query: &BreakdownQuery,
    ) -> Result<Vec<UsageShare>, UsageRefusal> {
        self.check(granted, query.deployment)?;
        let BreakdownQuery { by, deployment, bucket, from, to, limit } = *query;
        let spanned = UsageQuery { deployment, key: None, bucket, from, to };
        let (from, to) = span(&spanned, self.clock.now())?;
        let organization = granted.organization();
        let filter = BreakdownFilter { organization, by, deployment, resolution: bucket, from, to };
        let limit = limit.clamp(1, MAX_SHARES);
        let sums = self.usage.most_used(&filter, limit).map_err(UsageRefusal::Store)?;
        let ids: Vec<Uuid> = sums.keys().copied().flatten().collect();
        let store = self.usage.store();
        let names = store.find_usage_names(organization, by, &ids).map_err(UsageRefusal::Store)?;
        let mut names: HashMap<Uuid, String> = names.into_iter().collect();
        let share = |(of, sums): (UsageOf, _)| UsageShare {
            of,
            name: of.and_then(|id| names.remove(&id)),
            usage: UsageBucket::of(from, sums),
        };
        let mut shares: Vec<UsageShare> = sums.into_iter().map(share).collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.usage.uses()));
        shares.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(shares)
    }

    /// What each deployment was used in the last 24 hours, that of now included. Those that the caller does not see, and those
    /// that were not used, are left out.
    ///
    /// # Errors
    /// When storage fails.
    pub fn of_deployments(
        &self,
        granted: &Granted<ReadUsage>,
        ids: &[DeploymentId],
    ) -> Result<BTreeMap<DeploymentId, UsageBucket>, UsageRefusal> {
        let seen = self.seen(granted, ids)?;
        let ids = seen.iter().map(|id| Some(id.uuid())).collect();
        let sums = self.of_the_last_day(granted, UsageBy::Deployment, None, ids)?;
        Ok(sums.into_iter().map(|(id, usage)| (id.into(), usage)).collect())
    }

    /// The same of keys: of those of one deployment, or of the organization's own.
    ///
    /// # Errors
    /// When the caller may not see it.
    pub fn of_keys(
        &self,
        granted: &Granted<ReadUsage>,
        deployment: Option<DeploymentId>,
        ids: &[KeyId],
    ) -> Result<BTreeMap<KeyId, UsageBucket>, UsageRefusal> {
        self.check(granted, deployment)?;
        let ids = ids.iter().map(|id| Some(id.uuid())).collect();
        let sums = self.of_the_last_day(granted, UsageBy::Key, deployment, ids)?;
        Ok(sums.into_iter().map(|(id, usage)| (id.into(), usage)).collect())
    }

    fn of_the_last_day(
        &self,
        granted: &Granted<ReadUsage>,
        by: UsageBy,
        deployment: Option<DeploymentId>,
        ids: Vec<UsageOf>,
    ) -> Result<Vec<(Uuid, UsageBucket)>, UsageRefusal> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let resolution = Resolution::Hour;
        let last_day =
            UsageQuery { deployment, key: None, bucket: resolution, from: None, to: None };
        let (from, to) = span(&last_day, self.clock.now())?;
        let organization = granted.organization();
        let filter = BreakdownFilter { organization, by, deployment, resolution, from, to };
        let sums = self.usage.sums_of(&filter, &ids).map_err(UsageRefusal::Store)?;
        let told = sums.into_iter();
        Ok(told.filter_map(|(id, sums)| Some((id?, UsageBucket::of(from, sums)))).collect())
    }
}

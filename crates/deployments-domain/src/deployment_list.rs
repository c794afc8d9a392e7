//! Deployments by numbered pages, with how their last runs went: for clients that know no cursors.

use access_domain::{
    DeploymentId, Granted, ListFilter, ManageDeployments, PageRequest, StoreError,
};
use keys_core::Timestamp;

use crate::{Deployment, Deployments, ExecutionId, Status, WorkflowId};

/// Deployments beyond these are not looked at.
const MAX_DEPLOYMENTS: usize = 10_000;
const LOADED_AT_ONCE: u32 = 200;

/// Which deployments are wanted.
#[derive(Debug, Clone, Default)]
pub struct DeploymentsAsked {
    /// Those of this workflow.
    pub workflow: Option<WorkflowId>,
    /// The one of this name.
    pub api_name: Option<String>,
    /// Those with this in the name for people, in whatever case.
    pub search: Option<String>,
    /// So many of those are left out,
    pub skip: usize,
    /// and so many after them are wanted.
    pub take: usize,
}

/// Some deployments, newest first, and how many were meant in all.
#[derive(Debug, Clone)]
pub struct DeploymentsFound {
    /// All that were meant.
    pub count: usize,
    /// Those of the page.
    pub deployments: Vec<DeploymentSummary>,
}

/// A deployment with what is told of it in a list.
#[derive(Debug, Clone)]
pub struct DeploymentSummary {
    /// The deployment.
    pub deployment: Deployment,
    /// The name of its workflow.
    pub workflow_name: String,
    /// Its runs.
    pub runs: DeploymentRuns,
}

/// How the runs of a deployment went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentRuns {
    /// How many there were.
    pub count: i64,
    /// The last five, oldest first.
    pub last: Vec<LastRun>,
}

/// One of the last runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// Its id.
    pub id: ExecutionId,
    /// Where it stands.
    pub status: Status,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl DeploymentsAsked {
    fn means(&self, deployment: &Deployment) -> bool {
        let search = self.search.as_ref().map(|search| search.to_lowercase());
        self.workflow.is_none_or(|workflow| deployment.workflow == workflow)
            && self.api_name.as_ref().is_none_or(|name| deployment.api_name == *name)
            && search.is_none_or(|search| deployment.display_name.to_lowercase().contains(&search))
    }
}

impl Deployments {
    /// A page of the deployments that the caller may see.
    ///
    /// # Errors
    /// When storage fails.
    pub fn find_page(
        &self,
        granted: &Granted<ManageDeployments>,
        asked: &DeploymentsAsked,
    ) -> Result<DeploymentsFound, StoreError> {
        let mut meant = Vec::new();
        let (mut request, mut seen) = (PageRequest { after: None, limit: LOADED_AT_ONCE }, 0);
        while seen < MAX_DEPLOYMENTS {
            let page = self.list(granted, &ListFilter::default(), request)?;
            seen += page.items.len();
            meant.extend(page.items.into_iter().filter(|deployment| asked.means(deployment)));
            match page.next {
                Some(next) => request = PageRequest { after: Some(next), ..request },
                None => break,
            }
        }
        let count = meant.len();
        let page: Vec<Deployment> = meant.into_iter().skip(asked.skip).take(asked.take).collect();
        let ids: Vec<DeploymentId> = page.iter().map(|deployment| deployment.id).collect();
        let summaries = self.store.find_runs_of(granted.organization(), &ids)?;
        let summary = |(deployment, (workflow_name, runs))| DeploymentSummary {
            deployment,
            workflow_name,
            runs,
        };
        Ok(DeploymentsFound {
            count,
            deployments: page.into_iter().zip(summaries).map(summary).collect(),
        })
    }
}

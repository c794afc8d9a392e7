//! The list of deployments with numbered pages, for Unstract's platform client.

use access_domain::{Granted, ManageDeployments};
use api_types::{ErrorCode, Time, UnstractDeployment, UnstractPage, UnstractRun};
use auth_actix::ApiError;
use deployments_domain::{DeploymentSummary, DeploymentsAsked};
use uuid::Uuid;

use crate::{App, parameters::Query};

const DEFAULT_PAGE_SIZE: usize = 50;
const MAX_PAGE_SIZE: usize = 200;

pub(crate) async fn page(
    app: &App,
    granted: Granted<ManageDeployments>,
    query: &Query,
) -> Result<UnstractPage, ApiError> {
    let number = whole(query, "page", 1, usize::MAX / MAX_PAGE_SIZE)?;
    let size = whole(query, "page_size", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?;
    let workflow = query.once("workflow")?.map(Uuid::try_parse).transpose();
    let workflow = workflow.map_err(|_| invalid("'workflow' must be an id".into()))?;
    let asked = DeploymentsAsked {
        workflow: workflow.map(Into::into),
        api_name: query.once("api_name")?.map(str::to_owned),
        search: query.once("search")?.map(str::to_owned),
        skip: (number - 1).saturating_mul(size),
        take: size,
    };
    let (organization, actor) = (granted.who().organization().slug.clone(), granted.who().actor());
    let found = app.run(move |uc| uc.deployments.find_page(&granted, &asked)).await?;
    let address = |number: usize| {
        let base = &app.settings.base_url;
        format!(
            "{base}/api/v1/unstract/{organization}/api/deployment/?page={number}&page_size={size}"
        )
    };
    let is_last = number.saturating_mul(size) >= found.count;
    Ok(UnstractPage {
        count: found.count,
        next: (!is_last).then(|| address(number + 1)),
        previous: (number > 1).then(|| address(number - 1)),
        results: found
            .deployments
            .into_iter()
            .map(|summary| view(summary, &organization, actor))
            .collect(),
    })
}

fn view(summary: DeploymentSummary, organization: &str, actor: Uuid) -> UnstractDeployment {
    let DeploymentSummary { deployment, workflow_name, runs } = summary;
    UnstractDeployment {
        id: deployment.id.uuid(),
        workflow: deployment.workflow.uuid(),
        workflow_name,
        api_endpoint: format!("deployment/api/{organization}/{}/", deployment.api_name),
        api_name: deployment.api_name,
        display_name: deployment.display_name,
        description: deployment.description,
        is_active: deployment.is_active,
        created_by: deployment.created_by,
        created_by_email: None,
        owner_emails: Vec::new(),
        is_owner: deployment.created_by == actor,
        co_owners_count: 0,
        run_count: runs.count,
        last_run_time: runs.last.last().map(|run| Time(run.created_at)),
        last_5_run_statuses: runs
            .last
            .into_iter()
            .map(|run| UnstractRun {
                execution_id: run.id.uuid(),
                status: run.status.as_str().into(),
                timestamp: Time(run.created_at),
            })
            .collect(),
    }
}

fn whole(query: &Query, name: &str, default: usize, most: usize) -> Result<usize, ApiError> {
    match query.once(name)?.map(str::parse) {
        None => Ok(default),
        Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(invalid(format!("'{name}' must be from 1 to {most}"))),
    }
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameter, detail)
}

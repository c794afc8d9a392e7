//! `keywright demo`: the main job, end to end, on this machine alone.

use std::{net::SocketAddr, process::ExitCode};

use access_domain::{CreateOrganization, CreatedOrganization, Operator, Organizations};
use actix_web::rt;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    arguments::DemoOptions,
    configuration::{Configuration, Loaded},
    failure::Failure,
    hidden::DatabaseUrl,
    logging,
    node::{Migrations, Node},
    serve::serve,
};

const SLUG: &str = "mock_org";
const ADMIN: &str = "admin";

/// Starts a server of its own, deploys a workflow and calls it; then serves until Ctrl-C.
pub(crate) fn run(loaded: Loaded, options: DemoOptions) -> Result<ExitCode, Failure> {
    if !options.listen.ip().is_loopback() {
        return Err(Failure::Configuration("--listen: the demo listens on loopback only".into()));
    }
    let directory = options.directory.to_str().map(str::to_owned);
    let directory = directory
        .ok_or_else(|| Failure::Configuration("--directory: must be valid UTF-8".into()))?;
    let mut configuration: Configuration = loaded.configuration;
    configuration.database.url = DatabaseUrl(format!("sqlite://{directory}/keywright.db"));
    configuration.secrets = crate::configuration::Secrets::default();
    configuration.server.listen = options.listen;
    configuration.server.public_url = String::new();
    (configuration.server.admin_listen, configuration.server.metrics_token) = (None, None);
    configuration.server.metrics_token_file = None;
    // Nobody sends it callers who would have to be sent elsewhere.
    configuration.server.drain_seconds = 0;
    let models = &mut configuration.models;
    if !models.upstreams.contains_key("gpt-4") {
        models.aliases.entry("gpt-4".into()).or_insert_with(|| "echo".into());
    }
    configuration.log.level = "warn".into();
    logging::start(&configuration.log)?;
    let node = Node::open(&configuration, Migrations::Apply)?;
    let organizations = node.organizations();
    rt::System::new().block_on(async move {
        let (ready, is_ready) = oneshot::channel();
        let server = rt::spawn(serve(node, true, None, Some(ready)));
        // The sender is dropped without a word only when the server did not start. Nothing is made
        // before: a demo that could not be reached would have kept its secrets to itself.
        if let Ok(address) = is_ready.await {
            match first_start(&organizations)? {
                Some(organization) => show(address, organization, &directory).await?,
                None => show_again(address, &directory),
            }
        }
        server.await.map_err(|error| Failure::Failed(format!("the server failed: {error}")))??;
        Ok(ExitCode::SUCCESS)
    })
}

/// The demo's organization, if this is the first start.
fn first_start(organizations: &Organizations) -> Result<Option<CreatedOrganization>, Failure> {
    let there = organizations
        .list(Operator::at_the_command_line())
        .map_err(|error| Failure::database(&error))?;
    if there.iter().any(|organization| organization.slug.as_str() == SLUG) {
        return Ok(None);
    }
    let wanted = CreateOrganization {
        slug: SLUG.into(),
        name: "Mock organization".into(),
        admin_username: ADMIN.into(),
        admin_email: None,
        admin_password: None,
        existing_user: false,
    };
    organizations
        .create(Operator::at_the_command_line(), wanted)
        .map(Some)
        .map_err(|error| Failure::failed(&error))
}

async fn show(
    address: SocketAddr,
    organization: CreatedOrganization,
    directory: &str,
) -> Result<(), Failure> {
    let base = format!("http://{address}");
    let username = organization.admin_username;
    let password =
        organization.admin_password.map(keys_core::Secret::reveal_once).unwrap_or_default();
    let platform_key = organization.platform_key.reveal_once();
    println!(
        "Keywright demo, kept in {directory}

  organization    {SLUG} ({id})
  log-in          {username} / {password}
  platform key    {platform_key}",
        id = organization.organization.id,
    );
    let Called { deployment, api_key, answer } = deploy_and_call(&base, &platform_key).await?;
    println!(
        "  deployment      echo ({deployment}), a pass-through workflow
  deployment key  {api_key}

These secrets are shown this once.

The deployed API was called with its key and answered:

{answer}

Call it yourself:

  curl -s '{base}/deployment/{deployment}/?wait=10' \\
    -H 'Authorization: Bearer {api_key}' \\
    -H 'Content-Type: application/json' -d '{{\"your\": \"data\"}}'

List the deployments with the platform key:

  curl -s '{base}/unstract/{SLUG}/api/v2/api-deployment/' -H 'Authorization: Bearer {platform_key}'

Open the console in a browser, and log in as the administrator:

  {base}/

Or log in by the API:

  curl -s '{base}/v1/session' -H 'Content-Type: application/json' \\
    -d '{{\"username\": \"{username}\", \"password\": \"{password}\"}}'

The API is documented at {base}/docs/
Serving until Ctrl-C."
    );
    Ok(())
}

fn show_again(address: SocketAddr, directory: &str) {
    let url = quoted(&format!("sqlite://{directory}/keywright.db"));
    let program = std::env::args().next().unwrap_or_else(|| "keywright".into());
    let command = format!("KEYWRIGHT_DATABASE__URL={url} {}", quoted(&program));
    println!(
        "Keywright demo, kept in {directory}

The demo was set up by an earlier start, which showed its secrets. They are not stored, so they
cannot be shown again; but new ones can be made, while the demo runs.

Reset the password of {ADMIN}:

  {command} user reset-password {ADMIN}

Give the platform key a new secret:

  {command} platform-key refresh --organization {SLUG} --slot 1

To begin anew instead, stop the demo and delete the directory {directory}.

The console is at http://{address}/
The API is documented at http://{address}/docs/
Serving until Ctrl-C."
    );
}

/// A word for a shell, as it stands or in quotes.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte);
    if word.bytes().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

struct Called {
    deployment: String,
    api_key: String,
    answer: String,
}

async fn deploy_and_call(base: &str, platform_key: &str) -> Result<Called, Failure> {
    // Nothing of the demo leaves this machine, whatever proxy the environment names.
    let client = Client::builder().no_proxy().build().map_err(|error| Failure::failed(&error))?;
    let manage = format!("{base}/unstract/{SLUG}/api/v2");
    let definition = json!({"steps": [{"id": "echo", "tool": "passthrough"}]});
    let workflow = json!({"name": "Echo", "description": "Answers what it was asked", "definition": definition});
    let create_workflow =
        client.post(format!("{manage}/workflow/")).bearer_auth(platform_key).json(&workflow);
    let workflow = send(create_workflow).await?;
    let deployment =
        json!({"workflow": member(&workflow, "id"), "api_name": "echo", "display_name": "Echo"});
    let deploy = client
        .post(format!("{manage}/api-deployment/"))
        .bearer_auth(platform_key)
        .json(&deployment);
    let deployed = send(deploy).await?;
    let (deployment, api_key) = (member(&deployed, "id"), member(&deployed, "api_key"));
    let call = client.post(format!("{base}/deployment/{deployment}/?wait=10"));
    let answer = send(call.bearer_auth(&api_key).json(&json!({"hello": "world"}))).await?;
    let answer = serde_json::to_string_pretty(&answer).unwrap_or_default();
    Ok(Called { deployment, api_key, answer })
}

async fn send(request: RequestBuilder) -> Result<Value, Failure> {
    let failed = |error: reqwest::Error| Failure::failed(&error);
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    let body: Value = response.json().await.map_err(failed)?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(Failure::Failed(format!("the demo's own call was answered {status}: {body}")))
    }
}

fn member(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

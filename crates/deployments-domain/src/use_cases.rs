//! Everything that can be asked of Keywright: one value, built once over the ports, and shared by every edge.

use std::{sync::Arc, time::Duration};

use access_domain::{
    AuditLog, Clock, Inferences, InvitationStore, Invitations, KeyFeed, KeyFeedStore,
    KeyImportStore, KeyImports, ManagedKeyStore, ManagedKeys, MemberStore, Members, Models, Nodes,
    OrganizationSettingsDesk, OrganizationStore, PasswordCost, PasswordHash, PlatformKeyStore,
    PlatformKeysUseCases, SecretDesk, SessionStore, Sessions, Uses, WebhookDesk,
};
use keys_core::{Entropy, Peppers};

use crate::{
    CodeCheck, DeploymentStore, Deployments, ExecutionStore, Executions, FileStore, History,
    HistoryStore, ScheduleStore, Schedules, SchemaCheck, SharingDesk, SharingStore, Tools, Usage,
    UsageDesk, WorkflowRunner, WorkflowStore, Workflows,
};

/// What the use cases are built over; the same adapter may stand behind many of these.
#[expect(missing_docs, reason = "each is the port of its type")]
pub struct UseCasePorts {
    pub sessions: Arc<dyn SessionStore>,
    pub members: Arc<dyn MemberStore>,
    pub invitations: Arc<dyn InvitationStore>,
    pub platform_keys: Arc<dyn PlatformKeyStore>,
    pub workflows: Arc<dyn WorkflowStore>,
    pub schedules: Arc<dyn ScheduleStore>,
    pub deployments: Arc<dyn DeploymentStore>,
    pub sharing: Arc<dyn SharingStore>,
    pub managed_keys: Arc<dyn ManagedKeyStore>,
    pub key_feed: Arc<dyn KeyFeedStore>,
    /// Other servers over the same database.
    pub nodes: Nodes,
    pub audit: Arc<AuditLog>,
    pub organizations: Arc<dyn OrganizationStore>,
    /// Secrets of organizations, with what they are sealed with.
    pub secrets: SecretDesk,
    /// Webhooks, with what their secrets are sealed with and which addresses they may call.
    pub webhooks: WebhookDesk,
    pub imports: Arc<dyn KeyImportStore>,
    pub executions: Arc<dyn ExecutionStore>,
    pub history: Arc<dyn HistoryStore>,
    /// What is counted; whoever starts the server sees to it that it is stored.
    pub usage: Arc<Usage>,
    /// The same of the last use of keys.
    pub uses: Arc<Uses>,
    pub runner: Arc<dyn WorkflowRunner>,
    pub compiler: Arc<dyn CodeCheck>,
    pub files: Arc<dyn FileStore>,
    pub schemas: Arc<dyn SchemaCheck>,
    pub models: Arc<Models>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub peppers: Arc<Peppers>,
    /// Whether invitations go out by mail.
    pub mails: bool,
    /// What a log-in of an unknown user is checked against.
    pub nobody: PasswordHash,
    /// What a guess at a password costs that is chosen now.
    pub password_cost: PasswordCost,
    /// How long a claim of this node holds unless renewed.
    pub lease: Duration,
}

/// The use cases of both domains.
#[expect(missing_docs, reason = "each is the use cases of its type")]
pub struct UseCases {
    pub sessions: Arc<Sessions>,
    pub members: Members,
    pub invitations: Invitations,
    pub platform_keys: PlatformKeysUseCases,
    pub organization_settings: OrganizationSettingsDesk,
    pub secrets: SecretDesk,
    pub webhooks: WebhookDesk,
    pub workflows: Workflows,
    pub schedules: Schedules,
    pub deployments: Deployments,
    pub sharing: SharingDesk,
    pub keys: ManagedKeys,
    pub key_feed: KeyFeed,
    pub nodes: Nodes,
    pub imports: KeyImports,
    pub audit: Arc<AuditLog>,
    pub executions: Arc<Executions>,
    pub history: Arc<History>,
    pub tools: Tools,
    pub usage: UsageDesk,
    pub inferences: Inferences,
    pub organizations: Arc<dyn OrganizationStore>,
}

impl From<UseCasePorts> for UseCases {
    #[expect(clippy::too_many_lines, reason = "a table with an entry for each use case")]
    fn from(ports: UseCasePorts) -> Self {
        let UseCasePorts { clock, entropy, peppers, nobody, password_cost, lease, .. } = ports;
        let history = Arc::new(History {
            store: ports.history,
            executions: ports.executions.clone(),
            runner: ports.runner.clone(),
            log: ports.usage.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            lease,
        });
        let executions = Arc::new(Executions {
            store: ports.executions,
            runner: ports.runner,
            files: ports.files,
            log: ports.usage.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            lease,
            schemas: ports.schemas.clone(),
        });
        Self {
            sessions: Arc::new(Sessions {
                store: ports.sessions,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
                nobody,
                cost: password_cost,
            }),
            members: Members {
                store: ports.members,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            invitations: Invitations {
                store: ports.invitations,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
                password_cost,
                mails: ports.mails,
            },
            platform_keys: PlatformKeysUseCases {
                store: ports.platform_keys,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
            },
            organization_settings: OrganizationSettingsDesk {
                store: Arc::clone(&ports.organizations),
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            secrets: ports.secrets,
            webhooks: ports.webhooks,
            workflows: Workflows {
                store: ports.workflows,
                compiler: ports.compiler,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            schedules: Schedules {
                store: ports.schedules,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            deployments: Deployments {
                store: Arc::clone(&ports.deployments),
                keys: ports.managed_keys.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers: peppers.clone(),
                schemas: ports.schemas,
            },
            sharing: SharingDesk {
                store: ports.sharing,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            keys: ManagedKeys {
                store: ports.managed_keys,
                clock: clock.clone(),
                entropy: entropy.clone(),
                peppers,
                uses: ports.uses,
            },
            key_feed: KeyFeed { store: ports.key_feed },
            nodes: ports.nodes,
            imports: KeyImports {
                store: ports.imports,
                clock: clock.clone(),
                entropy: entropy.clone(),
            },
            tools: Tools {
                deployments: Arc::clone(&ports.deployments),
                executions: Arc::clone(&executions),
                history: Arc::clone(&history),
                clock: clock.clone(),
            },
            history,
            executions,
            usage: UsageDesk {
                usage: ports.usage,
                deployments: ports.deployments,
                clock: clock.clone(),
            },
            audit: ports.audit,
            inferences: Inferences { models: ports.models, clock, entropy },
            organizations: ports.organizations,
        }
    }
}

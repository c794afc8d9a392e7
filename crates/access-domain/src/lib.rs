//! Who is calling and what they may do: organizations, users, sessions, platform keys, permissions.
//!
//! Rules and use cases over ports; no actix, SQL, runtime, clock or random source. Permission is a
//! value: [`authorize`] gives a [`Granted`], and use cases take one, so that no edge can forget to ask.

mod accounts;
mod audit;
mod audit_chain;
mod audit_log;
mod authentication;
mod calls;
mod deliveries;
mod delivery;
mod derived_id;
mod device;
mod encryption;
mod event;
mod fault;
mod forward_auth;
mod idempotency;
mod import;
mod inference;
mod invitation;
mod invitations;
mod key_feed;
mod key_record;
mod limiter;
mod managed_key;
mod managed_keys;
mod members;
mod model;
mod models;
mod nodes;
mod notice;
mod organization;
mod organization_secrets;
mod organization_settings;
mod page;
mod password;
mod permission;
mod platform_keys;
mod ports;
mod principal;
mod refusals;
mod secrets;
mod session;
mod trace;
mod user;
mod uses;
mod verification;
mod webhook;
mod webhook_draft;
mod webhooks;

pub use self::{
    accounts::{Account, AccountStore, Accounts, MemberCounts, ResetError, ResetPassword},
    audit::{
        Act, Action, Actor, ActorKind, AuditEntry, AuditEntryId, AuditFilter, Origin, Subject,
        SubjectKind,
    },
    audit_chain::{
        BreakKind, Chain, ChainBreak, ChainHead, ChainTotal, PruningRule, Seal, SealedEntry,
        Sealing, SealingRule,
    },
    audit_log::{AuditLog, Unverified, Upkeep, VerifiedChain},
    authentication::{
        Admitted, Authentication, AuthenticationError, Csrf, RequestedOrganization, present,
        principal_of_session,
    },
    calls::{Call, CallLog, CallOutcome, Consumer},
    deliveries::{
        Addressee, ClaimedDelivery, DeliveryDetail, DeliveryFilter, DeliveryScope, DeliveryStore,
        EndedAttempt, SettledAttempt, share_places,
    },
    delivery::{
        AfterAttempt, Answer, Delivery, DeliveryAttempt, DeliveryEntry, DeliveryId, DeliveryLog,
        DeliveryState, Receiver, RetryPolicy,
    },
    derived_id::derived_id,
    device::{DEVICE_LASTS, Device},
    encryption::{EncryptionKey, EncryptionKeys, Sealed, Unsealable, WeakEncryptionKey},
    event::{Event, EventId, EventType},
    fault::{Fault, FaultCode, check_text, pointer_segment},
    forward_auth::{Door, TurnedAway},
    idempotency::{
        BodyIdentity, Idempotency, IdempotencyKey, IdempotencyRecord, Repeatable, RequestName,
    },
    import::{
        Import, ImportDraft, ImportOutcome, ImportRefusal, KeyImports, MAX_IMPORTED_KEYS, NewImport,
    },
    inference::{Inference, InferenceDraft, InferenceRefusal, Inferences},
    invitation::{Closed, Invitation, InvitationId, invitation_token, read_invitation_token},
    invitations::{
        CreatedInvitation, InvitationFacts, InvitationRefusal, InvitationStore, Invitations,
        Joining, ShownInvitation, sweep_invitations,
    },
    key_feed::{ChangedKeys, KeyFeed, KeyFeedStore, KeyNews},
    key_record::{
        ApiName, CallBounds, Candidate, ForeignDigests, FoundBy, KeyMatches, KeyOwner, KeyQuery,
        KeyRecord, PresentedKey,
    },
    limiter::{
        FallbackLimiter, Limited, Limiter, LimiterFailed, LimiterNews, LimiterWitness, Limiting,
        MemoryLimiter, OnLimiterFailure, Quota, Quotas, RateSubject, Spending,
    },
    managed_key::{
        Imported, KeyChange, KeyDraft, KeyEdit, KeySecret, KeyShape, KeyTerms, ManagedKey,
        NewManagedKey, Revocation, RotationDraft, TermDraft, read_allowlist, read_rate_limit,
    },
    managed_keys::{KeyDesk, KeyRefusal, KeyRing, KeyStyle, ManagedKeys, first_key},
    members::{Made, Member, MemberFacts, MemberRefusal, MemberStore, Members, RemovedMember},
    model::{
        Completion, Echo, Message, MessageRole, ModelFailure, ModelFailureKind, ModelPrice,
        ModelProvider, Question, TokenUsage,
    },
    models::{InvalidModel, ModelName, Models, NameFault},
    nodes::{Bell, KeyMark, Node, NodeId, NodeNews, NodeStore, Nodes, Roll, Topic},
    notice::{
        EndLook, EndNotice, KeyEnd, KeyNotices, NoticeDays, NoticeStore, ReachedLimits,
        WatchedLimiter,
    },
    organization::{
        AdminAccount, CreateOrganization, CreateOrganizationError, CreatedOrganization,
        NewOrganization, Organization, OrganizationId, OrganizationName, OrganizationRef,
        Organizations, RESERVED_SLUGS, Slug,
    },
    organization_secrets::{
        NewSecret, OrganizationSecret, SecretDesk, SecretName, SecretRefusal, SecretStore,
    },
    organization_settings::{
        OrganizationEdit, OrganizationSettings, OrganizationSettingsDesk, SettingsRefusal,
    },
    page::{InvalidSearch, ListFilter, Page, PageRequest, SearchText},
    password::{HashingFailed, PasswordCost, PasswordHash},
    permission::{
        CallTools, Denied, Execute, ExplainKeys, Granted, Infer, LeaveOrganization,
        ManageDeployments, ManageKeys, ManageMail, ManageMembers, ManageOrganization,
        ManagePlatformKeys, ManageSecrets, ManageWebhooks, ManageWorkflows, Operator,
        OwnerRequired, Permission, ReadAudit, ReadDocumentation, ReadModels, ReadOrganization,
        ReadUsage, RefreshPlatformKey, SeeSelf, VerifyKeys, Visibility, authorize,
    },
    platform_keys::{PlatformKey, PlatformKeyChange, PlatformKeyRefusal, PlatformKeysUseCases},
    ports::{
        AuditStore, ChangeError, Clock, IdempotencyStore, KeyChanges, KeyFilter, KeyImportStore,
        KeyLookup, KeySource, ManagedKeyStore, OrganizationStore, PlatformKeyStore, SessionStore,
        StoreError,
    },
    principal::{DeploymentId, DeploymentTag, NewKey, Principal},
    refusals::{Flush, Refusal, RefusalLog, Refusals},
    secrets::SecretValues,
    session::{
        Arrival, Credentials, LogInError, LoggedIn, MOST_SESSIONS, PasswordChange, PasswordRefusal,
        Session, SessionId, SessionRecord, Sessions, sweep_sessions,
    },
    trace::{NotATraceContext, OpenSpan, SpanKind, SpanValue, TraceContext, Tracer},
    user::{Email, Membership, Role, User, UserId, UserRecord, Username},
    uses::Uses,
    verification::{Finding, Verification, VerificationDraft, explain, judge},
    webhook::{
        DisabledReason, SigningSecrets, Webhook, WebhookId, has_failed_for_too_long, is_given_up,
    },
    webhook_draft::{WebhookDraft, WebhookEdit},
    webhooks::{
        NewTest, NewWebhook, WebhookDesk, WebhookRefusal, WebhookRule, WebhookStore, WebhookTargets,
    },
};

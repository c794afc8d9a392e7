//! Keys of deployments and of the organization.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Time,
    body::{clearable, present},
};

/// `POST …/api-deployment/{id}/keys/`. At most one of the two expiries may be given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateDeploymentKey {
    /// Whom it is for.
    #[serde(default)]
    pub description: String,
    /// Until when it is good; absent or `null`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// For how many days it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
    /// How often a minute it may be used; absent or `null`: as often as the deployment allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<u32>,
    /// The addresses and networks that it may be used from; empty: from anywhere.
    #[serde(default)]
    pub ip_allowlist: Option<Vec<String>>,
}

/// `PATCH …/api-deployment/{id}/keys/{key_id}/`: what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchDeploymentKey {
    /// Whether it is switched on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Whom it is for; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Until when it is good; `null` lifts the term.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Time>>,
    /// How often a minute it may be used; `null` lifts the limit.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// The addresses and networks that it may be used from; empty or `null` lifts the restriction.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Option<Vec<String>>>,
}

/// `POST /v1/api-keys`. At most one of the two expiries may be given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateApiKey {
    /// Its name, unique among the keys that are not deleted; never changed afterwards.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What it may be used for: the server's own scopes, and names of your own such as `orders:read`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Until when it is good; absent or `null`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// For how many days it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
    /// How the key looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<KeyFormat>,
    /// What a checksummed key says it is for; a label, nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<KeyEnv>,
    /// How often a minute it may be used; absent or `null`: as often as one likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<u32>,
    /// The addresses and networks that it may be used from; empty: from anywhere.
    #[serde(default)]
    pub ip_allowlist: Option<Vec<String>>,
    /// Whatever you want to note; at most 4096 bytes.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

impl CreateApiKey {
    /// A key of this name: without scopes, limits or end.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            scopes: Vec::new(),
            expires_at: None,
            expires_in_days: None,
            format: None,
            env: None,
            rate_limit_per_minute: None,
            ip_allowlist: None,
            metadata: Map::new(),
        }
    }
}

/// How a key of the organization looks.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KeyFormat {
    /// `kw_live_…` with a checksum, so that typos and leaks are found without asking the server.
    #[default]
    Checksummed,
    /// `n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0`
    PrefixSecret,
}

/// What a checksummed key says it is for.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KeyEnv {
    /// Production.
    #[default]
    Live,
    /// Tests.
    Test,
}

/// `PATCH /v1/api-keys/{id}`: what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchApiKey {
    /// Never changes: any value is refused.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<Value>,
    /// Whether it is switched on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// What it is for; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// What it may be used for.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Until when it is good; `null` lifts the term.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Time>>,
    /// How often a minute it may be used; `null` lifts the limit.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// The addresses and networks that it may be used from; empty or `null` lifts the restriction.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub ip_allowlist: Option<Option<Vec<String>>>,
    /// Whatever you want to note, in place of what was noted; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Option<Map<String, Value>>>,
}

/// `POST …/rotate/`. Without either expiry, the term that the key was made for begins anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotateKey {
    /// How long the present secret stays good: 0 to 2592000.
    pub grace_seconds: u32,
    /// Until when the key is good; `null`: for good.
    #[serde(deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Time>>,
    /// For how many days it is good.
    #[serde(deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<Option<u32>>,
    /// Whether a secret that is still in its grace dies for it.
    pub force: bool,
}

impl Default for RotateKey {
    fn default() -> Self {
        Self { grace_seconds: 86_400, expires_at: None, expires_in_days: None, force: false }
    }
}

/// `POST …/revoke/`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeKey {
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What is told of a key after its making.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyView {
    /// Its id.
    pub id: Uuid,
    /// The deployment that it opens; absent for a key of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Uuid>,
    /// Its name; absent for a key of a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whom it is for, or what.
    pub description: String,
    /// Whether it is switched on.
    pub is_active: bool,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Until when it is good.
    pub expires_at: Option<Time>,
    /// How often a minute it may be used.
    pub rate_limit_per_minute: Option<u32>,
    /// The networks that it may be used from; empty: from anywhere.
    pub ip_allowlist: Vec<String>,
    /// What was noted of it.
    pub metadata: Map<String, Value>,
    /// Reminds its owner which one it is. `null` while an imported key has not been used.
    pub hint: Option<String>,
    /// The first 16 hexadecimal digits of the key's SHA-256. `null` while an imported key has not
    /// been used.
    pub fingerprint: Option<String>,
    /// Its secrets: the present one, and while it is in its grace the one before.
    pub secrets: Vec<KeySecretView>,
    /// Where it came from, while an imported key has not been used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedView>,
    /// When it was last used; by another server, a minute late at most.
    pub last_used_at: Option<Time>,
    /// When it was revoked, for good.
    pub revoked_at: Option<Time>,
    /// Why it was revoked.
    pub revoked_reason: Option<String>,
    /// The user or key that made it.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Time,
}

/// One secret of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeySecretView {
    /// Reminds its owner which one it is.
    pub hint: String,
    /// The first 16 hexadecimal digits of its SHA-256.
    pub fingerprint: String,
    /// When it was made.
    pub created_at: Time,
    /// Until when it is good, where another has taken its place.
    pub grace_until: Option<Time>,
    /// When it was last used; by another server, a minute late at most.
    pub last_used_at: Option<Time>,
}

/// Where an imported key came from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedView {
    /// How the other system kept it: `sha256`, `sha512` or `pbkdf2_sha256`.
    pub algorithm: String,
    /// What it begins with, as far as that was told.
    pub prefix: Option<String>,
    /// Until when it is good, where a rotation has given the key another secret.
    pub grace_until: Option<Time>,
}

/// A key with a new secret.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedKeyView {
    /// What is told of it later as well.
    #[serde(flatten)]
    pub record: KeyView,
    /// The key. It is shown this once: `null` where the request was answered before.
    pub key: Option<String>,
}

/// A key that is revoked.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokedKeyView {
    /// What is told of it later as well.
    #[serde(flatten)]
    pub record: KeyView,
    /// Where the request waited: the servers that let the key in no more, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Vec<String>>,
    /// Where the request waited: the servers that were there a moment ago and did not say so. They ask the database by now, or
    /// are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{
        KeyDraft, KeyEdit, KeySecret, KeyShape, ManagedKey, RotationDraft, TermDraft,
    };
    use keys_core::KeyEnvironment;

    use super::{
        CreateApiKey, CreateDeploymentKey, ImportedView, KeyEnv, KeyFormat, KeySecretView, KeyView,
        PatchApiKey, PatchDeploymentKey, RotateKey,
    };
    use crate::Time;

    fn term(expires_at: Option<Time>, expires_in_days: Option<u32>) -> TermDraft {
        TermDraft { expires_at: expires_at.map(|Time(at)| at), expires_in_days }
    }

    impl From<CreateDeploymentKey> for KeyDraft {
        fn from(body: CreateDeploymentKey) -> Self {
            Self {
                description: body.description,
                term: term(body.expires_at, body.expires_in_days),
                rate_limit_per_minute: body.rate_limit_per_minute,
                ip_allowlist: body.ip_allowlist.unwrap_or_default(),
                ..Self::default()
            }
        }
    }

    impl From<CreateApiKey> for KeyDraft {
        fn from(body: CreateApiKey) -> Self {
            Self {
                name: body.name,
                description: body.description,
                scopes: body.scopes,
                term: term(body.expires_at, body.expires_in_days),
                rate_limit_per_minute: body.rate_limit_per_minute,
                ip_allowlist: body.ip_allowlist.unwrap_or_default(),
                metadata: serde_json::Value::Object(body.metadata).to_string(),
                shape: match body.format.unwrap_or_default() {
                    KeyFormat::Checksummed => KeyShape::Checksummed,
                    KeyFormat::PrefixSecret => KeyShape::PrefixSecret,
                },
                environment: match body.env.unwrap_or_default() {
                    KeyEnv::Live => KeyEnvironment::Live,
                    KeyEnv::Test => KeyEnvironment::Test,
                },
            }
        }
    }

    impl From<PatchDeploymentKey> for KeyEdit {
        fn from(body: PatchDeploymentKey) -> Self {
            Self {
                is_active: body.is_active,
                description: body.description.map(Option::unwrap_or_default),
                expires_at: body.expires_at.map(|at| at.map(|Time(at)| at)),
                rate_limit_per_minute: body.rate_limit_per_minute,
                ip_allowlist: body.ip_allowlist.map(Option::unwrap_or_default),
                ..Self::default()
            }
        }
    }

    impl From<PatchApiKey> for KeyEdit {
        fn from(body: PatchApiKey) -> Self {
            let metadata = body.metadata.map(Option::unwrap_or_default);
            Self {
                scopes: body.scopes,
                metadata: metadata.map(|object| serde_json::Value::Object(object).to_string()),
                ..PatchDeploymentKey {
                    is_active: body.is_active,
                    description: body.description,
                    expires_at: body.expires_at,
                    rate_limit_per_minute: body.rate_limit_per_minute,
                    ip_allowlist: body.ip_allowlist,
                }
                .into()
            }
        }
    }

    impl From<RotateKey> for RotationDraft {
        fn from(body: RotateKey) -> Self {
            let is_told = body.expires_at.is_some() || body.expires_in_days.is_some();
            let term = term(body.expires_at.flatten(), body.expires_in_days.flatten());
            Self {
                grace_seconds: body.grace_seconds,
                term: is_told.then_some(term),
                force: body.force,
            }
        }
    }

    impl From<KeySecret> for KeySecretView {
        fn from(secret: KeySecret) -> Self {
            Self {
                hint: secret.hint,
                fingerprint: secret.fingerprint.as_str().into(),
                created_at: Time(secret.created_at),
                grace_until: secret.grace_until.map(Time),
                last_used_at: secret.last_used_at.map(Time),
            }
        }
    }

    impl From<ManagedKey> for KeyView {
        fn from(key: ManagedKey) -> Self {
            let last_used_at = key.last_used_at().map(Time);
            let secrets: Vec<KeySecretView> = key.secrets.into_iter().map(Into::into).collect();
            let present = secrets.first();
            let (revoked_at, revoked_reason) =
                key.revoked.map(|revoked| (Time(revoked.at), revoked.reason)).unzip();
            let texts = |list: &mut dyn Iterator<Item = String>| list.collect::<Vec<_>>();
            Self {
                id: key.id.uuid(),
                deployment: key.deployment.map(access_domain::DeploymentId::uuid),
                name: key.deployment.is_none().then_some(key.name),
                description: key.terms.description,
                is_active: key.terms.is_active,
                scopes: texts(&mut key.terms.scopes.iter().map(ToString::to_string)),
                expires_at: key.terms.expires_at.map(Time),
                rate_limit_per_minute: key.terms.rate_limit.map(keys_core::RateLimit::calls),
                ip_allowlist: texts(&mut key.terms.allowlist.iter().map(ToString::to_string)),
                metadata: serde_json::from_str(&key.terms.metadata).unwrap_or_default(),
                hint: present.map(|secret| secret.hint.clone()),
                fingerprint: present.map(|secret| secret.fingerprint.clone()),
                secrets,
                imported: key.imported.map(|from| ImportedView {
                    algorithm: from.algorithm,
                    prefix: from.prefix,
                    grace_until: from.grace_until.map(Time),
                }),
                last_used_at,
                revoked_at,
                revoked_reason,
                created_by: key.created_by,
                created_at: Time(key.created_at),
            }
        }
    }
}

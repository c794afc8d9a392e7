//! `keywright audit`: whether what was noted is all there and as it was. Only reads.

use std::{process::ExitCode, sync::Arc};

use access_domain::{
    AuditLog, ChainBreak, ChangeError, Operator, Organization, Unverified, VerifiedChain,
};
use serde_json::{Value, json};

use crate::{
    arguments::{AuditCommand, VerifyOptions},
    clock::SystemClock,
    configuration::{Configuration, Loaded},
    failure::Failure,
    node::open_storage,
    pepper,
};

/// Runs the command.
pub(crate) fn run(loaded: &Loaded, command: &AuditCommand) -> Result<ExitCode, Failure> {
    let AuditCommand::Verify(options) = command;
    verify(&loaded.configuration, options)
}

fn verify(configuration: &Configuration, options: &VerifyOptions) -> Result<ExitCode, Failure> {
    let (log, organizations) = open(configuration, options.organization.as_deref())?;
    let operator = Operator::at_the_command_line;
    let mut report = Report { is_json: options.output.json, chains: Vec::new(), verified: 0 };
    for organization in &organizations {
        match log.verify(operator(), organization.id) {
            Ok(chain) => report.whole(organization, &chain),
            Err(error) => return report.end(Some((Some(organization), broken(error)?))),
        }
    }
    match log.verify_total(operator()) {
        Ok(_) => report.end(None),
        Err(error) => report.end(Some((None, broken(error)?))),
    }
}

/// The audit of the database as it stands, and the organizations that are meant. Opening a node
/// would migrate an embedded database, or make one.
fn open(
    configuration: &Configuration,
    slug: Option<&str>,
) -> Result<(AuditLog, Vec<Organization>), Failure> {
    if configuration.embedded_database().is_some_and(|path| !path.exists()) {
        return Err(Failure::Database("there is no database yet; the first start makes it".into()));
    }
    let storage = open_storage(configuration, Arc::new(()))?;
    let pending = storage.pending_migrations().map_err(|error| Failure::database(&error))?;
    if !pending.is_empty() {
        return Err(Failure::Database(format!("pending migrations: {}", pending.join(", "))));
    }
    let peppers = pepper::find(configuration)?.ok_or_else(|| {
        Failure::Configuration("secrets.pepper: is not here, and nothing is told without it".into())
    })?;
    let mut organizations =
        storage.list_organizations().map_err(|error| Failure::database(&error))?;
    if let Some(slug) = slug {
        organizations.retain(|organization| organization.slug.as_str() == slug);
        if organizations.is_empty() {
            return Err(Failure::Failed(format!("there is no organization '{slug}'")));
        }
    }
    let log = AuditLog {
        store: storage,
        clock: Arc::new(SystemClock),
        peppers: Arc::new(peppers),
        retention: configuration.audit.retention(),
    };
    Ok((log, organizations))
}

fn broken(error: Unverified) -> Result<ChainBreak, Failure> {
    match error {
        ChangeError::Refused(broken) => Ok(broken),
        ChangeError::Store(error) => Err(Failure::database(&error)),
    }
}

struct Report {
    is_json: bool,
    chains: Vec<Value>,
    verified: i64,
}

impl Report {
    fn whole(&mut self, organization: &Organization, chain: &VerifiedChain) {
        let VerifiedChain { verified, unsealed, seq, mac } = chain;
        let slug = organization.slug.as_str();
        self.verified += verified;
        if self.is_json {
            let head = json!({"seq": seq, "seal": hex(mac)});
            self.chains.push(json!({
                "organization": slug, "verified": verified, "unsealed": unsealed, "head": head,
            }));
        } else {
            println!("{slug}: {verified} entries verified, {unsealed} not sealed yet");
        }
    }

    fn end(self, broken: Option<(Option<&Organization>, ChainBreak)>) -> Result<ExitCode, Failure> {
        let is_whole = broken.is_none();
        let told = broken.map(|(organization, broken)| {
            let slug = organization.map(|organization| organization.slug.as_str());
            let ChainBreak { seq, entry, kind, .. } = broken;
            let kind = kind.as_str();
            if !self.is_json {
                let whose = slug.unwrap_or("all organizations together");
                let at = seq.map_or_else(String::new, |seq| format!(" at {seq}"));
                let entry =
                    entry.as_ref().map_or_else(String::new, |entry| format!(" (entry {entry})"));
                println!("{whose}: broken{at}{entry}: {kind}");
            }
            json!({"organization": slug, "seq": seq, "entry_id": entry, "kind": kind})
        });
        if self.is_json {
            let report =
                json!({"verified": self.verified, "organizations": self.chains, "broken": told});
            println!("{report}");
        }
        Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

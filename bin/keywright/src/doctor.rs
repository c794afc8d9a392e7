//! `keywright doctor`: what should be mended before callers notice.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix_web::rt;
use deployments_domain::{Code, CodeCheck as _};
use keys_core::{Pepper, PepperName};
use serde::Serialize;
use storage_diesel::Storage;

use crate::{
    arguments::Output,
    configuration::{Configuration, Loaded, UpstreamModel},
    encryption_key,
    failure::Failure,
    metrics,
    node::{open_storage, sandbox},
    pepper, redis,
};

/// This machine, and where clouds tell machines what they may do, by keys among other things.
const RISKY: [Ipv4Addr; 2] = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(169, 254, 169, 254)];

/// How long Redis may take to let us in.
const REDIS_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    detail: String,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Good,
    Warning,
    Bad,
}

/// Checks everything, prints every finding; exit code 1 if something is bad.
pub(crate) fn run(loaded: &Loaded, output: Output) -> Result<ExitCode, Failure> {
    let configuration = &loaded.configuration;
    let mut findings = vec![good("configuration", "is read")];
    findings.extend(check_database(configuration));
    findings.extend(check_redis(configuration));
    findings.extend(check_files(configuration));
    findings.push(check_uploads(configuration));
    findings.push(check_address(configuration));
    findings.extend(check_metrics(configuration));
    findings.extend(check_models(configuration));
    findings.extend(check_outbound(configuration));
    findings.extend(check_mail(configuration));
    findings.push(check_sandbox(configuration));
    if output.json {
        println!("{}", serde_json::to_string(&findings).map_err(|error| Failure::failed(&error))?);
    } else {
        for Finding { check, status, detail } in &findings {
            let mark = match status {
                Status::Good => "good   ",
                Status::Warning => "warning",
                Status::Bad => "bad    ",
            };
            println!("{mark}  {check}: {detail}");
        }
    }
    let is_sound = findings.iter().all(|finding| finding.status != Status::Bad);
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn good(check: &'static str, detail: impl Into<String>) -> Finding {
    Finding { check, status: Status::Good, detail: detail.into() }
}

fn warning(check: &'static str, detail: impl Into<String>) -> Finding {
    Finding { check, status: Status::Warning, detail: detail.into() }
}

fn bad(check: &'static str, detail: impl Into<String>) -> Finding {
    Finding { check, status: Status::Bad, detail: detail.into() }
}

fn check_database(configuration: &Configuration) -> Vec<Finding> {
    // Opening would make a database, and the doctor changes nothing.
    if configuration.embedded_database().is_some_and(|path| !path.exists()) {
        return vec![warning("database", "does not exist yet; the first start makes it")];
    }
    let storage = match open_storage(configuration, Arc::new(())) {
        Ok(storage) => storage,
        Err(failure) => return vec![bad("database", failure.into_text())],
    };
    if let Err(error) = storage.check() {
        return vec![bad(
            "database",
            format!("{error}; is it running, and is database.url right?"),
        )];
    }
    vec![
        good("database", "answers"),
        check_schema(&*storage),
        check_pepper(configuration, &*storage),
        check_encryption_key(configuration, &*storage),
    ]
}

/// Whether Redis answers, where there is one, and does what limits need. Nothing is kept there.
fn check_redis(configuration: &Configuration) -> Option<Finding> {
    let redis = match redis::open(configuration) {
        Ok(redis) => redis?,
        Err(failure) => return Some(bad("redis", failure.into_text())),
    };
    Some(match redis.settle(REDIS_PATIENCE) {
        Ok(()) => good("redis", "answers, and keeps account of limits"),
        Err(away) => bad("redis", format!("{away}; is it running, and is redis.url right?")),
    })
}

fn check_schema(storage: &dyn Storage) -> Finding {
    match (storage.pending_migrations(), storage.unknown_migrations()) {
        (Ok(pending), Ok(unknown)) if pending.is_empty() && unknown.is_empty() => {
            good("schema", "is up to date")
        }
        (Ok(pending), Ok(unknown)) if unknown.is_empty() => {
            bad("schema", format!("lacks {}; run 'keywright migrate run'", pending.join(", ")))
        }
        (Ok(_), Ok(unknown)) => {
            warning("schema", format!("was made by a newer version ({})", unknown.join(", ")))
        }
        (Err(error), _) | (_, Err(error)) => bad("schema", error.to_string()),
    }
}

fn check_pepper(configuration: &Configuration, storage: &dyn Storage) -> Finding {
    let peppers = match pepper::find(configuration) {
        Ok(peppers) => peppers,
        Err(failure) => return bad("pepper", failure.into_text()),
    };
    let counted = match storage.secrets_per_pepper() {
        Ok(counted) => counted,
        Err(error) => return bad("pepper", error.to_string()),
    };
    let named = |name| peppers.as_ref().and_then(|peppers| peppers.named(name));
    let (here, lacking): (Vec<_>, Vec<_>) =
        counted.iter().partition(|(name, _)| named(name).is_some());
    let current = peppers.as_ref().map(|peppers| peppers.current().name());
    let left: Vec<_> = here.into_iter().filter(|(name, _)| Some(name) != current).collect();
    match (lacking.as_slice(), left.as_slice()) {
        ([], []) => good("pepper", "is the one that the stored keys need"),
        ([], left) => {
            let what = "which they leave when they are used; accept it until then";
            good(
                "pepper",
                format!("is here; of older ones are still needed: {}, {what}", told(left)),
            )
        }
        (lacking, _) => {
            bad("pepper", format!("keys need what is not here: {}; restore it", told(lacking)))
        }
    }
}

/// Whether the secrets of organizations open.
fn check_encryption_key(configuration: &Configuration, storage: &dyn Storage) -> Finding {
    let check = "encryption key";
    let keys = match encryption_key::find(configuration) {
        Ok(keys) => keys,
        Err(failure) => return bad(check, failure.into_text()),
    };
    match encryption_key::lacking(storage, keys.as_ref()) {
        Err(error) => bad(check, error.to_string()),
        Ok(lacking) if lacking.is_empty() && keys.is_none() => {
            good(check, "is not set: no organization has secrets, and none can be set")
        }
        Ok(lacking) if lacking.is_empty() => good(check, "opens every secret that is stored"),
        Ok(lacking) => {
            let told = lacking.iter().map(|(name, count)| format!("{count} under {name}"));
            let told = told.collect::<Vec<_>>().join(", ");
            bad(check, format!("secrets need what is not here: {told}; restore it"))
        }
    }
}

/// How many secrets there are under which peppers.
fn told(counted: &[&(PepperName, u64)]) -> String {
    let told =
        counted.iter().map(|(name, count)| format!("{count} secrets under {}", name.as_str()));
    told.collect::<Vec<_>>().join(", ")
}

/// Files that hold secrets must be their owner's alone.
fn check_files(configuration: &Configuration) -> Vec<Finding> {
    let secrets = &configuration.secrets;
    let files = [
        configuration.embedded_database(),
        pepper::embedded_path(configuration),
        secrets.pepper_file.clone(),
        encryption_key::embedded_path(configuration),
        secrets.encryption_key_file.clone(),
        configuration.server.metrics_token_file.clone(),
        configuration.mail.password_file.clone(),
    ];
    let keys = configuration.models.upstreams.values().map(|model| model.api_key_file.clone());
    let files = files.into_iter().chain(keys).flatten();
    files.filter(|path| path.exists()).map(|path| check_mode(&path)).collect()
}

/// Where files that came with calls lie.
fn check_uploads(configuration: &Configuration) -> Finding {
    let directory = configuration.files_directory();
    let place = directory.display();
    if configuration.embedded_database().is_none() && configuration.files.directory.is_none() {
        let what = "files.directory is not set: where servers or workers run on several machines, \
                    they must share one";
        return warning("files", format!("{what}; it is {place} here"));
    }
    match fs::metadata(&directory) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            bad("files", format!("{place} can be entered by others; run 'chmod 700 {place}'"))
        }
        Ok(_) => good("files", format!("{place} is its owner's alone")),
        // The first file makes it.
        Err(_) => good("files", format!("{place} is made when it is needed")),
    }
}

fn check_mode(path: &Path) -> Finding {
    match fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 == 0 => {
            good("file", format!("{} is its owner's alone", path.display()))
        }
        Ok(mode) => bad(
            "file",
            format!(
                "{0} can be read by others (mode {mode:o}); run 'chmod 600 {0}'",
                path.display()
            ),
        ),
        Err(error) => bad("file", format!("{}: {error}", path.display())),
    }
}

fn check_address(configuration: &Configuration) -> Finding {
    let listen = configuration.server.listen;
    if configuration.is_exposed(listen) {
        let what = "is reached from other machines, and server.public_url is not https://: keys travel in the clear";
        warning("address", format!("{listen} {what}"))
    } else {
        good("address", format!("{listen} is listened on"))
    }
}

/// Where metrics are told, if they are.
fn check_metrics(configuration: &Configuration) -> Vec<Finding> {
    let admin = configuration.server.admin_listen.map(|listen| {
        if listen.ip().is_loopback() {
            good("metrics", format!("{listen} tells them"))
        } else {
            let what = "tells metrics and health to whoever reaches it, without a credential";
            warning("metrics", format!("{listen} {what}; let nobody but Prometheus reach it"))
        }
    });
    let token = match metrics::find_token(configuration) {
        Ok(token) => token.map(|_| good("metrics", "/metrics answers to the token")),
        Err(failure) => Some(bad("metrics", failure.into_text())),
    };
    admin.into_iter().chain(token).collect()
}

/// Whether the keys of models are here; nobody is asked whether they are good.
fn check_models(configuration: &Configuration) -> Vec<Finding> {
    let check = |(name, model): (&String, &UpstreamModel)| match model.key(name) {
        Err(failure) => bad("models", failure.into_text()),
        Ok(Some(_)) if model.base_url.starts_with("http://") => {
            warning("models", format!("{name}: its key travels in the clear; use https://"))
        }
        Ok(_) => good("models", format!("{name} is asked at {}", model.base_url)),
    };
    configuration.models.upstreams.iter().map(check).collect()
}

/// Where workflows may call, if that is more than the public Internet.
fn check_outbound(configuration: &Configuration) -> Option<Finding> {
    let allowed = &configuration.outbound.allowed_networks.0;
    if allowed.is_empty() {
        return None;
    }
    let named: Vec<_> = allowed.iter().map(|network| network.0.to_string()).collect();
    let named = named.join(", ");
    let policy = configuration.outbound.policy();
    let is_open = RISKY.into_iter().any(|address| policy.permits(IpAddr::V4(address)));
    Some(if is_open {
        let what = "lets workflows call this machine, or what clouds tell it their secrets by";
        warning("outbound", format!("{named} {what}"))
    } else {
        good("outbound", format!("workflows may call {named}"))
    })
}

/// Whether the mail server answers, where there is one. It is sent nothing.
fn check_mail(configuration: &Configuration) -> Option<Finding> {
    let mail = &configuration.mail;
    if !mail.is_set() {
        return None;
    }
    let server = format!("{}:{}", mail.host, mail.port());
    // What tokens are made with matters to no one who only asks whether somebody is there.
    let nothing = Pepper::new(&[0; Pepper::MIN_BYTES]).ok()?;
    let mailer = match configuration.mailer(&Arc::new(nothing.into())) {
        Ok(mailer) => mailer?,
        Err(failure) => return Some(bad("mail", failure.into_text())),
    };
    let asked = rt::System::new().block_on(mailer.check());
    Some(match asked {
        Ok(()) => good("mail", format!("{server} takes mail")),
        Err(why) => bad("mail", format!("{server} takes no mail: {why}")),
    })
}

fn check_sandbox(configuration: &Configuration) -> Finding {
    let sandbox = match sandbox(configuration) {
        Ok(sandbox) => sandbox,
        Err(failure) => return bad("sandbox", failure.into_text()),
    };
    match sandbox.check_code(&[Code::Filter(".")]) {
        Ok(verdicts) if verdicts.iter().all(|v| v.faults.is_empty()) => {
            good("sandbox", "runs filters")
        }
        Ok(_) => bad("sandbox", "refuses the simplest filter"),
        Err(error) => bad(
            "sandbox",
            std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string),
        ),
    }
}

//! What is read from which layer, and what stops the start.

use super::*;

fn read(environment: &[(&str, &str)]) -> Result<Configuration, String> {
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    match Loaded::from_layers(None, environment) {
        Ok(loaded) => Ok(loaded.configuration),
        Err(Failure::Configuration(what)) => Err(what),
        Err(other) => Err(format!("{other:?}")),
    }
}

#[test]
fn the_environment_outranks_the_defaults() {
    let read =
        read(&[("KEYWRIGHT_SERVER__LISTEN", "127.0.0.1:9"), ("KEYWRIGHT_WORKER__SEATS", "3")])
            .unwrap();
    assert_eq!(read.server.listen.port(), 9);
    assert_eq!(read.worker.seats, 3);
}

#[test]
fn a_name_with_dots_and_capitals_may_be_an_alias() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keywright.toml");
    let aliases = "[models.aliases]\n\"gpt-4\" = \"echo\"\n\"GPT-3.5:x/y\" = \"gpt-4\"\n";
    std::fs::write(&file, aliases).unwrap();
    let read = Loaded::from_layers(Some(&file), std::iter::empty()).ok().unwrap();
    let names: Vec<_> = read.configuration.models.aliases.into_keys().collect();
    assert_eq!(names, ["GPT-3.5:x/y", "gpt-4"]);
}

#[test]
fn variables_without_a_section_are_not_ours() {
    assert!(
        read(&[("KEYWRIGHT_PORT", "tcp://10.0.0.1:80"), ("KEYWRIGHT_SERVICE_HOST", "x")]).is_ok()
    );
}

#[test]
fn a_secret_of_digits_stays_as_it_is() {
    let digits = "00123456789012345678901234567890e5";
    let read = read(&[("KEYWRIGHT_SECRETS__PEPPER", digits)]).unwrap();
    assert_eq!(read.secrets.pepper.map(|pepper| pepper.0), Some(digits.into()));
}

#[test]
fn proxies_are_networks_joined_by_commas() {
    let read = |value| read(&[("KEYWRIGHT_SERVER__TRUSTED_PROXIES", value)]).unwrap();
    let networks: Vec<_> = read("127.0.0.1, 2001:db8::/32").server.trusted_networks();
    let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["127.0.0.1/32", "2001:db8::/32"]);
    assert!(read("").server.trusted_networks().is_empty());
}

#[test]
fn a_wrong_setting_is_named() {
    for (name, value, expected) in [
        ("KEYWRIGHT_SERVER__LISTN", "x", "listn"),
        ("KEYWRIGHT_SERVR__LISTEN", "x", "servr"),
        ("KEYWRIGHT_SERVER__LISTEN", "nowhere", "server.listen"),
        ("KEYWRIGHT_WORKER__SEATS", "many", "worker.seats"),
        ("KEYWRIGHT_WORKER__SEATS", "0", "worker.seats"),
        ("KEYWRIGHT_SERVER__PUBLIC_URL", "example.com", "server.public_url"),
        ("KEYWRIGHT_LOG__FORMAT", "xml", "log.format"),
        ("KEYWRIGHT_SERVER__ADMIN_LISTEN", "9090", "server.admin_listen"),
        ("KEYWRIGHT_TRACING__OTLP_ENDPOINT", "https://collector", "tracing.otlp_endpoint"),
        ("KEYWRIGHT_TRACING__OTLP_ENDPOINT", "collector:4318", "tracing.otlp_endpoint"),
        ("KEYWRIGHT_TRACING__SAMPLE_RATIO", "1.5", "tracing.sample_ratio"),
        ("KEYWRIGHT_TRACING__SERVICE_NAME", "", "tracing.service_name"),
        ("KEYWRIGHT_SERVER__TRUSTED_PROXIES", "10.0.0.0/33", "server.trusted_proxies"),
        ("KEYWRIGHT_SERVER__TRUSTED_PROXIES", "127.0.0.1,proxy", "server.trusted_proxies"),
        ("KEYWRIGHT_SERVER__TRUSTED_PROXIES", "0.0.0.0/0", "server.trusted_proxies"),
        ("KEYWRIGHT_MODELS__ALIASES__BEST", "gpt-9", "models.aliases.best"),
        ("KEYWRIGHT_MODELS__ALIASES__BEST", "best", "models.aliases.best"),
    ] {
        let what = read(&[(name, value)]).unwrap_err();
        assert!(what.contains(expected) && !what.contains('\n'), "{name}={value}: {what}");
    }
}

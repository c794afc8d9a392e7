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

/// The settings of one model at `http://a.test/v1`, with `more` lines.
fn model(more: &str) -> Result<ModelSettings, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keywright.toml");
    let text = format!("[models.\"gpt-4.1\"]\nbase_url = \"http://a.test/v1\"\n{more}\n");
    std::fs::write(&file, text).unwrap();
    match Loaded::from_layers(Some(&file), std::iter::empty()) {
        Ok(loaded) => Ok(loaded.configuration.models),
        Err(failure) => Err(failure.into_text()),
    }
}

#[test]
fn a_model_elsewhere_has_settings_of_its_own() {
    let read = model("prompt_price = 2.5\nretries = 0\n[models.aliases]\nbest = \"gpt-4.1\"");
    let read = read.unwrap();
    let gpt = &read.upstreams["gpt-4.1"];
    assert_eq!((gpt.prompt_price, gpt.timeout_seconds, gpt.retries), (2.5, 60, 0));
    assert_eq!(read.aliases["best"], "gpt-4.1");
    for (line, expected) in [
        ("price = 1", "price"),
        ("prompt_price = -1", "models.gpt-4.1.prompt_price"),
        ("timeout_seconds = 0", "models.gpt-4.1.timeout_seconds"),
        ("api_key = \"a\"\napi_key_file = \"b\"", "models.gpt-4.1.api_key"),
        ("[models.aliases]\n\"gpt-4.1\" = \"echo\"", "models.aliases.gpt-4.1"),
    ] {
        let what = model(line).unwrap_err();
        assert!(what.contains(expected) && !what.contains('\n'), "{line}: {what}");
    }
}

#[test]
fn a_models_key_is_read_from_its_file_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, "sk-s3cret\n").unwrap();
    let settings = model(&format!("api_key_file = {:?}", file.display().to_string())).unwrap();
    let gpt = &settings.upstreams["gpt-4.1"];
    assert_eq!(gpt.key("gpt-4.1").unwrap(), Some("sk-s3cret".to_owned()));
    std::fs::write(&file, "two words").unwrap();
    let told = gpt.key("gpt-4.1").unwrap_err().into_text();
    assert!(told.starts_with("models.gpt-4.1.api_key_file: ") && !told.contains("two"), "{told}");
    std::fs::remove_file(&file).unwrap();
    assert!(gpt.key("gpt-4.1").unwrap_err().into_text().contains("No such file"));
    let settings = model("api_key = \"sk-s3cret\"").unwrap();
    let shown = serde_json::to_string(&settings).unwrap() + &format!("{settings:?}");
    assert!(shown.contains("gpt-4.1") && !shown.contains("s3cret"), "{shown}");
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
        ("KEYWRIGHT_MODELS__GPT__API_KEY", "x", "base_url"),
        ("KEYWRIGHT_MODELS__GPT__BASE_URL", "api.example.com", "models.gpt.base_url"),
        ("KEYWRIGHT_MODELS__GPT__BASE_URL", "http://me@a.test", "models.gpt.base_url"),
        ("KEYWRIGHT_MODELS__ECHO__BASE_URL", "http://a.test", "models.echo"),
        ("KEYWRIGHT_OUTBOUND__ALLOWED_NETWORKS", "intranet", "outbound.allowed_networks"),
    ] {
        let what = read(&[(name, value)]).unwrap_err();
        assert!(what.contains(expected) && !what.contains('\n'), "{name}={value}: {what}");
    }
}

//! Settings that are not shown, or not whole: secrets, and addresses that may hold one.

use serde::{Deserialize, Serialize, Serializer};

/// A setting that is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretText(pub(crate) String);

/// A database's address; its password is never shown.
#[derive(Clone, Deserialize)]
pub(crate) struct DatabaseUrl(pub(crate) String);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("…")
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.without_password())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.without_password())
    }
}

impl DatabaseUrl {
    /// The address without what may be a password: of the user only the name, of the parameters
    /// only those that are known to be harmless.
    fn without_password(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return "…".into() };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let authority = match authority.rsplit_once('@') {
            Some((credentials, host)) => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                format!("{user}{}@{host}", if password.is_empty() { "" } else { ":…" })
            }
            None => authority.to_owned(),
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parameters: Vec<_> =
            query.split('&').filter(|one| !one.is_empty()).map(without_value).collect();
        let query = if parameters.is_empty() {
            String::new()
        } else {
            format!("?{}", parameters.join("&"))
        };
        format!("{scheme}://{authority}{path}{query}")
    }
}

fn without_value(parameter: &str) -> String {
    const HARMLESS: [&str; 7] =
        ["application_name", "connect_timeout", "host", "options", "port", "sslmode", "user"];
    let name = parameter.split('=').next().unwrap_or_default();
    if HARMLESS.contains(&name) { parameter.to_owned() } else { format!("{name}=…") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_databases_are_blanked() {
        for (url, shown) in [
            ("postgres://kw:s3cret@db/kw", "postgres://kw:…@db/kw"),
            ("postgres://kw:s3:c@r@db/kw?sslmode=disable", "postgres://kw:…@db/kw?sslmode=disable"),
            ("postgres://kw:s3?cret@db/kw", "postgres://kw:…@db/kw"),
            ("postgres://db/kw?sslpassword=s3cret", "postgres://db/kw?sslpassword=…"),
            ("postgres://db/kw?p%61ssword=s3cret", "postgres://db/kw?p%61ssword=…"),
            ("postgres://db/kw?user=kw&password=s3cret", "postgres://db/kw?user=kw&password=…"),
            ("sqlite://data/keywright.db", "sqlite://data/keywright.db"),
        ] {
            assert_eq!(DatabaseUrl(url.into()).without_password(), shown);
        }
    }
}

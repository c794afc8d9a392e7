//! How a deployment is called, in four languages, with an example that its own schema lets pass. A key stands in none of them:
//! there is a place for it.

use serde_json::{Value, json};

/// What stands where the key goes.
pub(in crate::pages) const KEY_PLACE: &str = "YOUR_KEY";
/// For how long the call waits for its result, in seconds.
const WAIT_SECONDS: u32 = 30;

/// The ways to call `endpoint` with `example`, each with its language.
pub(super) fn all(endpoint: &str, example: &Value) -> Vec<(&'static str, String)> {
    let body = body(example);
    vec![
        ("curl", curl(endpoint, &body, KEY_PLACE)),
        ("Python", python(endpoint, &body)),
        ("JavaScript", javascript(endpoint, &body)),
        ("Rust", rust(endpoint, &body)),
    ]
}

/// One call by curl, with `key` in it.
pub(super) fn curl(endpoint: &str, body: &Value, key: &str) -> String {
    let text = body.to_string().replace('\'', r"'\''");
    format!(
        "KEY='{key}'\n\
         curl -X POST '{endpoint}?wait={WAIT_SECONDS}' \\\n  \
           -H \"Authorization: Bearer $KEY\" \\\n  \
           -H 'Content-Type: application/json' \\\n  \
           -d '{text}'"
    )
}

/// The body that hands `example` over as the input: an object that has a member `input_data` would be taken for its envelope.
pub(super) fn body(example: &Value) -> Value {
    if example.get("input_data").is_some() {
        json!({"input_data": example})
    } else {
        example.clone()
    }
}

fn python(endpoint: &str, body: &Value) -> String {
    format!(
        "import requests\n\n\
         key = \"{KEY_PLACE}\"\n\
         answer = requests.post(\n    \
             \"{endpoint}\",\n    \
             params={{\"wait\": {WAIT_SECONDS}}},\n    \
             headers={{\"Authorization\": f\"Bearer {{key}}\"}},\n    \
             json={},\n    \
             timeout=60,\n\
         )\n\
         answer.raise_for_status()\n\
         print(answer.json())",
        python_value(body)
    )
}

/// JSON as Python writes it: the same, but for three words.
fn python_value(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::String(name.clone()), python_value(value))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn javascript(endpoint: &str, body: &Value) -> String {
    format!(
        "const key = \"{KEY_PLACE}\";\n\
         const answer = await fetch(\"{endpoint}?wait={WAIT_SECONDS}\", {{\n  \
           method: \"POST\",\n  \
           headers: {{ Authorization: `Bearer ${{key}}`, \"Content-Type\": \"application/json\" }},\n  \
           body: JSON.stringify({body}),\n\
         }});\n\
         if (!answer.ok) throw new Error(await answer.text());\n\
         console.log(await answer.json());"
    )
}

/// The body is a raw string: not every JSON is a literal of `json!`.
fn rust(endpoint: &str, body: &Value) -> String {
    let text = body.to_string();
    let mut fence = "#".to_owned();
    while text.contains(&format!("\"{fence}")) {
        fence.push('#');
    }
    format!(
        "// Cargo.toml: reqwest = \"0.13\", tokio = {{ version = \"1\", features = [\"full\"] }}\n\
         #[tokio::main]\n\
         async fn main() -> Result<(), reqwest::Error> {{\n    \
             let key = \"{KEY_PLACE}\";\n    \
             let answer = reqwest::Client::new()\n        \
                 .post(\"{endpoint}?wait={WAIT_SECONDS}\")\n        \
                 .bearer_auth(key)\n        \
                 .header(\"content-type\", \"application/json\")\n        \
                 .body(r{fence}\"{text}\"{fence})\n        \
                 .send()\n        \
                 .await?\n        \
                 .error_for_status()?;\n    \
             println!(\"{{}}\", answer.text().await?);\n    \
             Ok(())\n\
         }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_is_whole_whatever_stands_in_the_example() {
        let example = json!({"it's": "a \"#quote\"#", "none": null, "yes": [true, 1.5]});
        let [curl, python, javascript, rust] = &all("http://h/deployment/1/", &example)[..] else {
            panic!("four languages");
        };
        let pasted = r###"-d '{"it'\''s":"a \"#quote\"#""###;
        assert!(curl.1.contains(pasted), "{}", curl.1);
        assert!(python.1.contains(r#""none": None, "yes": [True, 1.5]"#), "{}", python.1);
        assert!(javascript.1.contains(r#"JSON.stringify({"it's":"#), "{}", javascript.1);
        let (opened, closed) = (".body(r##\"{", "}\"##)");
        assert!(rust.1.contains(opened) && rust.1.contains(closed), "{}", rust.1);
        for (language, code) in all("http://h/", &example) {
            assert_eq!(code.matches(KEY_PLACE).count(), 1, "{language}: one place for the key");
        }
    }

    #[test]
    fn an_input_that_looks_like_the_envelope_stands_in_one() {
        assert_eq!(body(&json!({"input_data": 1})), json!({"input_data": {"input_data": 1}}));
        assert_eq!(body(&json!([1])), json!([1]));
    }
}

//! A deployment's own schema as a part of another document.

use serde_json::{Map, Value};

/// Keywords whose members are schemas under names of the schema's own choice.
const NAMED: [&str; 5] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Keywords that hold values rather than schemas: what looks like a reference there is none.
const VALUES: [&str; 4] = ["const", "enum", "default", "examples"];

/// The schema with its references to itself beginning at `place`, where it stands in the document. One that names itself stays
/// as it is: it is a document of its own within any other.
pub(super) fn embedded(schema: &Value, place: &str) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    if members.contains_key("$id") {
        return schema.clone();
    }
    let moved = members.iter().map(|(keyword, value)| {
        let value = match (keyword.as_str(), value) {
            ("$ref", Value::String(to)) if to == "#" || to.starts_with("#/") => {
                Value::String(format!("{place}{}", &to.replacen('#', "", 1)))
            }
            (known, Value::Object(schemas)) if NAMED.contains(&known) => {
                let each = schemas.iter().map(|(name, one)| (name.clone(), embedded(one, place)));
                Value::Object(each.collect())
            }
            (known, value) if VALUES.contains(&known) => value.clone(),
            (_, Value::Array(several)) => {
                Value::Array(several.iter().map(|one| embedded(one, place)).collect())
            }
            (_, one) => embedded(one, place),
        };
        (keyword.clone(), value)
    });
    Value::Object(moved.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_to_where_the_schema_stands() {
        let schema = json!({
            "$defs": {"a": {"$ref": "#"}, "const": {"items": {"$ref": "#/$defs/a"}}},
            "properties": {"$ref": {"type": "string"}, "x": {"anyOf": [{"$ref": "#/$defs/a"}, true]}},
            "const": {"$ref": "#/x"}, "$ref": "#named"
        });
        let expected = json!({
            "$defs": {"a": {"$ref": "#/In"}, "const": {"items": {"$ref": "#/In/$defs/a"}}},
            "properties": {"$ref": {"type": "string"}, "x": {"anyOf": [{"$ref": "#/In/$defs/a"}, true]}},
            "const": {"$ref": "#/x"}, "$ref": "#named"
        });
        assert_eq!(embedded(&schema, "#/In"), expected);
        let own = json!({"$id": "https://example.com/s", "$ref": "#/$defs/a"});
        assert_eq!(embedded(&own, "#/In"), own);
        assert_eq!(embedded(&json!(true), "#/In"), json!(true));
    }
}

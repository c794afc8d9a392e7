//! Examples of what a JSON Schema takes. What comes out of here is a guess: whoever shows one to somebody has it checked
//! against the schema before.

use serde_json::{Map, Number, Value};

/// The schema is somebody's text, and may refer to itself.
const MAX_DEPTH: usize = 12;
/// Optional members are shown down to here.
const MAX_OPTIONAL_DEPTH: usize = 3;
/// Values that one guess may consist of.
const MAX_VALUES: usize = 1_000;
const MAX_CHARACTERS: u64 = 1_000;
const MAX_ITEMS: u64 = 20;
/// How many of the schema's own examples are tried.
const MAX_OWN: usize = 3;
/// How many of several alternatives are tried.
const MAX_ALTERNATIVES: usize = 3;

/// What may be examples of `schema`, the best first: those that it tells itself, then one with all members, then those with
/// what is required alone. None where nothing can be one.
pub(crate) fn examples(schema: &Value) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut add = |value: Value| {
        if !found.contains(&value) {
            found.push(value);
        }
    };
    told(schema).take(MAX_OWN).cloned().for_each(&mut add);
    for alternative in 0..MAX_ALTERNATIVES {
        for is_full in [true, false] {
            let mut guess = Guess { root: schema, is_full, alternative, left: MAX_VALUES };
            guess.value(schema, 0).into_iter().for_each(&mut add);
        }
    }
    found
}

/// What a schema says of itself: its examples, and its default.
fn told(schema: &Value) -> impl Iterator<Item = &Value> {
    let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
    examples.chain(schema.get("default"))
}

/// One attempt at a value.
struct Guess<'a> {
    /// What references begin at.
    root: &'a Value,
    /// Whether members are shown that may be left out.
    is_full: bool,
    /// Which of several alternatives is taken, where there are so many.
    alternative: usize,
    /// How many more values it may consist of.
    left: usize,
}

impl<'a> Guess<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth > MAX_DEPTH {
            return None;
        }
        if *schema == Value::Bool(true) {
            return Some(Value::Object(Map::new()));
        }
        let schema = schema.as_object()?;
        // The whole schema's own examples were tried before.
        let own = (depth > 0).then(|| schema.get("examples").and_then(Value::as_array)?.first());
        let first_choice = || schema.get("enum").and_then(Value::as_array)?.first();
        let own = own.flatten().or_else(|| (depth > 0).then(|| schema.get("default")).flatten());
        if let Some(known) = schema.get("const").or(own).or_else(first_choice) {
            return Some(known.clone());
        }
        let parts = self.parts(schema);
        if parts.is_empty() {
            return self.of_type(schema, depth);
        }
        let mut whole = self.of_type(schema, depth);
        let is_silent = type_of(schema).is_none();
        for part in parts {
            let part = self.value(part, depth + 1)?;
            whole = Some(match (whole, part) {
                (Some(Value::Object(mut members)), Value::Object(more)) => {
                    members.extend(more);
                    Value::Object(members)
                }
                (Some(kept), _) if !is_silent => kept,
                (_, part) => part,
            });
        }
        whole
    }

    /// Schemas that must hold as well: what is referred to, all of `allOf`, and one alternative.
    fn parts(&self, schema: &'a Map<String, Value>) -> Vec<&'a Value> {
        let referred = schema.get("$ref").and_then(Value::as_str).and_then(|to| self.find(to));
        let all = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        let one = ["anyOf", "oneOf"].into_iter().filter_map(|name| {
            let choices = schema.get(name)?.as_array()?;
            choices.get(self.alternative % choices.len().max(1))
        });
        referred.into_iter().chain(all).chain(one).collect()
    }

    /// What a reference within the schema means.
    fn find(&self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    fn of_type(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Option<Value> {
        match type_of(schema).unwrap_or("object") {
            "object" => self.object(schema, depth).map(Value::Object),
            "array" => self.array(schema, depth),
            "string" => text(schema).map(Value::String),
            "integer" => number(schema, 1.0),
            "number" => number(schema, 0.0),
            "boolean" => Some(Value::Bool(true)),
            "null" => Some(Value::Null),
            _ => None,
        }
    }

    fn object(
        &mut self,
        schema: &'a Map<String, Value>,
        depth: usize,
    ) -> Option<Map<String, Value>> {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        let mut members = Map::new();
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, member) in known.into_iter().flatten() {
            if required.contains(&name.as_str()) {
                members.insert(name.clone(), self.value(member, depth + 1)?);
            } else if self.is_full && depth < MAX_OPTIONAL_DEPTH && !is_read_only(member) {
                // What cannot be shown is left out: it may be.
                let shown = self.value(member, depth + 1);
                members.extend(shown.map(|value| (name.clone(), value)));
            }
        }
        for name in required {
            if !members.contains_key(name) {
                members.insert(name.into(), Value::String("text".into()));
            }
        }
        Some(members)
    }

    fn array(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Option<Value> {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        let first = schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice);
        let first = first.unwrap_or_default();
        let items = schema.get("items");
        let wanted = u64::from(self.is_full && items.is_some()).max(bound("minItems").unwrap_or(0));
        let wanted = wanted.max(first.len().try_into().ok()?);
        let count = usize::try_from(wanted.min(bound("maxItems").unwrap_or(u64::MAX))).ok()?;
        if wanted > MAX_ITEMS {
            return None;
        }
        let is_unique = schema.get("uniqueItems").and_then(Value::as_bool).unwrap_or(false);
        let mut made: Vec<Value> = Vec::new();
        for index in 0..count {
            let item = match first.get(index).or(items) {
                Some(schema) => self.value(schema, depth + 1)?,
                None => Value::Object(Map::new()),
            };
            made.push(if is_unique && made.contains(&item) { another(item, index) } else { item });
        }
        Some(Value::Array(made))
    }
}

/// The type that a schema tells, or that its other keywords are about.
fn type_of(schema: &Map<String, Value>) -> Option<&str> {
    const ABOUT: [(&str, &[&str]); 4] = [
        ("object", &["properties", "required", "additionalProperties"]),
        ("array", &["items", "prefixItems", "minItems"]),
        ("string", &["minLength", "maxLength", "format", "pattern"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "multipleOf"]),
    ];
    let told = match schema.get("type") {
        Some(Value::Array(several)) => {
            let mut names = several.iter().filter_map(Value::as_str);
            names.clone().find(|name| *name != "null").or_else(|| names.next())
        }
        one => one.and_then(Value::as_str),
    };
    told.or_else(|| {
        let mut about = ABOUT.iter();
        let known =
            about.find(|(_, keywords)| keywords.iter().any(|one| schema.contains_key(*one)));
        known.map(|(name, _)| *name)
    })
}

fn is_read_only(schema: &Value) -> bool {
    schema.get("readOnly").and_then(Value::as_bool).unwrap_or(false)
}

/// A text of the right length and format. What a pattern wants is not guessed.
fn text(schema: &Map<String, Value>) -> Option<String> {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("date") => "2026-01-31",
        Some("time") => "12:00:00Z",
        Some("duration") => "P1D",
        Some("email" | "idn-email") => "ada@example.com",
        Some("hostname" | "idn-hostname") => "example.com",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("uri" | "uri-reference" | "iri" | "iri-reference") => "https://example.com/",
        Some("uuid") => "0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c",
        Some("json-pointer") => "/a",
        _ => "text",
    };
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let least = bound("minLength").unwrap_or(0);
    if least > MAX_CHARACTERS {
        return None;
    }
    let most = usize::try_from(bound("maxLength").unwrap_or(MAX_CHARACTERS)).unwrap_or(usize::MAX);
    let missing = usize::try_from(least).ok()?.saturating_sub(known.chars().count());
    let long = known.chars().chain(std::iter::repeat_n('x', missing));
    Some(long.take(most).collect())
}

/// A number within its bounds, near `wish`, and a multiple of what it must be one of. Good enough for the numbers that
/// people write into schemas; a wrong one is found by the check that follows.
fn number(schema: &Map<String, Value>, wish: f64) -> Option<Value> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let is_stepped = schema.contains_key("multipleOf") || type_of(schema) == Some("integer");
    let step = bound("multipleOf").unwrap_or(1.0);
    let least = bound("minimum").unwrap_or(f64::NEG_INFINITY);
    let most = bound("maximum").unwrap_or(f64::INFINITY);
    let above = bound("exclusiveMinimum").unwrap_or(f64::NEG_INFINITY);
    let below = bound("exclusiveMaximum").unwrap_or(f64::INFINITY);
    let fits = |value: &f64| *value >= least && *value <= most && *value > above && *value < below;
    let between = f64::midpoint(least.max(above), most.min(below));
    let near = [wish, least, above + step, most, below - step, between];
    let on_step = |value: f64| if is_stepped { (value / step).ceil() * step } else { value };
    let steps = near.into_iter().flat_map(|value| [on_step(value), on_step(value) - step]);
    let value = steps.filter(|value| value.is_finite()).find(fits)?;
    // A whole number is written as one.
    #[expect(clippy::cast_possible_truncation, reason = "it was looked at before")]
    let whole = (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64);
    whole.map(Value::from).or_else(|| Number::from_f64(value).map(Value::Number))
}

/// The same kind of value, told from the others by its place.
fn another(value: Value, index: usize) -> Value {
    match value {
        Value::String(text) => Value::String(format!("{text}{index}")),
        Value::Number(number) => number.as_i64().map_or(Value::Number(number), |number| {
            Value::from(number.saturating_add(i64::try_from(index).unwrap_or(i64::MAX)))
        }),
        other @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(schema: &Value, first: &Value) {
        assert_eq!(examples(schema).first(), Some(first), "{schema}");
    }

    #[test]
    fn what_the_schema_tells_comes_first() {
        check(&json!({"type": "string", "examples": ["b"], "default": "a"}), &json!("b"));
        check(&json!({"type": "string", "default": "a"}), &json!("a"));
        check(&json!({"const": {"a": 1}}), &json!({"a": 1}));
        check(&json!({"enum": ["EUR", "USD"]}), &json!("EUR"));
        check(
            &json!({"properties": {"a": {"examples": [7]}, "b": {"default": 8}}}),
            &json!({"a": 7, "b": 8}),
        );
    }

    #[test]
    fn texts_and_numbers_keep_to_their_bounds() {
        check(&json!({"type": "string", "minLength": 6}), &json!("textxx"));
        check(&json!({"type": "string", "maxLength": 2}), &json!("te"));
        check(&json!({"format": "date"}), &json!("2026-01-31"));
        check(&json!({"type": "integer"}), &json!(1));
        check(&json!({"type": "integer", "minimum": 5, "multipleOf": 4}), &json!(8));
        check(&json!({"type": "integer", "maximum": -3}), &json!(-3));
        check(&json!({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}), &json!(0.5));
        check(&json!({"exclusiveMinimum": 0, "exclusiveMaximum": 1}), &json!(0.5));
    }

    #[test]
    fn objects_and_arrays_are_shown_with_what_they_hold() {
        let schema = json!({
            "required": ["a", "c"],
            "properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "null"}}}
        });
        let expected = [json!({"a": 1, "b": [null], "c": "text"}), json!({"a": 1, "c": "text"})];
        assert_eq!(examples(&schema), expected);
        let several = json!({"minItems": 3, "uniqueItems": true, "items": {"type": "string"}});
        check(&several, &json!(["text", "text1", "text2"]));
        check(&json!({"prefixItems": [{"type": "null"}, {"const": 2}]}), &json!([null, 2]));
    }

    #[test]
    fn references_and_combinations_are_followed() {
        let schema = json!({
            "$defs": {"money": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}},
            "allOf": [{"$ref": "#/$defs/money"}, {"properties": {"note": {"type": "string"}}}],
        });
        check(&schema, &json!({"amount": 0, "note": "text"}));
        let either = json!({"oneOf": [{"type": "string", "pattern": "^x"}, {"type": "integer"}]});
        assert_eq!(examples(&either), [json!("text"), json!(1)]);
    }

    #[test]
    fn a_schema_without_end_costs_no_more_than_a_bound() {
        let endless = json!({"$ref": "#"});
        assert!(examples(&endless).is_empty());
        let deep = json!({"required": ["a"], "properties": {"a": {"$ref": "#"}}});
        assert!(examples(&deep).is_empty());
        let wide = json!({"$ref": "#/$defs/a", "$defs": {
            "a": {"allOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}]},
            "b": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}
        }});
        assert!(examples(&wide).is_empty());
        assert!(examples(&json!({"type": "string", "minLength": 1_000_000_000})).is_empty());
        assert!(examples(&json!({"minItems": 1_000_000_000})).is_empty());
        assert!(examples(&json!(false)).is_empty());
    }
}

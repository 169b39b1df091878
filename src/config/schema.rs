//! The JSON Schema of the file, for editors.

use super::shape::{FILE, Key, RETENTIONS, Shape};
use serde_json::{Map, Value, json};

/// The schema.
pub(super) fn schema() -> Value {
    let mut schema = section(FILE);
    let object = schema.as_object_mut().expect("a section is an object");
    object.insert("required".to_owned(), json!(["service"]));
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    whole.insert("title".to_owned(), json!("ecs-deploy.yml"));
    whole.extend(object.clone());
    Value::Object(whole)
}

fn section(keys: &[Key]) -> Value {
    let properties: Map<_, _> = keys
        .iter()
        .map(|key| {
            let mut value = shape(&key.shape);
            if key.name == "retention-in-days" {
                value = json!({"enum": RETENTIONS.map(|days| i64::try_from(days).unwrap_or(0))});
            }
            if let Some(object) = value.as_object_mut() {
                object.insert("description".to_owned(), json!(key.about));
            }
            (key.name.to_owned(), value)
        })
        .collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn shape(shape: &Shape) -> Value {
    let number = |number: &i128| i64::try_from(*number).unwrap_or(i64::MAX);
    match shape {
        Shape::Text => json!({"type": "string", "minLength": 1}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Integer(least, most) => {
            json!({"type": "integer", "minimum": number(least), "maximum": number(most)})
        }
        Shape::Tenths(least, most) => json!({
            "type": "number",
            "minimum": f64::from(*least) / 10.0,
            "maximum": f64::from(*most) / 10.0,
        }),
        Shape::Duration | Shape::DurationOrNone => {
            json!({"type": "string", "pattern": "^([0-9]+[hms])+$"})
        }
        Shape::OneOf(words) => json!({"enum": words}),
        Shape::List(item) => json!({"type": "array", "items": self::shape(item)}),
        Shape::Map => {
            json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        Shape::Arguments => json!({"oneOf": [
            {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
            {"type": "array", "items": {"type": "string", "minLength": 1}},
        ]}),
        Shape::Section(keys) => section(keys),
        Shape::TextOr(keys) => {
            json!({"oneOf": [{"type": "string", "minLength": 1}, section(keys)]})
        }
    }
}

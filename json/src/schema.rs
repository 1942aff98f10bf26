//! JSON Schema of what [`to_json`](crate::to_json) makes of the interface, read from its WIT: for descriptions such as OpenAPI.

use crate::{ALWAYS, tagged};
use serde_json::{Map, Value, json};
use std::path::Path;
use wit_parser::{Docs, Enum, Record, Resolve, Type, TypeDefKind, TypeId, Variant};

/// Where the schemas of named types are, for those that refer to them.
const SCHEMAS: &str = "#/components/schemas/";

/// What the functions of some interfaces return, as `{"outcomes": {function: {case: schema}}, "schemas": {type: schema}}`.
///
/// A function has to return a variant whose cases all carry something.
pub fn describe(wit: &Path, interfaces: &[&str]) -> Result<Value, String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).map_err(|error| format!("{}: {error:#}", wit.display()))?;
    let mut schemas = Schemas { resolve: &resolve, named: Map::new() };
    let mut outcomes = Map::new();
    for interface in interfaces {
        let id = resolve.packages[package].interfaces.get(*interface);
        let id = id.ok_or(format!("{} has no interface {interface}", wit.display()))?;
        for (name, function) in &resolve.interfaces[*id].functions {
            outcomes.insert(
                name.clone(),
                schemas.cases(function.result.as_ref()).ok_or(format!("{name} returns no outcome"))?,
            );
        }
    }
    Ok(json!({"outcomes": outcomes, "schemas": schemas.named}))
}

struct Schemas<'a> {
    resolve: &'a Resolve,
    /// The named types met so far.
    named: Map<String, Value>,
}

impl Schemas<'_> {
    /// What each case of a variant carries.
    fn cases(&mut self, outcome: Option<&Type>) -> Option<Value> {
        let Type::Id(id) = outcome? else { return None };
        let TypeDefKind::Variant(Variant { cases }) = &self.resolve.types[self.declared(*id)].kind else { return None };
        let schemas = cases.iter().map(|case| Some((case.name.clone(), self.schema(case.ty.as_ref()?))));
        schemas.collect::<Option<Map<_, _>>>().map(Value::Object)
    }

    /// The declaration of a type that may have come by `use`.
    fn declared(&self, id: TypeId) -> TypeId {
        match self.resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(other)) => self.declared(other),
            _ => id,
        }
    }

    fn schema(&mut self, given: &Type) -> Value {
        let at_most = |most: u64| json!({"type": "integer", "minimum": 0, "maximum": most});
        match given {
            Type::Bool => json!({"type": "boolean"}),
            Type::U8 => at_most(u8::MAX.into()),
            Type::U16 => at_most(u16::MAX.into()),
            Type::U32 => at_most(u32::MAX.into()),
            Type::U64 => json!({"type": "integer", "minimum": 0}),
            Type::S8 | Type::S16 | Type::S32 | Type::S64 => json!({"type": "integer"}),
            Type::F32 | Type::F64 => json!({"type": "number"}),
            Type::Id(id) => self.declaration(self.declared(*id)),
            // Text, and what no outcome has.
            _ => json!({"type": "string"}),
        }
    }

    fn declaration(&mut self, id: TypeId) -> Value {
        let declared = &self.resolve.types[id];
        let Some(name) = &declared.name else { return self.kind(id) };
        if !self.named.contains_key(name) {
            // Taken before its members are looked at, so that its place is the one where it is first met.
            self.named.insert(name.clone(), Value::Null);
            let schema = with_docs(self.kind(id), &declared.docs);
            self.named.insert(name.clone(), schema);
        }
        json!({"$ref": format!("{SCHEMAS}{name}")})
    }

    fn kind(&mut self, id: TypeId) -> Value {
        match &self.resolve.types[id].kind {
            TypeDefKind::Record(Record { fields }) => {
                let (mut properties, mut required) = (Map::new(), Vec::new());
                for field in fields {
                    let name = field.name.replace('-', "_");
                    let (held, is_there) = match self.optional(&field.ty) {
                        Some(held) if ALWAYS.contains(&name.as_str()) => {
                            (json!({"anyOf": [self.schema(&held), {"type": "null"}]}), true)
                        }
                        Some(held) => (self.schema(&held), false),
                        None => (self.schema(&field.ty), true),
                    };
                    required.extend(is_there.then(|| name.clone()));
                    properties.insert(name, with_docs(held, &field.docs));
                }
                json!({"type": "object", "properties": properties, "required": required})
            }
            TypeDefKind::Enum(Enum { cases }) => {
                let names: Vec<_> = cases.iter().map(|case| &case.name).collect();
                json!({"type": "string", "enum": names})
            }
            TypeDefKind::Variant(Variant { cases }) => {
                let cases: Vec<_> = cases
                    .iter()
                    .map(|case| match &case.ty {
                        None => with_docs(json!({"const": case.name}), &case.docs),
                        Some(carried) => with_docs(tagged(&case.name, self.schema(carried)), &case.docs),
                    })
                    .collect();
                json!({"oneOf": cases})
            }
            TypeDefKind::List(item) => json!({"type": "array", "items": self.schema(item)}),
            TypeDefKind::Tuple(tuple) => {
                let items: Vec<_> = tuple.types.iter().map(|item| self.schema(item)).collect();
                let count = items.len();
                json!({"type": "array", "prefixItems": items, "minItems": count, "maxItems": count})
            }
            TypeDefKind::Type(other) => self.schema(other),
            // No outcome has one.
            _ => json!({}),
        }
    }

    fn optional(&self, given: &Type) -> Option<Type> {
        let Type::Id(id) = given else { return None };
        match self.resolve.types[self.declared(*id)].kind {
            TypeDefKind::Option(held) => Some(held),
            _ => None,
        }
    }
}

fn with_docs(mut schema: Value, docs: &Docs) -> Value {
    if let Some(text) = &docs.contents {
        schema["description"] = text.trim().into();
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_the_schema_of_its_json() {
        let folder = std::env::temp_dir().join(format!("servicenow-json-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("told.wit"),
            "package a:b;
            interface shared { enum how { well-done, badly } }
            interface told {
                use shared.{how};
                /// What was told.
                record tale { /// How it went.
                    the-way: how, status: option<u16>, retry-after-ms: option<u32>, pairs: list<tuple<string, bool>> }
                variant outcome { good(tale), bad(list<tale>) }
                tell: func() -> outcome;
            }
            interface mute { say: func() -> string; }",
        )
        .unwrap();
        let described = describe(&folder, &["told"]);
        let refused = describe(&folder, &["mute"]);
        let absent = describe(&folder, &["deaf"]);
        std::fs::remove_dir_all(&folder).unwrap();
        let tale = json!({"$ref": "#/components/schemas/tale"});
        assert_eq!(
            described.unwrap(),
            json!({
                "outcomes": {"tell": {"good": tale, "bad": {"type": "array", "items": tale}}},
                "schemas": {
                    "tale": {
                        "type": "object",
                        "description": "What was told.",
                        "properties": {
                            "the_way": {"$ref": "#/components/schemas/how", "description": "How it went."},
                            "status": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, {"type": "null"}]},
                            "retry_after_ms": {"type": "integer", "minimum": 0, "maximum": 4294967295u32},
                            "pairs": {"type": "array", "items": {
                                "type": "array",
                                "prefixItems": [{"type": "string"}, {"type": "boolean"}],
                                "minItems": 2,
                                "maxItems": 2,
                            }},
                        },
                        "required": ["the_way", "status", "pairs"],
                    },
                    "how": {"type": "string", "enum": ["well-done", "badly"]},
                },
            })
        );
        assert_eq!(refused.unwrap_err(), "say returns no outcome");
        assert!(absent.unwrap_err().ends_with("has no interface deaf"));
    }
}

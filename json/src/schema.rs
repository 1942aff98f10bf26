//! JSON Schema of what [`to_json`](crate::to_json) makes of the interface, read from its WIT: for descriptions such as OpenAPI.

use crate::{ALWAYS, SCHEMAS, tagged};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::Path;
use wit_parser::{Docs, Enum, PackageId, Record, Resolve, Type, TypeDefKind, TypeId, Variant};

/// What the functions of some interfaces in a folder return, as [`describe_package`] tells it.
pub fn describe(wit: &Path, interfaces: &[&str]) -> Result<Value, String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).map_err(|error| format!("{}: {error:#}", wit.display()))?;
    describe_package(&resolve, package, interfaces)
}

/// What the functions of some interfaces return, as `{"outcomes": {function: {case: schema}}, "returns": {function: schema},
/// "schemas": {type: schema}}`. A function that returns a variant is in `outcomes`, any other in `returns`.
///
/// An error names what has no schema here.
pub fn describe_package(resolve: &Resolve, package: PackageId, interfaces: &[&str]) -> Result<Value, String> {
    let mut schemas = Schemas { resolve, named: Map::new(), met: HashMap::new() };
    let (mut outcomes, mut returns) = (Map::new(), Map::new());
    for interface in interfaces {
        let id = resolve.packages[package].interfaces.get(*interface);
        let id = id.ok_or(format!("{} has no interface {interface}", resolve.packages[package].name))?;
        for (name, function) in &resolve.interfaces[*id].functions {
            let result = function.result.as_ref().ok_or(format!("{name} returns nothing"))?;
            let before = match schemas.cases(result)? {
                Some(cases) => outcomes.insert(name.clone(), cases),
                None => returns.insert(name.clone(), schemas.schema(result)?),
            };
            if before.is_some() {
                return Err(format!("two interfaces have a function {name}"));
            }
        }
    }
    Ok(json!({"outcomes": outcomes, "returns": returns, "schemas": schemas.named}))
}

struct Schemas<'a> {
    resolve: &'a Resolve,
    /// The schemas of the named types met so far.
    named: Map<String, Value>,
    /// Which types those are.
    met: HashMap<String, TypeId>,
}

impl Schemas<'_> {
    /// What each case of a variant carries.
    fn cases(&mut self, outcome: &Type) -> Result<Option<Value>, String> {
        let Some(TypeDefKind::Variant(Variant { cases })) = self.kind(outcome) else { return Ok(None) };
        let mut carried = Map::new();
        for case in cases.clone() {
            let held = case.ty.ok_or(format!("the case {} carries nothing", case.name))?;
            carried.insert(case.name, self.schema(&held)?);
        }
        Ok(Some(Value::Object(carried)))
    }

    /// The declaration of a type that may have come by `use`.
    fn declared(&self, id: TypeId) -> TypeId {
        match self.resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(other)) => self.declared(other),
            _ => id,
        }
    }

    fn kind(&self, given: &Type) -> Option<&TypeDefKind> {
        let Type::Id(id) = given else { return None };
        Some(&self.resolve.types[self.declared(*id)].kind)
    }

    fn schema(&mut self, given: &Type) -> Result<Value, String> {
        let at_most = |most: u64| Ok(json!({"type": "integer", "minimum": 0, "maximum": most}));
        match given {
            Type::String => Ok(json!({"type": "string"})),
            Type::Bool => Ok(json!({"type": "boolean"})),
            Type::U8 => at_most(u8::MAX.into()),
            Type::U16 => at_most(u16::MAX.into()),
            // Without the format, clients take it for a signed number of 32 bits.
            Type::U32 => Ok(json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX})),
            Type::U64 => Ok(json!({"type": "integer", "format": "int64", "minimum": 0})),
            Type::Id(id) => self.declaration(self.declared(*id)),
            other => Err(format!("no schema is known here for {other:?}")),
        }
    }

    fn declaration(&mut self, id: TypeId) -> Result<Value, String> {
        let Some(name) = &self.resolve.types[id].name else { return self.structure(id) };
        match self.met.insert(name.clone(), id) {
            Some(known) if known != id => return Err(format!("two types are called {name}")),
            Some(_) => {}
            None => {
                // Its place is taken before its members are looked at: it stands where it is first met.
                self.named.insert(name.clone(), Value::Null);
                let schema = described(self.structure(id)?, &self.resolve.types[id].docs);
                self.named.insert(name.clone(), schema);
            }
        }
        Ok(json!({"$ref": format!("{SCHEMAS}{name}")}))
    }

    fn structure(&mut self, id: TypeId) -> Result<Value, String> {
        let resolve = self.resolve;
        match &resolve.types[id].kind {
            TypeDefKind::Record(record) => self.record(record),
            TypeDefKind::List(item) => Ok(json!({"type": "array", "items": self.schema(item)?})),
            TypeDefKind::Enum(Enum { cases }) => {
                let names: Vec<_> = cases.iter().map(|case| &case.name).collect();
                let explained =
                    cases.iter().filter_map(|case| Some(format!("- `{}`: {}", case.name, text(&case.docs)?)));
                let explained: Vec<_> = explained.collect();
                Ok(json!({"type": "string", "enum": names, "description": explained.join("\n")}))
            }
            TypeDefKind::Variant(Variant { cases }) => {
                let case = |case: &wit_parser::Case| {
                    let schema = match &case.ty {
                        None => json!({"const": case.name}),
                        Some(carried) => tagged(&case.name, self.schema(carried)?),
                    };
                    Ok(described(schema, &case.docs))
                };
                let cases = cases.iter().map(case).collect::<Result<Vec<_>, String>>()?;
                Ok(json!({"oneOf": cases}))
            }
            other => Err(format!("no schema is known here for the kind {}", other.as_str())),
        }
    }

    fn record(&mut self, record: &Record) -> Result<Value, String> {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in &record.fields {
            let name = field.name.replace('-', "_");
            let held = match self.kind(&field.ty) {
                Some(TypeDefKind::Option(held)) => Some(*held),
                _ => None,
            };
            let (schema, is_there) = match held {
                Some(held) if ALWAYS.contains(&name.as_str()) => {
                    (json!({"anyOf": [self.schema(&held)?, {"type": "null"}]}), true)
                }
                Some(held) => (self.schema(&held)?, false),
                None => (self.schema(&field.ty)?, true),
            };
            required.extend(is_there.then(|| name.clone()));
            properties.insert(name, described(schema, &field.docs));
        }
        Ok(json!({"type": "object", "properties": properties, "required": required}))
    }
}

/// A documentation comment, as running text.
fn text(docs: &Docs) -> Option<String> {
    Some(docs.contents.as_ref()?.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A schema with its documentation before what it says of itself.
fn described(mut schema: Value, docs: &Docs) -> Value {
    let said = schema["description"].as_str().map(str::to_string);
    let parts: Vec<_> = text(docs).into_iter().chain(said).filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => schema.as_object_mut().and_then(|schema| schema.remove("description")),
        false => schema
            .as_object_mut()
            .and_then(|schema| schema.insert("description".to_string(), parts.join("\n\n").into())),
    };
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe_text(wit: &str, interfaces: &[&str]) -> Result<Value, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("told.wit"), format!("package a:b;\n{wit}")).unwrap();
        describe(folder.path(), interfaces)
    }

    #[test]
    fn a_type_has_the_schema_of_its_json() {
        let described = describe_text(
            "interface shared {
                enum how { well-done, /// Not
                /// well.
                badly }
            }
            interface told {
                use shared.{how};
                /// What was told.
                record tale { /// How it went.
                    the-way: how, status: option<u16>, retry-after-ms: option<u32>, lines: list<string> }
                variant outcome { good(tale), bad(list<tale>) }
                tell: func() -> outcome;
                count: func() -> tale;
            }",
            &["told"],
        );
        let tale = json!({"$ref": "#/components/schemas/tale"});
        let number = json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX});
        assert_eq!(
            described.unwrap(),
            json!({
                "outcomes": {"tell": {"good": tale, "bad": {"type": "array", "items": tale}}},
                "returns": {"count": tale},
                "schemas": {
                    "tale": {
                        "type": "object",
                        "description": "What was told.",
                        "properties": {
                            "the_way": {"$ref": "#/components/schemas/how", "description": "How it went."},
                            "status": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, {"type": "null"}]},
                            "retry_after_ms": number,
                            "lines": {"type": "array", "items": {"type": "string"}},
                        },
                        "required": ["the_way", "status", "lines"],
                    },
                    "how": {"type": "string", "enum": ["well-done", "badly"], "description": "- `badly`: Not well."},
                },
            })
        );
    }

    #[test]
    fn what_has_no_schema_is_named() {
        for (wit, interfaces, says) in [
            ("interface a { say: func(); }", &["a"][..], "say returns nothing"),
            ("interface a { say: func() -> f32; }", &["a"], "for F32"),
            ("interface a { say: func() -> option<option<u8>>; }", &["a"], "for the kind option"),
            ("interface a { variant v { x } say: func() -> v; }", &["a"], "the case x carries nothing"),
            (
                "interface a { say: func() -> u8; } interface b { say: func() -> u8; }",
                &["a", "b"],
                "two interfaces have",
            ),
            (
                "interface a { record r { x: u8 } f: func() -> r; } interface b { record r { y: u8 } g: func() -> r; }",
                &["a", "b"],
                "two types are called r",
            ),
            ("interface a { say: func() -> u8; }", &["c"], "has no interface c"),
        ] {
            let refused = describe_text(wit, interfaces).unwrap_err();
            assert!(refused.contains(says), "{wit}: {refused}");
        }
    }
}

//! What the hosts in other languages share with this one. What the Python host returns is made from the WIT: a dataclass for each
//! record and each case, an enumeration for each enum, and a union for each outcome. The policies name the same calls and headers.

use crate::reference::{WRITE, root};
use servicenow_core::headers::NEVER;
use servicenow_host::authorizations::AllowedCall;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use wit_bindgen_core::wit_parser::{Docs, Resolve, Type, TypeDef, TypeDefKind, TypeId};

/// The interfaces whose methods the Python host has.
const INTERFACES: [&str; 7] = ["incidents", "authorization", "manifest", "push", "mapping", "callbacks", "changes"];

const FOLDER: &str = "engines/python/src/servicenow";

/// The longest line of the Python host.
const LINE: usize = 110;

#[test]
fn the_types_of_the_python_host_are_what_the_interface_says() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).unwrap();
    let mut returned = BTreeSet::new();
    let mut outcomes = BTreeSet::new();
    for name in INTERFACES {
        let interface = resolve.packages[package].interfaces[name];
        for function in resolve.interfaces[interface].functions.values() {
            let Some(Type::Id(id)) = &function.result else { continue };
            if matches!(resolve.types[*id].kind, TypeDefKind::Variant(_)) {
                outcomes.insert(*id);
            }
            reach(&resolve, &Type::Id(*id), &mut returned);
        }
    }
    for (file, made) in [("records.py", records(&resolve, &returned)), ("outcomes.py", cases(&resolve, &outcomes))] {
        let path = root().join(FOLDER).join(file);
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, &made).unwrap();
        }
        let stands = fs::read_to_string(&path).unwrap_or_default();
        assert!(stands == made, "{} is out of date: {WRITE}=1 cargo test -p host-test language_hosts", path.display());
    }
}

/// Collects the types that a value of a type may hold.
fn reach(resolve: &Resolve, ty: &Type, into: &mut BTreeSet<TypeId>) {
    let Type::Id(id) = ty else { return };
    if !into.insert(*id) {
        return;
    }
    let held: Vec<Type> = match &resolve.types[*id].kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.clone(),
        TypeDefKind::Option(held) | TypeDefKind::List(held) | TypeDefKind::Type(held) => vec![*held],
        _ => Vec::new(),
    };
    held.iter().for_each(|ty| reach(resolve, ty, into));
}

fn head(what: &str, imports: &str) -> String {
    let how = format!("{WRITE}=1 cargo test -p host-test language_hosts");
    format!("\"\"\"{what}\n\nMade from `wit/`; `{how}` makes it anew.\n\"\"\"\n\n{imports}")
}

/// The enumerations and records.
fn records(resolve: &Resolve, returned: &BTreeSet<TypeId>) -> String {
    let imports = "from dataclasses import dataclass\nfrom enum import StrEnum\n";
    let mut made = head("What outcomes hold, as dataclasses.", imports);
    // The order of the WIT: a type stands after those that it holds.
    for (id, ty) in resolve.types.iter().filter(|(id, _)| returned.contains(id)) {
        match &ty.kind {
            TypeDefKind::Enum(cases) => {
                let _ = write!(made, "\n\nclass {}(StrEnum):\n{}", class(&name(resolve, id)), doc(&ty.docs));
                for case in &cases.cases {
                    let constant = case.name.replace('-', "_").to_uppercase();
                    let _ = write!(made, "\n    {constant} = \"{}\"\n{}", case.name, doc(&case.docs));
                }
            }
            TypeDefKind::Record(record) => {
                let class = class(&name(resolve, id));
                let _ = write!(made, "\n\n@dataclass(frozen=True, slots=True)\nclass {class}:\n{}", doc(&ty.docs));
                for field in &record.fields {
                    let of = python(resolve, &field.ty, "");
                    let _ = write!(made, "\n    {}: {of}\n{}", field.name.replace('-', "_"), doc(&field.docs));
                }
            }
            _ => {}
        }
    }
    made
}

/// The cases and the outcomes.
fn cases(resolve: &Resolve, outcomes: &BTreeSet<TypeId>) -> String {
    let imports = "from dataclasses import dataclass\nfrom typing import TypeAlias\n\nfrom . import records\n";
    let mut made = head("How calls end: one class for each case, and a union for each method.", imports);
    let mut known: Vec<(&str, Option<String>)> = Vec::new();
    let mut unions = String::new();
    for (id, ty) in resolve.types.iter().filter(|(id, _)| outcomes.contains(id)) {
        let TypeDefKind::Variant(variant) = &ty.kind else { continue };
        for case in &variant.cases {
            let held =
                case.ty.as_ref().map(|ty| format!("{}: {}", member(resolve, ty), python(resolve, ty, "records.")));
            if let Some((_, before)) = known.iter().find(|(name, _)| *name == case.name) {
                assert!(*before == held, "two cases {:?} hold different things", case.name);
                continue;
            }
            known.push((&case.name, held.clone()));
            let class = class(&case.name);
            let _ = write!(made, "\n\n@dataclass(frozen=True, slots=True)\nclass {class}:\n{}", doc(&case.docs));
            if let Some(held) = held {
                let _ = write!(made, "\n    {held}\n");
            }
        }
        let names: Vec<_> = variant.cases.iter().map(|case| class(&case.name)).collect();
        let union = class(&name(resolve, id));
        let line = format!("{union}: TypeAlias = {}", names.join(" | "));
        let (on_one, on_many) = (names.join(" | "), names.join("\n    | "));
        let is_short = 4 + on_one.len() <= LINE;
        unions += &match line.len() <= LINE {
            true => format!("\n{line}\n"),
            false => format!("\n{union}: TypeAlias = (\n    {}\n)\n", if is_short { on_one } else { on_many }),
        };
        unions += &doc(&ty.docs).replace("    ", "");
    }
    made + "\n" + &unions
}

/// A type in Python.
fn python(resolve: &Resolve, ty: &Type, module: &str) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::String => "str".into(),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => "int".into(),
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Option(held) => format!("{} | None", python(resolve, held, module)),
            TypeDefKind::List(held) => format!("list[{}]", python(resolve, held, module)),
            TypeDefKind::Tuple(tuple) => {
                let held: Vec<_> = tuple.types.iter().map(|ty| python(resolve, ty, module)).collect();
                format!("tuple[{}]", held.join(", "))
            }
            TypeDefKind::Type(same) => python(resolve, same, module),
            _ => format!("{module}{}", class(&name(resolve, *id))),
        },
        other => panic!("no outcome holds {other:?}"),
    }
}

/// What a case calls what it holds: by its type.
fn member(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => match &resolve.types[*id] {
            TypeDef { kind: TypeDefKind::List(Type::Id(held)), .. } => match &resolve.types[*held].kind {
                TypeDefKind::Tuple(_) => "pairs".into(),
                _ => format!("{}s", member(resolve, &Type::Id(*held))),
            },
            TypeDef { kind: TypeDefKind::List(Type::String), .. } => "texts".into(),
            TypeDef { kind: TypeDefKind::Type(same), .. } => member(resolve, same),
            _ => name(resolve, *id).replace('-', "_"),
        },
        _ => "why".into(),
    }
}

fn name(resolve: &Resolve, id: TypeId) -> String {
    resolve.types[id].name.clone().unwrap_or_else(|| panic!("{:?} has no name", resolve.types[id]))
}

fn class(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(word).collect()
}

/// A documentation as a docstring.
fn doc(docs: &Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default().trim();
    let text = text.replace('\\', "\\\\").replace("\n\n", "\n\n    ").replace("\n", "\n    ");
    let text: Vec<_> = text.lines().map(str::trim_end).collect();
    format!("    \"\"\"{}\"\"\"\n", text.join("\n"))
}

/// The texts in double quotes of a list in a source file, which begins with one line and ends with another.
fn quoted(path: &str, begins: &str, ends: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("engines").join(path)).unwrap();
    let list = text.split_once(begins).unwrap_or_else(|| panic!("{path} has no {begins}")).1;
    let list = list.split_once(ends).unwrap_or_else(|| panic!("{path} does not end {begins}")).0;
    list.split('"').skip(1).step_by(2).map(str::to_string).collect()
}

#[test]
fn the_policies_of_the_other_hosts_name_what_the_reference_host_s_does() {
    let (node, python) = ("node/src/policy.ts", "python/src/servicenow/policy.py");
    let calls = |of: Vec<AllowedCall>| of.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    for (name, known) in [
        ("INCIDENT_CALLS", calls(AllowedCall::defaults())),
        ("EVENT_CALLS", calls(AllowedCall::set("events").unwrap())),
    ] {
        assert_eq!(quoted(node, &format!("export const {name}: readonly string[] = ["), "];"), known, "{name}");
        assert_eq!(quoted(python, &format!("{name} = ("), "\n)"), known, "{name}");
    }
    for (of_node, of_python) in [
        ("export const REQUEST_HEADERS: readonly string[] = [", "REQUEST_HEADERS = frozenset("),
        ("export const RESPONSE_HEADERS: readonly string[] = [", "RESPONSE_HEADERS = frozenset("),
        ("const NEVER_SENT: readonly string[] = [", "NEVER_SENT = frozenset("),
    ] {
        let both = (quoted(node, of_node, "];"), quoted(python, of_python, "}"));
        assert!(!both.0.is_empty());
        assert_eq!(both.0, both.1, "{of_python}");
    }
    // And the length, which the reference host counts itself.
    let never = NEVER.into_iter().chain(["content-length"]).map(str::to_string).collect();
    assert_eq!(quoted(node, "const NEVER_SENT: readonly string[] = [", "];"), never);
}

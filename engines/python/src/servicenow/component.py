"""A component's file: loaded once, and told apart from what only looks like it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wasmtime import Engine, WasmtimeError
from wasmtime.component import Component, FuncType

from .values import Function

PACKAGE = "servicenow:plugin"
VERSION = "0.2.0"

CORE_MODULE = b"\0asm\x01\0\0\0"


def interface(name: str) -> str:
    """The whole name of an interface."""
    return f"{PACKAGE}/{name}@{VERSION}"


@dataclass(frozen=True, slots=True)
class World:
    """What a component is expected to export, and what it may import."""

    name: str
    exports: Sequence[str]
    imports: Sequence[str]
    file: str

    def __str__(self) -> str:
        return interface(self.name)


NODE = World(
    "plugin-over-transport",
    ("incidents", "manifest", "authorization"),
    ("credentials", "transport"),
    "servicenow-over-transport.wasm",
)

SYNC = World(
    "sync-over-transport",
    ("push", "mapping", "callbacks", "changes"),
    ("credentials", "transport", "ledger"),
    "servicenow-sync-over-transport.wasm",
)


class WrongComponent(ValueError):
    """The file is not the component that this host runs."""


def load(engine: Engine, path: Path, world: World) -> Component:
    """Compiles the component of a file, and checks what it imports and exports."""
    try:
        wasm = path.read_bytes()
    except OSError as error:
        raise WrongComponent(f"{path}: give the path of a readable file ({error.strerror})") from error
    if wasm.startswith(CORE_MODULE):
        raise WrongComponent(f"{path} is a core module; expected is a component of the world {world}")
    try:
        component = Component(engine, wasm)
    except WasmtimeError as error:
        reason = str(error).strip().splitlines()[0]
        told = f"{path} is no component, or not a whole one ({reason}); expected is one of the world {world}"
        raise WrongComponent(told) from error
    exports, imports = component.type.exports(engine), component.type.imports(engine)
    for name in world.exports:
        if interface(name) not in exports:
            others = [found for found in exports if found.startswith(f"{PACKAGE}/{name}@")]
            found = others[0] if others else f"{', '.join(sorted(exports)) or 'nothing'}"
            raise WrongComponent(
                f"{path} exports {found}; expected is {interface(name)}, of the world {world}"
            )
    unknown = sorted(set(imports) - {interface(name) for name in world.imports})
    if unknown:
        told = (
            f"{path} imports {', '.join(unknown)}; this host has {', '.join(map(interface, world.imports))}"
        )
        is_other_flavour = any(name.startswith("wasi:") for name in unknown)
        raise WrongComponent(f"{told}: take {world.file}" if is_other_flavour else told)
    return component


def functions(engine: Engine, item: Any) -> dict[str, FuncType]:
    """The functions of an interface that a component imports or exports, with their types."""
    found = {name: held.ty for name, held in item.ty.exports(engine).items()}
    return {name: ty for name, ty in found.items() if isinstance(ty, FuncType)}


def exported(
    engine: Engine, component: Component, interface_name: str, function: str, returns: Any
) -> Function:
    """A function that a component exports, which returns values of this class."""
    index = component.get_export_index(interface(interface_name))
    found = None if index is None else component.get_export_index(function, index)
    if found is None:
        raise WrongComponent(f"the component does not export {interface(interface_name)}#{function}")
    types = functions(engine, component.type.exports(engine)[interface(interface_name)])
    return Function(found, types[function], returns)

"""The component's file: loaded once, and told apart from what only looks like it."""

from pathlib import Path

from wasmtime import Engine, WasmtimeError
from wasmtime.component import Component

PACKAGE = "servicenow:plugin"
VERSION = "0.2.0"
CREDENTIALS = f"{PACKAGE}/credentials@{VERSION}"
INCIDENTS = f"{PACKAGE}/incidents@{VERSION}"
WORLD = f"{PACKAGE}/incident-node@{VERSION}"

WASI = ("wasi:clocks/", "wasi:http/", "wasi:io/", "wasi:random/", "wasi:cli/")
"""What wasmtime has of WASI that a component of this world may need."""

CORE_MODULE = b"\0asm\x01\0\0\0"


class WrongComponent(ValueError):
    """The file is not the component that this host runs."""


def load(engine: Engine, path: Path) -> Component:
    """Compiles the component of a file, and checks what it imports and exports."""
    try:
        wasm = path.read_bytes()
    except OSError as error:
        raise WrongComponent(f"{path}: give the path of a readable file ({error.strerror})") from error
    if wasm.startswith(CORE_MODULE):
        raise WrongComponent(f"{path} is a core module; expected is a component of the world {WORLD}")
    try:
        component = Component(engine, wasm)
    except WasmtimeError as error:
        reason = str(error).strip().splitlines()[0]
        told = f"{path} is no component, or not a whole one ({reason}); expected is one of the world {WORLD}"
        raise WrongComponent(told) from error
    exports, imports = component.type.exports(engine), component.type.imports(engine)
    if INCIDENTS not in exports:
        others = [name for name in exports if name.startswith(f"{PACKAGE}/incidents@")]
        found = others[0] if others else f"{', '.join(sorted(exports)) or 'nothing'}"
        raise WrongComponent(f"{path} exports {found}; expected is {INCIDENTS}, of the world {WORLD}")
    if CREDENTIALS not in imports:
        others = [name for name in imports if name.startswith(f"{PACKAGE}/credentials@")]
        found = others[0] if others else "no credentials"
        raise WrongComponent(f"{path} imports {found}; expected is {CREDENTIALS}, of the world {WORLD}")
    unknown = [name for name in imports if name != CREDENTIALS and not name.startswith(WASI)]
    if unknown:
        raise WrongComponent(f"{path} imports {', '.join(unknown)}; this host has {CREDENTIALS} and WASI 0.2")
    return component

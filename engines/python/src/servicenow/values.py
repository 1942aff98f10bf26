"""Between Python and the values of the component model.

wasmtime's own conversion asks for the type of each value anew, which took more than a third of a create's
time. Here the types of a function are read once, when a component is loaded. Python has a record as a `dict`
by snake_case names, a variant as a `Variant`, and an outcome as the class of its case. What is wasmtime's own
here is not public: the version is pinned, and a test goes through each kind of value.
"""

import ctypes
from collections.abc import Callable, Sequence
from ctypes import byref, memmove, string_at
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from wasmtime import Store, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime.component import ExportIndex, Instance, LinkerInstance, Variant
from wasmtime.component import _types as types
from wasmtime.component._enter import catch_exceptions, enter_wasm

Value: TypeAlias = Any
"""A value as C has it: `wasmtime_component_val_t`."""

Reader: TypeAlias = Callable[[Value], Any]
Writer: TypeAlias = Callable[[Any, Value], None]

_KINDS = {
    types.Bool: (ffi.WASMTIME_COMPONENT_BOOL, "boolean"),
    types.U8: (ffi.WASMTIME_COMPONENT_U8, "u8"),
    types.U16: (ffi.WASMTIME_COMPONENT_U16, "u16"),
    types.U32: (ffi.WASMTIME_COMPONENT_U32, "u32"),
    types.U64: (ffi.WASMTIME_COMPONENT_U64, "u64"),
}


class Function:
    """An exported function, with its types."""

    def __init__(self, index: ExportIndex, ty: types.FuncType, returns: Any) -> None:
        self._index = index
        self._writers = [writer(kind) for _, kind in ty.params]
        self._read = None if ty.result is None else reader(ty.result, returns)

    def __call__(self, store: Store, instance: Instance, parameters: Sequence[Any]) -> Any:
        """Calls it."""
        function = instance.get_func(store, self._index)
        if function is None or len(parameters) != len(self._writers):
            raise WasmtimeError("the component does not export this function")
        given = (ffi.wasmtime_component_val_t * len(parameters))()
        result = ffi.wasmtime_component_val_t()
        written = 0
        try:
            for write, value, place in zip(self._writers, parameters, given, strict=True):
                write(value, place)
                written += 1
            context, results = store._context(), 0 if self._read is None else 1
            enter_wasm(
                lambda: ffi.wasmtime_component_func_call(
                    byref(function._func), context, given, written, byref(result), results
                )
            )
            if self._read is None:
                return None
            try:
                return self._read(result)
            finally:
                ffi.wasmtime_component_val_delete(byref(result))
        finally:
            for place in given[:written]:
                ffi.wasmtime_component_val_delete(byref(place))


def define(instance: LinkerInstance, name: str, ty: types.FuncType, answer: Callable[..., Any]) -> object:
    """Defines an imported function. What is returned is to be kept for as long as the linker."""
    readers = [reader(kind) for _, kind in ty.params]
    write = None if ty.result is None else writer(ty.result)

    def call(
        _data: Any, context: Any, _type: Any, given: Any, _count: Any, results: Any, _results: Any
    ) -> Any:
        def run(_store: object) -> None:
            value = answer(*(read(given[at]) for at, read in enumerate(readers)))
            if write is not None:
                write(value, results[0])

        return catch_exceptions(context, run)

    callback = ffi.wasmtime_component_func_callback_t(call)
    encoded = name.encode()
    error = ffi.wasmtime_component_linker_instance_add_func(
        instance.ptr(), ctypes.create_string_buffer(encoded), len(encoded), callback, None, _NOTHING
    )
    if error:
        raise WasmtimeError._from_ptr(error)
    return callback


_NOTHING = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


def reader(ty: types.ValType, hint: Any = None) -> Reader:
    """Reads values of a type, as instances of the class that `hint` names where it does."""
    if get_origin(hint) is UnionType and NoneType in get_args(hint):
        (hint,) = (held for held in get_args(hint) if held is not NoneType)
    match ty:
        case types.String():
            return lambda value: _text(value.of.string)
        case types.EnumType():
            as_enum = hint if isinstance(hint, type) and issubclass(hint, StrEnum) else str
            return lambda value: as_enum(_text(value.of.enumeration))
        case types.OptionType():
            read = reader(ty.payload, hint)
            return lambda value: read(value.of.option.contents) if value.of.option else None
        case types.ListType():
            return _list_reader(ty, hint)
        case types.TupleType():
            readers = [reader(held) for held in ty.elements]
            return lambda value: tuple(read(value.of.tuple.data[at]) for at, read in enumerate(readers))
        case types.RecordType():
            return _record_reader(ty, hint)
        case types.VariantType():
            return _variant_reader(ty, hint)
        case _:
            _, member = _KINDS[type(ty)]
            return lambda value: getattr(value.of, member)


def _list_reader(ty: types.ListType, hint: Any) -> Reader:
    read = reader(ty.element, get_args(hint)[0] if hint else None)

    def read_list(value: Value) -> Any:
        held = value.of.list
        return [read(held.data[at]) for at in range(held.size)]

    return (lambda value: bytes(read_list(value))) if isinstance(ty.element, types.U8) else read_list


def _record_reader(ty: types.RecordType, hint: Any) -> Reader:
    is_class = isinstance(hint, type) and is_dataclass(hint)
    hints = get_type_hints(hint) if is_class else {}
    names = [_snake(name) for name, _ in ty.fields]
    readers = [reader(kind, hints.get(_snake(name))) for name, kind in ty.fields]
    if is_class:
        # A class has the members of its record, in the same order: both are made from the WIT.
        assert [member.name for member in fields(hint)] == names
        return lambda value: hint(*_members(value, readers))
    return lambda value: dict(zip(names, _members(value, readers), strict=True))


def _members(value: Value, readers: Sequence[Reader]) -> list[Any]:
    data = value.of.record.data
    return [read(data[at].val) for at, read in enumerate(readers)]


def _variant_reader(ty: types.VariantType, hint: Any) -> Reader:
    known = {case.__name__: case for case in get_args(hint)}
    cases: dict[str, Reader] = {}
    for name, held in ty.cases:
        case = known.get("".join(word.capitalize() for word in name.split("-")))
        hints = list(get_type_hints(case).values()) if case else []
        read = None if held is None else reader(held, hints[0] if hints else None)
        cases[name] = _case_reader(name, case, read)
    return lambda value: cases[_text(value.of.variant.discriminant)](value.of.variant.val)


def _case_reader(name: str, case: Callable[..., Any] | None, read: Reader | None) -> Reader:
    made = case or (lambda *held: Variant(name, *held))
    return (lambda _: made()) if read is None else (lambda held: made(read(held.contents)))


def writer(ty: types.ValType) -> Writer:
    """Writes values of a type."""
    match ty:
        case types.String():
            return _write_string
        case types.EnumType():
            return _write_enum
        case types.OptionType():
            return _option_writer(writer(ty.payload))
        case types.ListType():
            return _list_writer(ty)
        case types.TupleType():
            return _tuple_writer([writer(held) for held in ty.elements])
        case types.RecordType():
            return _record_writer(ty)
        case types.VariantType():
            return _variant_writer({name: _some(held) for name, held in ty.cases})
        case types.ResultType():
            return _result_writer({"ok": _some(ty.ok), "err": _some(ty.err)})
        case _:
            return _plain_writer(*_KINDS[type(ty)])


def _some(ty: types.ValType | None) -> Writer | None:
    return None if ty is None else writer(ty)


def _plain_writer(kind: Any, member: str) -> Writer:
    def write(value: Any, place: Value) -> None:
        setattr(place.of, member, value)
        place.kind = kind

    return write


def _write_string(value: str, place: Value) -> None:
    _put(value.encode(), place.of.string)
    place.kind = ffi.WASMTIME_COMPONENT_STRING


def _write_enum(value: str, place: Value) -> None:
    _put(value.encode(), place.of.enumeration)
    place.kind = ffi.WASMTIME_COMPONENT_ENUM


def _option_writer(write: Writer) -> Writer:
    def write_option(value: Any, place: Value) -> None:
        place.of.option = None if value is None else _boxed(value, write)
        place.kind = ffi.WASMTIME_COMPONENT_OPTION

    return write_option


def _list_writer(ty: types.ListType) -> Writer:
    if isinstance(ty.element, types.U8):
        return _write_bytes
    write = writer(ty.element)

    def write_list(value: Sequence[Any], place: Value) -> None:
        ffi.wasmtime_component_vallist_new_uninit(byref(place.of.list), len(value))
        data = place.of.list.data
        for at, held in enumerate(value):
            write(held, data[at])
        place.kind = ffi.WASMTIME_COMPONENT_LIST

    return write_list


_SIZE = ctypes.sizeof(ffi.wasmtime_component_val_t)
_OF = ffi.wasmtime_component_val_t.of.offset


def _write_bytes(value: bytes, place: Value) -> None:
    """Writes all at once what are as many values: each is its kind, and the byte where the union begins."""
    values = bytearray(_SIZE * len(value))
    values[::_SIZE] = bytes([ffi.WASMTIME_COMPONENT_U8.value]) * len(value)
    values[_OF::_SIZE] = value
    ffi.wasmtime_component_vallist_new_uninit(byref(place.of.list), len(value))
    if value:
        memmove(place.of.list.data, bytes(values), len(values))
    place.kind = ffi.WASMTIME_COMPONENT_LIST


def _tuple_writer(writers: Sequence[Writer]) -> Writer:
    def write_tuple(value: Sequence[Any], place: Value) -> None:
        ffi.wasmtime_component_valtuple_new_uninit(byref(place.of.tuple), len(writers))
        data = place.of.tuple.data
        for at, write in enumerate(writers):
            write(value[at], data[at])
        place.kind = ffi.WASMTIME_COMPONENT_TUPLE

    return write_tuple


def _record_writer(ty: types.RecordType) -> Writer:
    members = [(_constant(name), _snake(name), writer(kind)) for name, kind in ty.fields]

    def write_record(value: dict[str, Any], place: Value) -> None:
        ffi.wasmtime_component_valrecord_new_uninit(byref(place.of.record), len(members))
        data = place.of.record.data
        for at, (constant, name, write) in enumerate(members):
            entry = data[at]
            ffi.wasm_byte_vec_new(byref(entry.name), len(constant), constant)
            write(value[name], entry.val)
        place.kind = ffi.WASMTIME_COMPONENT_RECORD

    return write_record


def _variant_writer(writers: dict[str, Writer | None]) -> Writer:
    def write_variant(value: Variant, place: Value) -> None:
        write = writers[value.tag]
        _put(value.tag.encode(), place.of.variant.discriminant)
        place.of.variant.val = None if write is None else _boxed(value.payload, write)
        place.kind = ffi.WASMTIME_COMPONENT_VARIANT

    return write_variant


def _result_writer(writers: dict[str, Writer | None]) -> Writer:
    def write_result(value: Variant, place: Value) -> None:
        write = writers[value.tag]
        place.of.result.is_ok = value.tag == "ok"
        place.of.result.val = None if write is None else _boxed(value.payload, write)
        place.kind = ffi.WASMTIME_COMPONENT_RESULT

    return write_result


def _boxed(value: Any, write: Writer) -> Any:
    """A value in memory that wasmtime frees."""
    made = ffi.wasmtime_component_val_t()
    write(value, made)
    return ffi.wasmtime_component_val_new(byref(made))


def _put(text: bytes, place: Any) -> None:
    ffi.wasm_byte_vec_new_uninitialized(byref(place), len(text))
    memmove(place.data, text, len(text))


def _constant(name: str) -> Any:
    encoded = name.encode()
    return (ctypes.c_uint8 * len(encoded)).from_buffer_copy(encoded)


def _text(vec: Any) -> str:
    return string_at(vec.data, vec.size).decode() if vec.size else ""


def _snake(name: str) -> str:
    return name.replace("-", "_")

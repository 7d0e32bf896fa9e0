"""Settings are frozen dataclasses beside the code they steer; this reads their files strictly."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from ddg_core.errors import SettingsError

T = TypeVar("T")


def load(path: Path | str, kind: type[T]) -> T:
    """Read a YAML file into the settings dataclass `kind`.

    Raises:
        SettingsError: No such file, no YAML, an unknown or missing key, or a value of another
            type; the message names file, key and choices.
    """
    path = Path(path)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from error
    return parse(tree if tree is not None else {}, kind, path.name)


def parse(tree: object, kind: type[T], where: str) -> T:
    """Build the settings dataclass `kind` from plain dicts, lists and scalars; see `load`."""
    value: T = _convert(tree, kind, where)
    return value


def to_tree(settings: Any) -> Any:
    """Turn settings back into plain dicts, lists and scalars, for records and checkpoints."""
    if dataclasses.is_dataclass(settings):
        return {f.name: to_tree(getattr(settings, f.name)) for f in dataclasses.fields(settings)}
    if isinstance(settings, Mapping):
        return {str(key): to_tree(value) for key, value in settings.items()}
    if isinstance(settings, tuple | list):
        return [to_tree(value) for value in settings]
    return str(settings) if isinstance(settings, Path) else settings


def _convert(tree: Any, kind: Any, where: str) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return tree
    if dataclasses.is_dataclass(kind):
        return _dataclass(tree, typing.cast(type, kind), where)
    if origin in (types.UnionType, typing.Union):
        if tree is None and type(None) in get_args(kind):
            return None
        inner = [k for k in get_args(kind) if k is not type(None)]
        return _convert(tree, inner[0], where)
    if origin is tuple:
        return _tuple(tree, get_args(kind), where)
    if origin is dict:
        _expect(tree, dict, where)
        return {str(k): _convert(v, get_args(kind)[1], f"{where}: {k}") for k, v in tree.items()}
    if origin is typing.Literal:
        if tree not in get_args(kind):
            choices = ", ".join(map(repr, get_args(kind)))
            raise SettingsError(f"{where}: expected one of {choices}, got {tree!r}")
        return tree
    if kind is float and isinstance(tree, int) and not isinstance(tree, bool):
        return float(tree)
    _expect(tree, kind, where)
    return tree


def _dataclass(tree: Any, kind: type, where: str) -> Any:
    _expect(tree, dict, where)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in tree:
        if key not in fields:
            close = get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(fields)}"
            raise SettingsError(f"{where}: unknown key {key!r}; {hint}")
    for name, f in fields.items():
        required = f.default is f.default_factory is dataclasses.MISSING
        if required and name not in tree:
            raise SettingsError(f"{where}: missing key {name!r}")
    hints = get_type_hints(kind)
    values = {key: _convert(value, hints[key], f"{where}: {key}") for key, value in tree.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error


def _tuple(tree: Any, inner: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    _expect(tree, list, where)
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(tree)
    if len(inner) != len(tree):
        raise SettingsError(f"{where}: expected {len(inner)} values, got {len(tree)}")
    return tuple(
        _convert(v, k, f"{where}[{i}]") for i, (v, k) in enumerate(zip(tree, inner, strict=True))
    )


def _expect(tree: Any, kind: type, where: str) -> None:
    if not isinstance(tree, kind) or (isinstance(tree, bool) and kind is not bool):
        raise SettingsError(f"{where}: expected {kind.__name__}, got {tree!r}")

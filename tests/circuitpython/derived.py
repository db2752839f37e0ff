"""Modules made from CircuitPython's stubs: they have the names and parameters of the stubs, and no others."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable
from typing import Any

from circuitpython import stubs

# The stub of format_exception asks for what its text, and CircuitPython, leave out.
_OPTIONAL = {("traceback", "format_exception"): {"value"}}


def _signature(function: ast.FunctionDef, optional: frozenset[str] = frozenset()) -> inspect.Signature:
    """Return the signature of a function of a stub; the values of its defaults do not matter."""
    kinds = inspect.Parameter
    a = function.args
    plain = [(one, kinds.POSITIONAL_ONLY) for one in a.posonlyargs]
    plain += [(one, kinds.POSITIONAL_OR_KEYWORD) for one in a.args]
    required = len(plain) - len(a.defaults)
    out = []
    for i, (one, kind) in enumerate(plain):
        has = i >= required or one.arg in optional
        out.append(kinds(one.arg, kind, default=None if has else kinds.empty))
    for one, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        out.append(kinds(one.arg, kinds.KEYWORD_ONLY, default=kinds.empty if default is None else None))
    return inspect.Signature(out)


def _checked(where: str, function: ast.FunctionDef, does: Callable[..., Any], optional: frozenset[str]) -> Any:
    signature = _signature(function, optional)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{where}.{function.name}: {error}") from None
        return does(*args, **kwargs)

    return call


def _missing(where: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{where} exists on CircuitPython, and does nothing in this shim")

    return refuse


def _class(module: str, node: ast.ClassDef, does: type | None) -> type:
    """Make a class that has what the stub's has; objects delegate to one of `does`."""
    where = f"{module}.{node.name}"
    methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    values = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
    members: dict[str, Any] = {"__slots__": ("_does",), "__doc__": None}
    for name in values:
        members[name] = property(
            lambda self, name=name: getattr(self._does, name),
            lambda self, value, name=name: setattr(self._does, name, value),
        )
    for name, method in methods.items():
        if name == "__init__":
            continue

        def pass_on(self: Any, *args: Any, name: str = name, **kwargs: Any) -> Any:
            return getattr(self._does, name, _missing(f"{where}.{name}"))(*args, **kwargs)

        members[name] = _checked(where, method, pass_on, frozenset())

    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        self._does = (does or _missing(where))(*args, **kwargs)

    if "__init__" in methods:
        members["__init__"] = _checked(where, methods["__init__"], make, frozenset())
    made = type(node.name, (), members)
    for name in values:
        # Members of the kinds that CircuitPython has as constants of a class.
        if does is not None and name.isupper() and hasattr(does, name):
            setattr(made, name, getattr(does, name))
    return made


def wrapped(made: type, does: Any) -> Any:
    """Return an object of a derived class around one of the implementation, which a program did not make itself."""
    out = made.__new__(made)
    out._does = does
    return out


def module(name: str, does: dict[str, Any]) -> types.ModuleType:
    """Make a module with the names of its stub. does: what some of them do; AssertionError for one it does not have."""
    out = types.ModuleType(name)
    known = set()
    for node in stubs.parsed(name).body:
        if isinstance(node, ast.FunctionDef):
            known.add(node.name)
            optional = frozenset(_OPTIONAL.get((name, node.name), ()))
            real = does.get(node.name, _missing(f"{name}.{node.name}"))
            setattr(out, node.name, _checked(name, node, real, optional))
        elif isinstance(node, ast.ClassDef):
            known.add(node.name)
            given = does.get(node.name)
            is_error = any(isinstance(base, ast.Name) and base.id == "Exception" for base in node.bases)
            setattr(out, node.name, type(node.name, (Exception,), {}) if is_error else _class(name, node, given))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            known.add(node.target.id)
            if node.target.id in does:
                setattr(out, node.target.id, does[node.target.id])
    assert set(does) <= known, f"CircuitPython's {name} has no {sorted(set(does) - known)}"
    return out

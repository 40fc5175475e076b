"""Give a running process the code of a changed module."""

from __future__ import annotations

import ast
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from changes import Mutant, changed


def install(root: Path, mutated: Mutant) -> None:
    """Make ``mutated`` what this process runs.

    Functions that were made when the module was imported get their new code, wherever they are
    kept. A change outside functions needs the module anew, and so the whole package. A place of
    no number changes nothing, and installs that.
    """
    path = root / mutated.path
    tree, _ = changed(path.read_text(encoding="utf-8"), mutated.place.number)
    name = module_name(mutated.path)
    if not mutated.place.inside or name not in sys.modules:
        for loaded in [key for key in sys.modules if key.split(".")[0] == "scfcap"]:
            del sys.modules[loaded]
        sys.meta_path.insert(0, _Finder(name, path, tree))
        return
    codes = dict(_codes(compile(tree, str(path), "exec")))
    replaced = 0
    for made in gc.get_objects():
        if type(made) is FunctionType and made.__code__.co_filename == str(path):
            code = codes.get(_place(made.__code__))
            if code is not None:
                replaced += code != made.__code__
                made.__code__ = code
    if not replaced and mutated.place.number >= 0:
        msg = f"no function of this process holds {mutated.key}"
        raise RuntimeError(msg)


def module_name(path: str) -> str:
    """The dotted name of a module by its path in the checkout."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[tuple[tuple[str, int], CodeType]]:
    """The code of each function in ``code``, by its name and line."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield _place(inner), inner
            yield from _codes(inner)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module from a changed syntax tree; all others come as usual."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        package = self._path.name == "__init__.py"
        return importlib.util.spec_from_file_location(
            fullname,
            self._path,
            loader=self,
            submodule_search_locations=[str(self._path.parent)] if package else None,
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)

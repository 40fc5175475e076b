"""The only reader of model files: TOML in, a checked :class:`LoadedModel` out.

A model is a folder with ``model.toml`` and, in ``deals/NAME.toml``, its deals. The file may name a
``base`` whose keys and deals it changes, and ``--set KEY=VALUE`` changes either. Regimes and report
packs are named, not pathed: they are looked up in the model's folder, then beside it, then among
the shipped ones; so are the scenario files that a scenario includes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from scfcap.errors import InputError, Problem
from scfcap.schema.actuals import Actuals
from scfcap.schema.base import Schema
from scfcap.schema.borrowing import BorrowerCost
from scfcap.schema.crosscheck import crosscheck
from scfcap.schema.files import (
    Source,
    digest,
    held_inside,
    inside,
    parse,
    table_of,
    with_actuals,
    with_matrices,
)
from scfcap.schema.in_force import law_in_force, plan_end, put_in_force
from scfcap.schema.law import Calendar
from scfcap.schema.layers import Layer, apply_overrides, merge, parse_override, placed
from scfcap.schema.messages import Key, closest, dotted, naming_bases, shown
from scfcap.schema.model import Model
from scfcap.schema.named import find_named, named_files, read_named, validated
from scfcap.schema.packs import with_logo
from scfcap.schema.regime import Regime
from scfcap.schema.renamed import renewed, renewed_override
from scfcap.schema.report import Pack
from scfcap.schema.result import result_schema
from scfcap.schema.retention import RetentionRule
from scfcap.schema.scenario import Scenario
from scfcap.schema.scenario_files import offering_scenario, stresses_named, written_out
from scfcap.schema.shipped import MODEL_FILE as MODEL_FILE
from scfcap.schema.shipped import shipped as shipped
from scfcap.schema.shipped import shipped_models as shipped_models
from scfcap.schema.shocks import missed

#: Longest chain of bases.
BASE_LIMIT = 8
#: Longest name of a base: file systems have none longer, not even of ASCII [letters].
LONGEST = 255
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_S = TypeVar("_S", bound=Schema)


@dataclass(frozen=True)
class LoadedModel:
    """A checked model with everything it names.

    ``folder`` holds the model file, ``tape_folder`` the file that states the tape's path (a
    base's folder if the base does). ``law`` is the calendar of what the model asks for, ``regime``
    what holds at ``as_of``; both None where the model says "none". ``digest`` is the SHA-256 of
    all ``files`` and ``overrides``: equal inputs, equal digest. ``layers`` are what the files
    state, the deepest base first; ``stresses`` the scenario files that the sizing of deals names
    beside the model's scenarios. ``folders`` are its own and its bases', in which names are looked
    up.
    """

    spec: Model
    folder: Path
    tape_folder: Path
    regime: Regime | None
    regime_name: str
    pack: Pack
    digest: str
    files: tuple[Path, ...]
    overrides: tuple[str, ...]
    layers: tuple[Layer, ...] = field(default=(), compare=False, repr=False)
    stresses: Mapping[str, Scenario] = field(default_factory=dict)
    law: Calendar | None = None
    folders: tuple[Path, ...] = field(default=(), compare=False, repr=False)

    def where(self, key: Key) -> str:
        """The file and key, or the ``--set``, that states ``key``."""
        return placed(key, self.layers, [parse_override(text) for text in self.overrides])


def load_model(path: str | Path, overrides: Sequence[str] = ()) -> LoadedModel:
    """Read a model folder, its ``model.toml``, or a shipped model by name.

    ``overrides`` are ``KEY=VALUE`` texts: dotted keys, list items by name or position, TOML
    values (``lenders.bank-a.limit=0``). Raises :class:`InputError` with every problem found.
    """
    chain = _with_bases(_find_model(path))
    top = chain[-1]
    stated = [(source, _deals(source.path.parent)) for source in chain]
    layers = [
        layer
        for source, deals in stated
        for layer in (
            Layer(source.label, renewed(source.data, source.label)),
            *(
                Layer(deal.label, renewed({"deals": {deal.path.stem: deal.data}}, deal.label))
                for deal in deals
            ),
        )
    ]
    parsed = [renewed_override(parse_override(text)) for text in overrides]
    data: dict[str, Any] = {}
    for layer in layers:
        data = merge(data, layer.data)
    data.pop("base", None)
    data = apply_overrides(data, parsed)
    folders = [source.path.parent for source in reversed(chain)]

    def where(key: Key) -> str:
        return placed(key, layers, parsed)

    data, matrix_files = with_matrices(data, folders, where)
    data, actual_files = with_actuals(data, folders, where)
    try:
        spec = validated(Model, data, where)
    except InputError as error:
        told = naming_bases(error, [source.label for source in chain[:-1]])
        raise offering_scenario(told, data, folders, where) from error
    stating = [s for s in chain if "path" in table_of(s.data, "tape")] or [top]
    tape_folder = stating[-1].path.parent
    _check_paths(spec, tape_folder, where)
    law, regime_files = law_in_force(spec, folders, where)
    rules = [] if law is None else law.rules(spec.as_of, plan_end(spec))
    disagreements = crosscheck(spec, rules, where)
    if disagreements:
        raise InputError(disagreements)
    pack, pack_files = load_pack(spec.report, folders, where)
    named = named_files("scenarios", folders, shipped("models") / "scenarios")
    stresses = stresses_named(spec, named, where)
    asked = {**spec.scenarios, **stresses}
    scenarios, included = written_out(asked, named, where)
    lost = missed(spec, asked, {name: found for name, (found, _) in included.items()}, where)
    if lost:
        raise InputError(lost)
    law, changes = put_in_force(scenarios, law, folders, where)
    spec = spec.model_copy(update={"scenarios": {name: scenarios[name] for name in spec.scenarios}})
    read = [
        *chain,
        *(deal for _, deals in stated for deal in deals),
        *regime_files,
        *pack_files,
        *(included[name][1] for name in sorted(included)),
        *changes,
        *matrix_files,
        *actual_files,
    ]
    return LoadedModel(
        spec=spec,
        folder=top.path.parent,
        tape_folder=tape_folder,
        regime=rules[0] if rules else None,
        regime_name=spec.regime,
        pack=pack,
        digest=digest([*(s.content for s in read), *(o.text.encode() for o in parsed)]),
        files=tuple(source.path for source in read),
        overrides=tuple(overrides),
        layers=tuple(layers),
        stresses={name: scenarios[name] for name in stresses},
        law=law,
        folders=tuple(folders),
    )


def named_packs(names: Sequence[str], folders: Sequence[Path], key: str) -> dict[str, Pack]:
    """Report packs by name: see :func:`load_pack`; ``key`` asks for them."""
    return {name: load_pack(name, folders, lambda _: key)[0] for name in names}


def load_pack(
    name: str, folders: Sequence[Path], where: Callable[[Key], str]
) -> tuple[Pack, list[Source]]:
    """A report pack: in ``folders``, beside them, or shipped; and the files read.

    ``where`` says who asks. Raises :class:`InputError`.
    """
    known = named_files("reports", folders, shipped("reports"))
    path = find_named(name, ("report",), known, (), where)
    ours = path.resolve().parent == shipped("reports").resolve()
    return with_logo(*read_named(Pack, "reports", path), shipped=ours)


def json_schema(kind: Literal["model", "report", "result"] = "model") -> dict[str, Any]:
    """JSON Schema of ``model.toml``, with the key ``base`` that only the file knows, of a report
    pack, or of a run's ``result.json``.
    """
    if kind == "result":
        return result_schema()
    if kind == "report":
        return Pack.model_json_schema()
    schema = Model.model_json_schema()
    schema["properties"]["base"] = {
        "type": "string",
        "title": "Base",
        "description": "Name of a model whose keys this file changes; it then states only those.",
    }
    return schema


def read_regime(path: Path) -> Regime:
    """A regime from its file. Raises :class:`InputError`."""
    return read_named(Regime, "regimes", path)[0]


def retention_rules(folder: Path) -> dict[str, RetentionRule]:
    """Rules of retention by name: in ``folder``, beside it, and shipped. Raises InputError."""
    known = named_files("retention", [folder], shipped("models") / "retention")
    return {n: read_named(RetentionRule, "retention", path)[0] for n, path in known.items()}


def borrower_costs(folder: Path) -> dict[str, BorrowerCost]:
    """What borrowers pay, by name: in ``folder``, beside it, and shipped. Raises InputError."""
    known = named_files("borrowing", [folder], shipped("models") / "borrowing")
    return {n: read_named(BorrowerCost, "borrowing", path)[0] for n, path in known.items()}


def load_actuals(path: Path) -> tuple[Actuals, Path | None]:
    """What happened, from its file, and the tape that it names. Raises :class:`InputError`."""
    source = parse(path, path.name)

    def where(key: Key) -> str:
        return f"{source.label}: {dotted(key)}".rstrip(": ")

    actuals = validated(Actuals, source.data, where)
    if actuals.tape is None:
        return actuals, None
    tape = inside(path.parent, actuals.tape)
    if tape is None or not tape.exists():
        found = shown(actuals.tape)
        expected = f"a file inside the folder of {source.label}"
        action = "Copy the file there, or name it on the command line: --tape-b PATH."
        raise InputError(Problem(where(("tape",)), found, expected, action))
    return actuals, tape


def _find_model(path: str | Path) -> Path:
    given = Path(path)
    if given.is_dir() and (given / MODEL_FILE).is_file():
        return held_inside(given, given / MODEL_FILE, str(given / MODEL_FILE))
    if given.is_file():
        return given
    named = shipped("models") / given / MODEL_FILE
    if _NAME.fullmatch(str(path)) and named.is_file():
        return named
    names = shipped_models()
    near = closest(given.name, names)
    found = f"a folder without {MODEL_FILE}" if given.is_dir() else "no such folder or file"
    action = f"Did you mean {near}?" if near else "Copy one with `scfcap init DIR`."
    expected = f"a folder with {MODEL_FILE}, or a shipped model ({', '.join(names) or 'none'})"
    raise InputError(Problem(str(path), found, expected, action))


def _with_bases(path: Path) -> list[Source]:
    """The file at ``path`` and its bases, the deepest base first."""
    chain = [parse(path, path.name)]
    while "base" in chain[0].data:
        top, name = chain[0], chain[0].data["base"]
        key = f"{top.label}: base"
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST:
            expected = "the name of a model in this folder, beside it, or shipped"
            raise InputError(Problem(key, shown(name), expected))
        own = top.path.resolve().parent
        folders = [own, own.parent, shipped("models")]
        base = next(
            (f / name / MODEL_FILE for f in folders if (f / name / MODEL_FILE).is_file()), None
        )
        if base is None:
            names = sorted({*shipped_models(), *_models_in(own), *_models_in(own.parent)})
            near = closest(name, names)
            action = f"Did you mean {near}?" if near else ""
            raise InputError(Problem(key, f'"{name}"', f"one of {', '.join(names)}", action))
        seen = {source.path.resolve() for source in chain}
        if base.resolve() in seen or len(chain) >= BASE_LIMIT:
            expected = f"a chain of at most {BASE_LIMIT} models that ends in one without base"
            raise InputError(Problem(key, f'"{name}", which leads back here', expected))
        label = f"{name}/{MODEL_FILE}"
        home = own if base.is_relative_to(own) else base.parent
        chain.insert(0, parse(held_inside(home, base, label), label))
    return chain


def _deals(folder: Path) -> list[Source]:
    """The deals of a model's folder: ``deals/NAME.toml``."""
    found = [(path, f"deals/{path.name}") for path in sorted(folder.glob("deals/*.toml"))]
    return [parse(held_inside(folder, path, label), label) for path, label in found]


def _models_in(folder: Path) -> list[str]:
    return [path.parent.name for path in folder.glob(f"*/{MODEL_FILE}")]


def _check_paths(spec: Model, folder: Path, where: Callable[[Key], str]) -> None:
    """Data paths in a model file stay inside its folder."""
    history = spec.credit.history
    paths: list[tuple[Key, str | None]] = [
        (("tape", "path"), spec.tape.path),
        *((("tape", "paths", k), name) for k, name in enumerate(spec.tape.paths)),
        *((("tape", "reference", k, "path"), r.path) for k, r in spec.tape.reference.items()),
        (("credit", "history", "path"), history.path if history else None),
    ]
    if spec.history is not None:
        paths.append((("history", "path"), spec.history.path))
        paths += [(("history", "paths", k), name) for k, name in enumerate(spec.history.paths)]
    if spec.pool.groups is not None:
        paths.append((("pool", "groups", "path"), spec.pool.groups.path))
    action = "Copy the file there, or name it on the command line: --tape PATH."
    found = [
        Problem(where(key), shown(path), f"a path inside the model's folder, {folder}", action)
        for key, path in paths
        if path is not None and inside(folder, path) is None
    ]
    if found:
        raise InputError(found)

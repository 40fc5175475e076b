"""Readers of what people write: options, model files and what stands beside them."""

from __future__ import annotations

import shutil
import struct
import tomllib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.campaigns.hostile import mutate, seeds
from benchmarks.campaigns.hostile.cases import Make, Reader
from benchmarks.campaigns.hostile.meter import Case
from scfcap.schema import files, load
from scfcap.schema.layers import apply_overrides, parse_override
from scfcap.schema.packs import with_logo
from scfcap.schema.privacy import read_key
from scfcap.schema.report import Pack

MODELS = seeds.ROOT / "models"


def _overrides(_: Path) -> Make:
    text = seeds.helper("cli.conftest").MODEL
    stated = tomllib.loads(text)
    sound = (
        "plan.periods=6", "lenders.bank-a.limit=0", "as_of=2020-12-31", 'title="A"',
        "opening.cash=1e3", "scenarios.stress.default_multiple=2.5", "demand.order.per_period=1",
        "lenders.0.tenors.0.rate=0.1", 'pool."eligibility".bank.rules=[{test="rate<1"}]',
    )  # fmt: skip

    def make(dice: Random) -> Case:
        chosen = dice.choice(sound)
        key, _, value = chosen.partition("=")
        kind = dice.randrange(4)
        if kind == 0:
            chosen = f"{key}={mutate.toml(mutate.odd_value(dice)).removeprefix('value = ')}"
        elif kind == 1:
            chosen = f"{key}={dice.choice(mutate.ODD_TEXTS)}"
        elif kind == 2:
            chosen = f"{dice.choice(mutate.ODD_TEXTS)}={value}"
        else:
            chosen = mutate.tokens(dice, chosen)
        return Case(lambda: apply_overrides(stated, [parse_override(chosen)]), ("--set",))

    return make


def _toml(folder: Path) -> Make:
    sources = [seeds.helper("cli.conftest").MODEL]
    sources += [path.read_text(encoding="utf-8") for path in sorted(MODELS.glob("*/cn_2013.toml"))]
    trees = [tomllib.loads(text) for text in sources]
    path = folder / "some.toml"

    def make(dice: Random) -> Case:
        at = dice.randrange(len(sources))
        path.write_bytes(mutate.as_toml(dice, sources[at], trees[at]))
        return Case(lambda: files.parse(path, "some.toml"), ("some.toml",))

    return make


@dataclass(frozen=True)
class _Beside:
    """A file of a model's folder, spoilt while the others stay sound."""

    file: str
    text: str
    tree: Any


def _models(folder: Path) -> Make:
    """Model files that ship, and the small one: one of a folder's files is spoilt."""
    places: list[Path] = [seeds.model(folder / "mini")]
    for name in ("alibaba-2013", "warehouse", "lendingclub"):
        shutil.copytree(MODELS / name, folder / name)
        places.append(folder / name)
    found = [
        (place, _Beside(str(path.relative_to(place)), text, tomllib.loads(text)))
        for place in places
        for path in sorted(place.rglob("*.toml"))
        for text in [path.read_text(encoding="utf-8")]
    ]

    def make(dice: Random) -> Case:
        # The small one is read a hundred times as fast.
        place, one = found[0] if dice.random() < 0.8 else dice.choice(found)
        path = place / one.file
        path.write_bytes(mutate.as_toml(dice, one.text, one.tree))

        def run() -> None:
            try:
                load.load_model(place)
            finally:
                path.write_text(one.text, encoding="utf-8")

        return Case(run, (one.file,))

    return make


def _named(kind: str, read: Callable[[Path], object]) -> Callable[[Path], Make]:
    """Files of one kind that a model names, each read alone."""

    def start(folder: Path) -> Make:
        home = folder if kind == "reports" else MODELS
        shipped = seeds.ROOT / "reports" if kind == "reports" else home / kind
        texts = [path.read_text(encoding="utf-8") for path in sorted(shipped.glob("*.toml"))]
        trees = [tomllib.loads(text) for text in texts]
        place = folder / kind
        place.mkdir(parents=True)

        def make(dice: Random) -> Case:
            at = dice.randrange(len(texts))
            path = place / "odd.toml"
            path.write_bytes(mutate.as_toml(dice, texts[at], trees[at]))
            return Case(lambda: read(path), ("odd.toml",))

        return make

    return start


def _scenario(path: Path) -> object:
    from scfcap.schema.named import read_named
    from scfcap.schema.scenario import Scenario

    return read_named(Scenario, "scenarios", path)


def _pack(path: Path) -> object:
    return load.load_pack("odd", [path.parent.parent], lambda _: "odd.toml")


def _retention(path: Path) -> object:
    return load.retention_rules(path.parent.parent)


def _borrowing(path: Path) -> object:
    return load.borrower_costs(path.parent.parent)


def _actuals(folder: Path) -> Make:
    text = """as_of = 2013-12-31
until = 2014-02-28
[opening]
cash = 1.0
"""
    sources = [text, *_actual_texts()]
    trees = [tomllib.loads(each) for each in sources]
    path = folder / "actuals.toml"

    def make(dice: Random) -> Case:
        at = dice.randrange(len(sources))
        path.write_bytes(mutate.as_toml(dice, sources[at], trees[at]))
        return Case(lambda: load.load_actuals(path), ("actuals.toml",))

    return make


def _actual_texts() -> list[str]:
    document = (seeds.ROOT / "docs" / "actuals.md").read_text(encoding="utf-8")
    blocks = document.split("```toml\n")[1:]
    return [block.split("```")[0] for block in blocks]


def _beside_in_csv(folder: Path) -> Make:
    """Roll rates and the actuals of a deal, in CSV."""
    rates = "from,current,late,default,paid\ncurrent,0.9,0.05,0,0.05\nlate,0.2,0.5,0.2,0.1\n"
    actual = "date,interest,principal\n2014-01-31,1.5,2.5\n2014-02-28,,3\n"

    def make(dice: Random) -> Case:
        text = dice.choice((rates, actual))
        path = folder / "odd.csv"
        if dice.random() < 0.6:
            raw = mutate.tokens(dice, text).encode(errors="surrogatepass")
        else:
            raw = mutate.data(dice, text.encode())
        path.write_bytes(raw)
        if text == rates:
            tree = {"credit": {"segments": {"a": {"roll_rates": "odd.csv"}}}}
            return Case(lambda: files.with_matrices(tree, [folder], str), ("odd.csv",))
        deals = {"deals": {"d": {"actuals": "odd.csv"}}}
        return Case(lambda: files.with_actuals(deals, [folder], str), ("odd.csv",))

    return make


def _privacy(folder: Path) -> Make:
    text = 'kind,number,identity\nborrower,1,B1\nborrower,2,B2\nbank,1,"a,b"\n'
    path = folder / "key.csv"

    def make(dice: Random) -> Case:
        raw = mutate.tokens(dice, text).encode(errors="surrogatepass")
        path.write_bytes(raw if dice.random() < 0.6 else mutate.data(dice, text.encode()))
        return Case(lambda: read_key(path), ("key.csv",))

    return make


def png(width: int, height: int) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, held: bytes) -> bytes:
        return (
            struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * (width + 1) * height)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _logos(folder: Path) -> Make:
    sound = png(20, 10)
    text = 'title = "t"\nsheets = ["summary"]\n[brand]\nlogo = "logo.png"\n'
    source = files.Source(folder / "odd.toml", "reports/odd.toml", text.encode(), {})
    pack = Pack.model_validate(
        {"title": "t", "sheets": ("cash_flows",), "brand": {"logo": "logo.png"}}
    )

    def make(dice: Random) -> Case:
        (folder / "logo.png").write_bytes(mutate.data(dice, sound))
        return Case(lambda: with_logo(pack, source), ("odd.toml",))

    return make


READERS = (
    Reader("`--set` values", 400_000, _overrides),
    Reader("TOML files", 14_000, _toml),
    Reader("model folders (`model.toml`, deals)", 3_000, _models),
    Reader("regimes", 4_000, _named("regimes", load.read_regime)),
    Reader("scenarios", 4_000, _named("scenarios", _scenario)),
    Reader("rules of retention", 3_000, _named("retention", _retention)),
    Reader("borrowers' costs", 3_000, _named("borrowing", _borrowing)),
    Reader("report packs", 4_000, _named("reports", _pack)),
    Reader("actuals", 4_000, _actuals),
    Reader("roll rates and deals' actuals in CSV", 100_000, _beside_in_csv),
    Reader("privacy keys", 170_000, _privacy),
    Reader("logos", 124_000, _logos),
)  # fmt: skip

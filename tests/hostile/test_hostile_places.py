"""Places that are none: pipes and devices that never end, links that lead out of their folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scfcap.errors import InputError, Problem
from scfcap.report.edited import read_inputs
from scfcap.schema.files import Source, parse
from scfcap.schema.load import load_model
from scfcap.schema.packs import with_logo
from scfcap.schema.privacy import read_key
from scfcap.schema.report import Pack
from scfcap.tape.files import inside, read_any
from scfcap.tape.partitions import data_set
from tests.cli.conftest import MODEL

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems have no such files")


def _pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def _logo(path: Path) -> None:
    brand = {"title": "t", "sheets": ("cash_flows",), "brand": {"logo": path.name}}
    source = Source(path.parent / "p.toml", "reports/p.toml", b"", {})
    with_logo(Pack.model_validate(brand), source)


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "toml": ("deal.toml", lambda path: parse(path, path.name)),
    "csv": ("tape.csv", read_any),
    "packed": ("tape.csv.gz", read_any),
    "parquet": ("tape.parquet", data_set),
    "workbook": ("tape.xlsx", read_any),
    "edited": ("edited.xlsx", read_inputs),
    "key": ("key.csv", read_key),
    "logo": ("logo.png", _logo),
}


@pytest.mark.parametrize("make", [_pipe, _device], ids=["pipe", "device"])
@pytest.mark.parametrize("kind", list(READERS))
def test_what_never_ends_is_not_read(
    tmp_path: Path, kind: str, make: Callable[[Path], Path]
) -> None:
    name, read = READERS[kind]
    path = make(tmp_path / name)
    with pytest.raises(InputError, match=name if kind != "logo" else "brand.logo"):
        read(path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder beside a secret."""
    (tmp_path / "secret.toml").write_text("word = 'hush'\n", encoding="utf-8")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.toml").write_text(MODEL, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["deals/d.toml", "reports/treasury.toml"])
def test_a_link_out_of_a_models_folder_is_not_followed(model: Path, name: str) -> None:
    place = model / name
    place.parent.mkdir()
    place.symlink_to(model.parent / "secret.toml")
    with pytest.raises(InputError, match=f"{name}: found a link that leaves its folder") as error:
        load_model(model)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("path", ["../secret.toml", "/etc/passwd", "a/../../secret.toml", "link"])
def test_a_path_out_of_a_models_folder_is_refused(model: Path, path: str) -> None:
    (model / "link").symlink_to(model.parent / "secret.toml")
    text = MODEL.replace('path = "tape.csv"', f'path = "{path}"')
    (model / "model.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="a path inside the model's folder"):
        load_model(model)


def test_a_pattern_does_not_lead_out(model: Path) -> None:
    (model / "a.csv").symlink_to(model.parent / "secret.toml")
    for name in ("*.csv", "../*.toml"):
        with pytest.raises(InputError, match="leaves its folder"):
            inside(model, name)


def test_signs_of_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Names and cells with escapes, markup and marks that turn the direction of letters."""
    odd = "\x1b]0;owned\x07\x1b[2J[bold red]x[/]\u202e\u2066\u200b"
    text = MODEL.replace('title = "A small platform"', 'title = "\\u001b[2J\\u202e"')
    folder = tmp_path / "mini"
    folder.mkdir()
    (folder / "model.toml").write_text(text, encoding="utf-8")
    (folder / "tape.csv").write_text(f"loan_id,{odd}\n", encoding="utf-8")
    for command in (["map", folder / "tape.csv"], ["check", folder], ["check", f"{folder}{odd}"]):
        done = subprocess.run(
            [sys.executable, "-m", "scfcap", *map(str, command)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode in (0, 2), said
        assert not set(said) & set("\x1b\x07\u202e\u2066\u200b")


def test_a_problem_of_any_letters_is_told() -> None:
    told = str(Problem("a\ud800", "b\u202e", "c", "d"))
    assert "found b" in told

"""Make the pictures of ``docs/start.md``, ``docs/deals.md`` and the structurer's tutorial.

``python docs/pictures/start.py [RUN]`` runs alibaba-2013 as it is, or takes a folder that
``scfcap run alibaba-2013 --page --pdf`` has written. It needs LibreOffice, pdftoppm and Chromium.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: Most bytes of a picture.
MOST = 150_000
_MARGIN = 16


def scfcap(*words: str, cwd: Path | None = None) -> None:
    """Run the command line of this checkout."""
    subprocess.run([sys.executable, "-m", "scfcap", *words, "--quiet"], check=True, cwd=cwd)


def workbook(run: Path) -> Path:
    """The first sheet of the workbook, as it prints."""
    with tempfile.TemporaryDirectory() as place:
        sheet = Path(place) / "sheet"
        command = ["pdftoppm", "-r", "105", "-png", "-singlefile", str(run / "scfcap.pdf")]
        subprocess.run([*command, str(sheet)], check=True)
        with Image.open(sheet.with_suffix(".png")) as shown:
            body = shown.convert("RGB").crop((0, 45, shown.width, shown.height - 60))
    return _kept(body, HERE / "start-workbook.png")


def page(run: Path) -> Path:
    """Who funds the loans, and where the money goes, from the page."""
    name = "start-page.png"
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as place:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1000, "height": 3_000}, offline=True)
        shown = context.new_page()
        shown.goto((run / "scfcap.html").resolve().as_uri())
        shown.add_style_tag(content="nav { display: none }")
        shown.wait_for_timeout(1_000)
        top = _top(shown, "Who funds the loans and the cash")
        height = _top(shown, "What is lent, against what is asked for") - top
        shot = Path(place) / name
        shown.screenshot(
            path=shot, full_page=True, clip={"x": 0, "y": top, "width": 1000, "height": height}
        )
        browser.close()
        with Image.open(shot) as taken:
            return _kept(taken.convert("RGB"), HERE / name)


def _top(shown: Page, text: str) -> float:
    box = shown.get_by_text(text).first.bounding_box()
    assert box is not None
    return box["y"] - _MARGIN


def deal() -> Path:
    """The order of payment of the first deal in ``docs/deals.md``."""
    text = (ROOT / "docs" / "deals.md").read_text(encoding="utf-8")
    block = re.search(r"^```toml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    picture = HERE / "deal-small.svg"
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / "model.toml"
        model.write_text(f'base = "alibaba-2013"\n{block[1]}', encoding="utf-8")
        words = ("--set", "tape.platform.loans=500", "--deal", "small", "--draw", str(picture))
        scfcap("deal", place, *words)
    return picture


def waterfall() -> Path:
    """The order of payment of the series of the bundled model."""
    with tempfile.TemporaryDirectory() as place:
        drawn = Path(place) / "waterfall.png"
        words = ("--set", "tape.platform.loans=500", "--draw", str(drawn))
        scfcap("deal", "alibaba-2013", *words)
        with Image.open(drawn) as shown:
            return _kept(shown.convert("RGB"), HERE / "tutorial-waterfall.png")


def _kept(picture: Image.Image, path: Path) -> Path:
    """Write a picture without its empty border, in few colours."""
    empty = Image.new("RGB", picture.size, "white")
    left, top, right, bottom = ImageChops.difference(picture, empty).getbbox() or (0, 0, 1, 1)
    box = (
        max(left - _MARGIN, 0), max(top - _MARGIN, 0),
        min(right + _MARGIN, picture.width), min(bottom + _MARGIN, picture.height),
    )  # fmt: skip
    picture.crop(box).quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MOST:
        msg = f"{path.name} has {path.stat().st_size:,} bytes; at most {MOST:,}"
        raise ValueError(msg)
    return path


def main(given: list[str]) -> None:
    """All pictures."""
    with tempfile.TemporaryDirectory() as place:
        run = Path(given[0]) if given else Path(place) / "run"
        if not given:
            scfcap("run", "alibaba-2013", "--page", "--pdf", "--out", str(run))
        for made in (workbook(run), page(run), deal(), waterfall()):
            sys.stdout.write(f"{made.relative_to(ROOT)}: {made.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])

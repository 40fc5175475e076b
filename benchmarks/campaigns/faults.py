"""``make faults``: commands killed, starved and hindered; what each leaves behind.

``--kills N`` commands are killed, in turn over all that write: half of them at a random moment,
half at a random act on the file system. After each, every file under a final name must be whole,
and the same command must then leave what it leaves where nothing disturbs it. Exits 1 where one
does not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import record
import scratch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults import hindered, kills, trials  # noqa: E402
from faults.commands import COMMANDS, Command  # noqa: E402
from faults.server import Server, serving  # noqa: E402

PARTS = ("kills", "hindered")
NAMES = [command.name for command in COMMANDS]
_HEADS = ("command", "kills", "dead", "at a moment", "at an act", "too late", "leftovers", "faults")


def main() -> int:
    """Run the campaign; 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of commands whose kills to do")
    parser.add_argument("--cases", nargs="*", help="names of hindered cases to try")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--rows", type=Path, default=ROOT / "build" / "kills.jsonl",
        help="where each kill is noted; one that is there and did no harm is not done again",
    )  # fmt: skip
    asked = parser.parse_args()
    scratch.use_memory()
    asked.rows.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scfcap-faults-") as place, serving() as server:
        wrong = _kills(server, asked, Path(place)) if "kills" in asked.part else []
        wrong += _hindered(server, asked, Path(place)) if "hindered" in asked.part else []
    for said in wrong:
        print(said)
    return int(bool(wrong))


def _kills(server: Server, asked: argparse.Namespace, place: Path) -> list[str]:
    begun = time.monotonic()
    known: dict[str, kills.Undisturbed | None] = {}
    done = _noted(asked)
    failed: list[str] = []
    for k, (command, how, share) in enumerate(kills.drawn(asked.seed, asked.kills, NAMES)):
        name = command.name
        if k in done or (asked.only and name not in asked.only):
            continue
        if name not in known:
            known[name] = _witness(server, command, place, failed)
        witness = known[name]
        if witness is None:
            continue
        try:
            found = kills.kill(server, command, witness, how, share, place / "work")
        except TimeoutError as error:
            failed.append(f"{name} ({how} {share:g}): {error}")
            continue
        done[k] = found
        with asked.rows.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"seed": asked.seed, "k": k, "kill": asdict(found)}) + "\n")
        print(f"{time.monotonic() - begun:.0f} s: {k}: {name}: {how} {share:g}, "
              f"{'killed' if found.killed else 'had ended'}"
              f"{''.join(f'; {said}' for said in found.wrong)}", flush=True)  # fmt: skip
    if len(_noted(asked)) == asked.kills:
        _keep(list(_noted(asked).values()), asked, failed)
    return failed + [f"{each.command}: {said}" for each in done.values() for said in each.wrong]


def _noted(asked: argparse.Namespace) -> dict[int, kills.Kill]:
    """Kills of this campaign that were done before and did no harm, by their place in it."""
    lines = asked.rows.read_text(encoding="utf-8").splitlines() if asked.rows.exists() else []
    found = {}
    for noted in map(json.loads, lines):
        if noted["seed"] == asked.seed and noted["k"] < asked.kills:
            kill = kills.Kill(**{**noted["kill"], "wrong": tuple(noted["kill"]["wrong"])})
            found[noted["k"]] = kill
    return {k: kill for k, kill in found.items() if not kill.wrong}


def _keep(found: list[kills.Kill], asked: argparse.Namespace, failed: list[str]) -> None:
    """Write the table of kills into docs/faults.md."""
    wrong = {name: [said for said in failed if said.startswith(name)] for name in NAMES}
    rows = [_row(name, [kill for kill in found if kill.command == name], wrong[name])
            for name in NAMES]  # fmt: skip
    rows.append(("all", *(sum(int(row[k]) for row in rows) for k in range(1, len(_HEADS)))))
    record.keep(
        "faults-kills", "faults.md", f"make faults KILLS={asked.kills}", _HEADS, rows,
        sum(kill.seconds for kill in found),
        ["`dead`: ended by its kill. `too late`: kills tried that came when the command had "
         "ended; each was tried again, up to three times. `leftovers`: hidden files or folders "
         "stood beside the result after the kill. `faults`: something under a final name was "
         "not whole, or the command, run again, did not leave what it leaves undisturbed; or "
         "it failed where nothing disturbed it."],
    )  # fmt: skip


def _row(name: str, mine: list[kills.Kill], wrong: list[str]) -> tuple[str | int, ...]:
    hows = Counter(kill.how for kill in mine)
    return (
        name, len(mine), sum(kill.killed for kill in mine), hows["time"], hows["act"],
        sum(kill.missed for kill in mine), sum(kill.left > 0 for kill in mine), len(wrong),
    )  # fmt: skip


def _witness(
    server: Server, command: Command, place: Path, wrong: list[str]
) -> kills.Undisturbed | None:
    """What a command leaves that nothing disturbs; None where it fails, which is wrong too."""
    try:
        return kills.undisturbed(server, command, place / command.name)
    except (RuntimeError, TimeoutError) as error:
        wrong.append(str(error))
        print(error, flush=True)
        return None


def _hindered(server: Server, asked: argparse.Namespace, place: Path) -> list[str]:
    file = asked.rows.with_name("hindered.jsonl")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    before = {note["case"]: note for note in map(json.loads, lines)}
    before = {name: note for name, note in before.items() if note["tried"]["kept"]}
    for name, case in hindered.CASES.items():
        if name in before or (asked.cases and name not in asked.cases):
            continue
        begun = time.monotonic()
        found = case(server, place / "case")
        if found is None:
            print(f"{name}: cannot be tried here")
            continue
        took = round(time.monotonic() - begun, 1)
        note = {"case": name, "seconds": took, "tried": asdict(found)}
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(note) + "\n")
        before[name] = note
        print(f"{took:.0f} s: {found}", flush=True)
    tried = [trials.Tried(**before[name]["tried"]) for name in hindered.CASES if name in before]
    if not asked.cases:
        rows = [
            (x.fault, x.command, x.happened, x.left, "as promised" if x.kept else "NOT")
            for x in tried
        ]
        heads = ("fault", "command", "what happened", "left on disk", "promise")
        seconds = sum(note["seconds"] for note in before.values())
        record.keep("faults-hindered", "faults.md", "make faults", heads, rows, seconds)
    return [f"{x.fault}: {x.happened}; {x.left}" for x in tried if not x.kept]


if __name__ == "__main__":
    sys.exit(main())

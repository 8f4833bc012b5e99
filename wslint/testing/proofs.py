"""Proofs: a rule's `bad` fails on a real server with the symptom that the rule states, and its `good` does not.

A fixture's `proof.py` defines `drive(running)` and `symptom(saw, server)` and may set `servers`, `redis`, `target`,
`settings`, `cases`, `needs` (programs or modules that must be there), `environment` (further variables) and `overlay`
(requirements, laid over the installed packages for every process of the case; a mapping says them per case).
"""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import types
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wslint.testing.overlay import overlay
from wslint.testing.servers import KINDS, Running, Saw, running

DRIVE_SECONDS = 120.0
ATTEMPTS = 2
LOG_LINES = 25


class ProofFailed(AssertionError):
    """Reality does not show what the rule says."""


@dataclass(frozen=True)
class Proof:
    """One fixture's proof.py, loaded."""

    folder: Path
    drive: Callable[[Running], Awaitable[Any]]
    symptom: Callable[[Any, str], bool]
    servers: tuple[str, ...] = ("daphne",)
    redis: bool = False
    target: str = "config.asgi:application"
    settings: str | None = "config.settings"
    cases: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    overlay: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()

    def expected(self) -> Iterator[tuple[Path, bool]]:
        """Each case to run and whether the symptom must show: the bad ones, then their good ones."""
        names = self.cases or tuple(sorted(path.name for path in self.folder.glob("bad*") if path.is_dir()))
        bad = [name for name in names if name.startswith("bad")]
        good = dict.fromkeys([self._good_of(name) for name in bad] + [name for name in names if name not in bad])
        if not bad:
            raise ProofFailed(f"{self.folder.name}: no bad case")
        for name in [*bad, *good]:
            path = self.folder / name
            if not path.is_dir():
                raise ProofFailed(f"{self.folder.name}: no folder {name}")
            yield path, name in bad

    def missing(self, server: str) -> str:
        """What this machine lacks to run the proof on that server; empty when nothing."""
        wanted = ["django", "channels", "websockets", *self.needs]
        wanted += ["redis-server"] if self.redis else []
        wanted += ["daphne"] if server in ("daphne", "runserver") else []
        wanted += ["uvicorn"] if server.startswith("uvicorn") else []
        return ", ".join(name for name in wanted if not _available(name))

    def _good_of(self, bad: str) -> str:
        twin = "good" + bad.removeprefix("bad")
        return twin if (self.folder / twin).is_dir() else "good"


def load(folder: Path) -> Proof:
    """The proof of one fixture folder. Nothing is written beside it, so no import machinery."""
    path = folder / "proof.py"
    module = types.ModuleType(f"proof_of_{folder.name}")
    module.__file__ = str(path)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    names = set(Proof.__dataclass_fields__) - {"folder"}
    proof = Proof(folder=folder, **{name: value for name, value in vars(module).items() if name in names})
    unknown = [kind for kind in proof.servers if kind not in KINDS]
    if unknown:
        raise ProofFailed(f"{folder.name}: unknown servers {unknown}; known: {', '.join(KINDS)}")
    return proof


def prove(proof: Proof, server: str, redis_url: str | None = None, flush: Callable[[], None] | None = None) -> None:
    """Run every case of the proof on one kind of server.

    A case that does not show what it must is run once more from a fresh start: a loaded machine may be late, and a
    proof tells of the project. Raises ProofFailed, which says what was seen both times instead, and NoOverlay when
    packages cannot be had.
    """
    failures = []
    for case, wanted in proof.expected():
        told = []
        for _ in range(ATTEMPTS):
            if flush is not None:
                flush()
            said = _attempt(proof, case, wanted, server, redis_url)
            if not said:
                break
            told.append(said)
        else:
            failures += told
    if failures:
        raise ProofFailed("\n\n".join([f"{proof.folder.name} is not proven on {server}", *failures]))


def _attempt(proof: Proof, case: Path, wanted: bool, server: str, redis_url: str | None) -> str:
    """What one run of a case shows in place of what it must; empty when it shows that."""
    environment = dict(proof.environment)
    packages = proof.overlay.get(case.name, ()) if isinstance(proof.overlay, Mapping) else proof.overlay
    if packages:
        environment["PYTHONPATH"] = str(overlay(packages))
    with running(
        case,
        server,
        target=proof.target,
        settings=proof.settings,
        redis_url=redis_url,
        environment=environment,
    ) as run:
        try:
            saw = asyncio.run(asyncio.wait_for(proof.drive(run), DRIVE_SECONDS))
            shown = bool(proof.symptom(saw, server))
        except Exception as failure:
            saw, shown = failure, not wanted
        return "" if shown is wanted and not isinstance(saw, Exception) else _told(run, wanted, saw)


def _told(run: Running, wanted: bool, saw: object) -> str:
    if isinstance(saw, Exception):
        head = f"{run.case}: the proof itself failed: {type(saw).__name__}: {saw}"
    elif wanted:
        head = f"{run.case}: the symptom did not show"
    else:
        head = f"{run.case}: the symptom showed on a right project"
    lines = [head]
    if not run.started:
        lines.append("  the server did not start")
    for one in saw if isinstance(saw, (list, tuple)) else [saw]:
        if isinstance(one, Saw):
            facts = {name: value for name, value in vars(one).items() if value not in (None, "", []) and name != "log"}
            lines.append("  saw " + ", ".join(f"{name}={value!r}" for name, value in facts.items()))
        elif not isinstance(one, Exception):
            lines.append(f"  saw {one!r}")
    log = run.log().splitlines()
    lines.append(f"  log, last {min(LOG_LINES, len(log))} of {len(log)} lines:")
    lines += [f"    {line}" for line in log[-LOG_LINES:]]
    return "\n".join(lines)


def _available(name: str) -> bool:
    if shutil.which(name):
        return True
    return name.isidentifier() and importlib.util.find_spec(name) is not None

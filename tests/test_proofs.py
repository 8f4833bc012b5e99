"""Every proof on every server it names, and the harness that runs them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, not_run

from wslint.testing.overlay import NoOverlay, overlay
from wslint.testing.proofs import Proof, ProofFailed, load, prove
from wslint.testing.redis_server import RedisServer
from wslint.testing.servers import Saw, running

HARNESS = ROOT / "tests" / "harness"


def proofs(*parents: Path) -> list[object]:
    """(folder, server) of every proof; a proof.py that cannot be loaded fails in its own test only."""
    found: list[object] = []
    for path in sorted(path for parent in parents for path in parent.glob("*/proof.py")):
        try:
            servers = load(path.parent).servers
        except Exception:
            servers = ("unloadable",)
        found += [pytest.param(path.parent, server, id=f"{path.parent.name}-{server}") for server in servers]
    return found


@pytest.mark.proof
@pytest.mark.parametrize(("folder", "server"), proofs(ROOT / "fixtures", HARNESS))
def test_proof(folder: Path, server: str, request: pytest.FixtureRequest) -> None:
    proof = load(folder)
    require(proof, server)
    try:
        if proof.redis:
            redis: RedisServer = request.getfixturevalue("redis")
            prove(proof, server, redis.url, redis.flush)
        else:
            prove(proof, server)
    except NoOverlay as reason:
        not_run(str(reason))


@pytest.mark.proof
def test_a_symptom_that_never_shows_fails() -> None:
    proof = replace(load(HARNESS / "refused"), symptom=lambda saw, server: False)
    require(proof, "uvicorn")
    with pytest.raises(ProofFailed, match=r"bad: the symptom did not show\n  saw status=403"):
        prove(proof, "uvicorn")


@pytest.mark.proof
def test_a_symptom_that_always_shows_fails() -> None:
    proof = replace(load(HARNESS / "refused"), symptom=lambda saw, server: True)
    require(proof, "uvicorn")
    with pytest.raises(ProofFailed, match=r"good: the symptom showed on a right project\n  saw .*close_code=4001"):
        prove(proof, "uvicorn")


@pytest.mark.proof
def test_a_proof_that_crashes_fails() -> None:
    async def drive(run: object) -> Saw:
        raise KeyError("frames")

    proof = replace(load(HARNESS / "refused"), drive=drive)
    require(proof, "none")
    with pytest.raises(ProofFailed, match="the proof itself failed: KeyError: 'frames'"):
        prove(proof, "none")


@pytest.mark.proof
@pytest.mark.parametrize("server", ["daphne", "uvicorn", "runserver"])
def test_a_server_that_cannot_start_is_told(server: str) -> None:
    require(load(HARNESS / "refused"), server)
    case = HARNESS / "refused" / "good"
    with running(case, server, target="config.nowhere:application", settings="config.nowhere") as run:
        assert not run.started
        assert "config.nowhere" in run.log()


@pytest.mark.proof
def test_commands_run_in_a_copy_of_the_case() -> None:
    require(load(HARNESS / "refused"), "none")
    with running(HARNESS / "refused" / "good", "none") as run:
        check = asyncio.run(run.manage("check"))
        code = asyncio.run(run.python("from django.conf import settings; print(settings.SECRET_KEY)"))
        assert run.path != HARNESS / "refused" / "good"
    assert (check.returncode, "no issues" in check.output) == (0, True)
    assert (code.returncode, code.output) == (0, "proof\n")
    assert not run.path.exists()


@pytest.mark.proof
def test_an_overlay_hides_the_installed_version() -> None:
    try:
        folder = overlay(("six==1.16.0",))
    except NoOverlay as reason:
        not_run(str(reason))
    with running(HARNESS / "refused" / "good", "none", environment={"PYTHONPATH": str(folder)}) as run:
        version = asyncio.run(run.python("import six; print(six.__version__)"))
    assert version.output == "1.16.0\n"


def require(proof: Proof, server: str) -> None:
    if missing := proof.missing(server):
        not_run(f"{missing} is missing")

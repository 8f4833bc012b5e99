"""Work in forked processes gives what it gives in one, or leaves it undone."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest
from test_flake8 import PROJECT

from wslint import api, parallel
from wslint.stack.code import link

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked here")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_in_order(count: int, workers: int) -> None:
    items = [bytes([number]) * number * 3000 for number in range(count)]
    assert list(parallel.mapped(lambda item: item + b"!", items, workers)) == [item + b"!" for item in items]


def test_what_a_process_left_undone() -> None:
    def work(number: int) -> bytes:
        if number == 3:
            os._exit(1)
        return bytes([number])

    assert list(parallel.mapped(work, range(6), 2)) == [b"\0", None, b"\2", None, b"\4", None]


def test_an_exception_costs_the_rest_of_the_share(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(parallel.mapped(lambda number: bytes([6 // number]), [3, 1, 0, 2], 2)) == [b"\2", b"\6", None, b"\3"]
    assert capfd.readouterr() == ("", "")


def test_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise OSError("no more processes")

    monkeypatch.setattr(os, "fork", fork)
    assert list(parallel.mapped(bytes, [1, 2], 2)) == [None, None]


def test_never_beside_threads() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert parallel.processes() == 1
    done.set()
    thread.join()


@pytest.mark.parametrize("broken", [False, True])
def test_the_same_findings(broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    wanted = api.check([tmp_path]).findings
    assert wanted
    monkeypatch.setattr(link, "PAYS", 0)
    monkeypatch.setattr(link, "processes", lambda: 2)
    if broken:
        monkeypatch.setattr(link, "mapped", lambda work, items, workers: [None] * len(items))
    assert api.check([tmp_path]).findings == wanted

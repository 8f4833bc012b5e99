"""The same work on many items, in forked processes where that is possible."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, TypeVar

Item = TypeVar("Item")

MAX_PROCESSES = 8
_HEAD = 8  # bytes that say how long a result is


def processes() -> int:
    """How many can work at the same time; 1 where forking is not safe.

    A fork copies the locks of other threads, whoever holds them, but not the threads. On macOS system libraries start
    some of their own.
    """
    threading = sys.modules.get("threading")
    if sys.platform != "linux" or (threading is not None and threading.active_count() > 1):
        return 1
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        return 1  # one of many already: `flake8 -j`
    return min(len(os.sched_getaffinity(0)), MAX_PROCESSES)


def mapped(work: Callable[[Item], bytes], items: Sequence[Item], workers: int) -> Iterator[bytes | None]:
    """The results in the order of the items; None for what a process left undone."""
    shares: list[tuple[int, IO[bytes]]] = []
    try:
        for number in range(workers):
            shares.append(_forked(work, items[number::workers]))
    except OSError:
        pass  # no more processes, or nowhere to write: what is missing is None
    results: list[list[bytes]] = [list(_results(process, file)) for process, file in shares]
    for position in range(len(items)):
        turn, number = divmod(position, workers)
        done = results[number] if number < len(results) else []
        yield done[turn] if turn < len(done) else None


def _forked(work: Callable[[Item], bytes], items: Sequence[Item]) -> tuple[int, IO[bytes]]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (its reader closes it)
    process = os.fork()
    if process:
        return process, file
    status = 1
    try:
        with file:
            for item in items:
                result = work(item)
                file.write(len(result).to_bytes(_HEAD, "big") + result)
        status = 0
    finally:
        os._exit(status)


def _results(process: int, file: IO[bytes]) -> Iterator[bytes]:
    with suppress(ChildProcessError):  # somebody else waited for it
        os.waitpid(process, 0)
    with file:
        file.seek(0)
        while len(head := file.read(_HEAD)) == _HEAD:
            length = int.from_bytes(head, "big")
            result = file.read(length)
            if len(result) != length:
                return
            yield result

"""The last result of a command, given again while nothing that it stands on has changed.

A warm run is this module and the standard library's smallest parts; `index` writes what is read here. A result stands
on *entries* – files and folders with their times, sizes and inode numbers – and on *places*: what a path leads to. The
entries of a tree are kept apart, in a file that the results of all commands on that tree name by its `state`.

Most changes in a project cannot matter to it: a file that nobody relied on, and that still holds none of the words
which were looked for in it, says what it said. Such a change is *overlooked*, and noted so that the next run need not
read the file again.

Like git, nobody trusts a time that is too young: an entry that changed less than HORIZON before it was looked at may
have changed again within one tick of the clock, so its bytes are compared too. Of folders the digest is always kept:
one in which an editor put a file aside and back has another time and the same names. Whatever else is odd is a miss.
"""

# pathlib and contextlib take longer to import than all of this to run.
# ruff: noqa: B905, SIM105, PTH103, PTH105, PTH108, PTH109, PTH111, PTH112, PTH116, PTH118, PTH120, PTH123

import os
import sys
import time
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Signature = tuple[int, int, int, int]

FOLDER_VARIABLE = "WSLINT_CACHE_DIR"
HORIZON = 2_000_000_000  # nanoseconds; the coarsest clock of a file system in use, FAT's, ticks every two seconds
ABSENT: "Signature" = (-1, -1, -1, -1)

_MAGIC = b"wslint cache 2 " + sys.byteorder.encode() + b"\n"
_ENVIRONMENT = ("NO_COLOR", "FORCE_COLOR", "TERM", "HOME", "USERPROFILE")
_NEVER = ("--no-cache", "--stdin-filename")
_LARGEST = 64 << 20  # bytes; no cache file is larger
_ORDINARY = 1 << 20  # bytes; a larger file is never overlooked
_MOST = 200  # changes; where there are more, looking at each takes as long as finding out anew
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_POSITIVE = (1 << 63) - 1


class Damaged(Exception):
    """A cache file that is not one, or not whole."""


def main(arguments: "Sequence[str]") -> "int | None":
    """Print the last result of this command line and return its exit status; None when it has to be found anew."""
    if sys.stdout is None or sys.stderr is None or not is_repeatable(arguments):
        return None
    try:
        folder = folder_of(arguments)
        found = None if folder is None else find(folder, command_key(arguments))
    except OSError:  # the current folder is gone
        return None
    if found is None:
        return None
    try:
        status, out, err = (part.decode("utf-8", "surrogatepass") for part in opened(found))
        return show(int(status), out, err)
    except (ValueError, Damaged):
        return None
    except OSError as error:  # a full disk, say
        sys.stderr.write(f"wslint: cannot write the findings: {error.strerror}\n")
        return 2


def packed(status: int, out: str, err: str) -> bytes:
    """A result as it is kept."""
    return sealed(str(status).encode(), out.encode("utf-8", "surrogatepass"), err.encode("utf-8", "surrogatepass"))


def show(status: int, out: str, err: str) -> int:
    """Write a result; a reader that has gone away (`wslint check | head`) is no error."""
    for stream, text in ((sys.stdout, out), (sys.stderr, err)):
        try:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        except AttributeError:  # not a real stream: tests put others there
            pass
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


def is_repeatable(arguments: "Sequence[str]") -> bool:
    """Is it a command whose result is kept? What comes from standard input, and what may not be cached, is not."""
    return arguments[:1] == ["check"] and not any(word == "-" or word.startswith(_NEVER) for word in arguments)


def folder_of(arguments: "Sequence[str]" = ()) -> "str | None":
    """The cache folder: `--cache-dir`, $WSLINT_CACHE_DIR, else the user's, where platformdirs too says it is."""
    for word, following in zip(arguments, (*arguments[1:], "")):
        if word == "--cache-dir":
            return following or None
        if word.startswith("--cache-dir="):
            return word[len("--cache-dir=") :] or None
    return os.environ.get(FOLDER_VARIABLE) or _user_folder()


def _user_folder() -> "str | None":
    home = os.path.expanduser("~")
    if home == "~":
        return None
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return os.path.join(local, "wslint", "Cache") if local else None
    if os.environ.get("XDG_CACHE_HOME", "").strip():
        return os.path.join(os.environ["XDG_CACHE_HOME"], "wslint")
    return os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache", "wslint")


def command_key(arguments: "Sequence[str]") -> bytes:
    """What the output depends on besides files: the command line, where it runs, and whether it may be coloured."""
    seen = (sys.stdout.isatty(), *(os.environ.get(name) for name in _ENVIRONMENT))
    return make_key("command", os.getcwd(), *arguments, repr(seen))


def make_key(*words: str) -> bytes:
    """A key for this Python, what is installed for it and the active environment, from words: what was asked."""
    active = os.environ.get("VIRTUAL_ENV", "")
    return "\0".join((*words, sys.version, sys.prefix, active, *sys.path)).encode("utf-8", "surrogateescape")


# --- looking ----------------------------------------------------------------------------------------------------------


def find(folder: str, key: bytes) -> "bytes | None":
    """What was kept under a key, if it would be found again."""
    try:
        kept_key, horizon, names, numbers, digests, places, trees, payload = opened(bytes_of(result_file(folder, key)))
        if kept_key != key or not lead(split(places)):
            return None
        paths, known = split(names), digests_of(digests)
        moved = differing(paths, numbers_of(numbers), int(horizon), known)
        if moved is None or any(digest(paths[at]) != known.get(at) for at in moved):
            return None
        for file, state in pairs(split(trees)):
            if not is_as_it_was(file, state):
                return None
        return payload
    except (OSError, ValueError, Damaged):
        return None


def is_as_it_was(file: str, state: str) -> bool:
    """Would a result of the tree that an index describes, when it was in that `state`, be found again?"""
    now = time.time_ns()
    states, horizon, root, names, numbers, digests, places, *content = opened(bytes_of(file))
    if state not in split(states) or not lead(split(places)):
        return False
    paths, values, known = split(names), numbers_of(numbers), digests_of(digests)
    prefix = root.decode("utf-8", "surrogateescape")
    moved = differing(paths, values, int(horizon), known, prefix)
    if moved is None or len(moved) > _MOST:
        return False
    for at in moved:
        signature_now = signature_of(prefix + paths[at])
        found = overlooked(prefix + paths[at], at, len(paths), known.get(at), *content)
        if found is None or ABSENT in (signature_now, tuple(values[4 * at : 4 * at + 4])):
            return False
        values[4 * at : 4 * at + 4] = signature_now
        known[at] = found
    latest = [max(values[4 * at], values[4 * at + 1]) for at in known]
    young = [moment for moment in latest if moment >= int(horizon)]
    if young and max(young) < now - HORIZON:
        horizon = str(now - HORIZON).encode()  # they are old enough to be trusted from now on
    elif not moved:
        return True
    from array import array  # seldom needed

    numbers, digests = array("q", values).tobytes(), joined_digests(known)
    replace(file, sealed(states, horizon, root, names, numbers, digests, places, *content))
    return True


def differing(
    names: "Sequence[str]", numbers: "Sequence[int]", horizon: int, digests: "Mapping[int, str]", prefix: str = ""
) -> "list[int] | None":
    """Which entries have other times, sizes or inode numbers than they had, or, if young, hold something else?

    None when the numbers do not belong to the names.
    """
    stat = os.stat
    number = iter(numbers)
    found: list[int] = []
    if len(numbers) != 4 * len(names):
        return None
    for position, (name, modified, changed, size, inode) in enumerate(zip(names, number, number, number, number)):
        try:
            status = stat(prefix + name)
        except (OSError, ValueError):
            if size != -1:
                found.append(position)
            continue
        if (
            status.st_mtime_ns != modified
            or status.st_ctime_ns != changed
            or status.st_size != size
            or status.st_ino & _POSITIVE != inode
        ) or ((modified >= horizon or changed >= horizon) and digest(prefix + name) != digests.get(position)):
            found.append(position)
    return found


def overlooked(
    path: str, at: int, count: int, known: "str | None", relied: bytes, words: bytes, asked: bytes
) -> "str | None":
    """The digest of what the entry at a position, of `count`, holds now, if that cannot matter; else None.

    `known` is the digest of what it held, `relied` has a byte for each entry, `words` are those that were looked for,
    in groups, and `asked` has for each group a byte for each entry: whether it was searched for them.
    """
    if known is not None and digest(path) == known:
        return known
    groups = words.split(b"\0\0") if words else []
    if len(relied) != count or len(asked) != count * len(groups) or relied[at]:
        return None
    data = bytes_of(path)
    if len(data) > _ORDINARY or data[:2] in _UTF_16:
        return None
    for number, group in enumerate(groups):
        if asked[number * count + at] and any(word in data for word in group.split(b"\0")):
            return None
    return digest_of(data)


def signature(status: os.stat_result) -> "Signature":
    """What changes with every write: both times in nanoseconds, size, inode number."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino & _POSITIVE


def signature_of(path: str) -> "Signature":
    try:
        return signature(os.stat(path))
    except (OSError, ValueError):
        return ABSENT


def digest(path: str) -> str:
    """Of the bytes of a file, or of the names and kinds in a folder."""
    if not os.path.isdir(path):
        return digest_of(bytes_of(path))
    with os.scandir(path) as scan:
        return digest_of(listing(scan))


def listing(scan: "Iterable[os.DirEntry[str]]") -> bytes:
    """The names and kinds in a folder."""
    names = sorted(f"{entry.name}\0{entry.is_dir()}\0{entry.is_symlink()}" for entry in scan)
    return "\0".join(names).encode("utf-8", "surrogateescape")


def digest_of(data: bytes) -> str:
    from hashlib import blake2b  # seldom needed

    return blake2b(data, digest_size=16).hexdigest()


def lead(places: "Sequence[str]") -> bool:
    """Do all places lead where they led?"""
    return all(leads_to(path) == end for path, end in pairs(places))


def leads_to(path: str) -> str:
    """The real path and what kind of thing is there, on both ends of a symbolic link."""
    kinds = []
    for look in (os.lstat, os.stat):
        try:
            kinds.append(oct(look(path).st_mode & 0o170000))
        except (OSError, ValueError):
            kinds.append("-")
    return f"{' '.join(kinds)} {os.path.realpath(path)}"


# --- files ------------------------------------------------------------------------------------------------------------


def result_file(folder: str, key: bytes) -> str:
    return os.path.join(folder, "results", f"{crc32(key):08x}{crc32(key[::-1]):08x}.result")


def sealed(*parts: bytes) -> bytes:
    """The bytes of a cache file."""
    head = b" ".join(str(len(part)).encode() for part in parts)
    body = head + b"\n" + b"".join(parts)
    return _MAGIC + f"{crc32(body):08x}\n".encode() + body


def opened(data: bytes) -> "list[bytes]":
    """The parts that were sealed. Raises Damaged."""
    start = len(_MAGIC) + 9
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != f"{crc32(data[start:]):08x}\n".encode():
        raise Damaged
    head, found, _ = data[start : start + 400].partition(b"\n")
    if not found:
        raise Damaged
    place = start + len(head) + 1
    parts = []
    for length in map(int, head.split()):
        parts.append(data[place : place + length])
        place += length
    return parts


def replace(file: str, data: bytes) -> bool:
    """Write a file as a whole or not at all, whoever else writes it; whether that went well."""
    unfinished = f"{file}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        os.makedirs(os.path.dirname(file), 0o700, exist_ok=True)
        try:
            with open(unfinished, "xb") as stream:
                stream.write(data)
            os.replace(unfinished, file)
        except BaseException:
            os.unlink(unfinished)
            raise
    except (OSError, ValueError):
        return False
    return True


def bytes_of(file: str) -> bytes:
    # Without O_NONBLOCK the open of a FIFO would hang.
    handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb", buffering=0) as stream:
        status = os.fstat(stream.fileno())
        if status.st_mode & 0o170000 != 0o100000 or status.st_size > _LARGEST:
            raise OSError("no regular file, or too large for one of ours")
        return stream.readall()


def pairs(words: "Sequence[str]") -> "Iterable[tuple[str, str]]":
    word = iter(words)
    return zip(word, word)


def split(data: bytes) -> "list[str]":
    return data.decode("utf-8", "surrogateescape").split("\0") if data else []


def numbers_of(data: bytes) -> "list[int]":
    return memoryview(data).cast("q").tolist() if len(data) % 8 == 0 else []


def digests_of(data: bytes) -> "dict[int, str]":
    return {int(position): digest for position, digest in pairs(split(data))}


def joined_digests(digests: "Mapping[int, str]") -> bytes:
    return "\0".join(word for at, found in digests.items() for word in (str(at), found)).encode()

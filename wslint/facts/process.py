"""The words of a command line → which program it starts, on which application, with how many workers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from wslint.facts.shell import Word, assignments, expand, simple_commands

SERVERS = frozenset({"daphne", "uvicorn", "hypercorn", "granian", "gunicorn", "uwsgi", "waitress-serve"})
RUNNERS = frozenset({"celery", "dramatiq", "rq", "huey"})
CELERY = frozenset({"worker", "beat", "flower", "multi", "events", "inspect", "control", "status", "purge", "call"})
RUNSERVER = frozenset({"runserver", "runserver_plus"})

_FLAGS = {
    "daphne": "--proxy-headers --no-server-name --help --version",
    "uvicorn": "--reload --use-colors --no-use-colors --access-log --no-access-log --proxy-headers --no-proxy-headers"
    " --server-header --no-server-header --date-header --no-date-header --factory --version --help",
    "hypercorn": "--reload --debug --daemon --help",
    "granian": "--reload --ws --no-ws --access-log --no-access-log --log --no-log --factory --no-factory --version"
    " --respawn-failed-workers --no-respawn-failed-workers --http1-keep-alive --no-http1-keep-alive --help",
    "gunicorn": "--reload --preload -D --daemon --spew --check-config --print-config --no-sendfile --capture-output"
    " --enable-stdio-inheritance --reuse-port --log-syslog --initgroups --proxy-protocol --version --help",
    "waitress-serve": "--call --help --expose-tracebacks --no-expose-tracebacks",
}
FLAGS = {server: frozenset(flags.split()) for server, flags in _FLAGS.items()}
"""Options that take no value; every other one takes the next word."""

WORKERS = {
    "uvicorn": ("--workers",),
    "hypercorn": ("-w", "--workers"),
    "granian": ("--workers",),
    "gunicorn": ("-w", "--workers"),
    "uwsgi": ("-p", "--processes", "--workers"),
    "celery": ("-c", "--concurrency"),
}
FOLDERS = {"gunicorn": "--chdir", "uvicorn": "--app-dir", "uwsgi": "--chdir", "celery": "--workdir"}
MOST_WRAPPERS = 20  # `exec env sudo …`
MOST_SHELLS = 4  # `sh -c "sh -c …"`
UWSGI_TARGETS = ("--module", "-w", "--wsgi", "--wsgi-file")

# Words in front of the command that counts. A number says how many words of its own a wrapper takes besides options.
_WRAPPERS = {
    **dict.fromkeys(("exec", "env", "nohup", "nice", "setsid", "command", "time", "tini", "dumb-init", "catatonit"), 0),
    **dict.fromkeys(("ddtrace-run", "opentelemetry-instrument", "authbind", "stdbuf", "unbuffer", "xvfb-run"), 0),
    **dict.fromkeys(("gosu", "su-exec", "setpriv", "chpst", "timeout", "envdir", "dotenv"), 1),
    **dict.fromkeys(("sudo", "doas", "runuser", "dockerize", "chamber", "doppler", "newrelic-admin", "honcho"), 0),
    **dict.fromkeys(("watchmedo", "coverage", "debugpy", "cProfile", "wait-for-it", "wait-for", "with-contenv"), 0),
}
_RUN_WRAPPERS = frozenset({"poetry", "uv", "pipenv", "pdm", "rye", "hatch", "conda", "mamba", "micromamba", "pixi"})
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_TAKES_COMMAND_LINE = frozenset({"watchfiles", "nodemon", "concurrently", "watchexec", "entr"})
_COMPOSE_OPTIONS = frozenset({"-e", "--env", "-u", "--user", "-w", "--workdir", "-v", "-p", "--name", "--entrypoint"})
_SYSTEM = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/")
_TARGET = re.compile(r"[A-Za-z_][\w.\-/]*(?::[A-Za-z_][\w.]*(?:\(.*\))?)?")


class Process(NamedTuple):
    """What a command line starts; `words` from the program on, `first` and `last` its ends in the text."""

    program: str
    words: tuple[str, ...]
    first: int
    last: int
    target: str | None = None
    subcommand: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    directory: str | None = None
    workers: int | None = None


def processes(text: str, environment: Mapping[str, str], directory: str | None = None, depth: int = 0) -> list[Process]:
    """The programs that shell text starts, in order; `export`, `NAME=value` and `cd` count for what follows them."""
    found: list[Process] = []
    variables = dict(environment)
    for words in simple_commands(text):
        count = assignments(words)
        own = pairs(words[:count])
        words = words[count:]
        if not words:
            variables.update(own)
        elif words[0].text == "export":
            variables.update(pairs(words[1:]))
        elif words[0].text in ("cd", "pushd") and len(words) > 1:
            directory = join(directory, expand(words[1].text, variables))
        else:
            found.extend(process(words, {**variables, **own}, directory, depth))
    return found


def pairs(words: list[Word]) -> dict[str, str]:
    """What `NAME=value` words set."""
    return {name: value for name, equals, value in (word.text.partition("=") for word in words) if equals}


def process(words: list[Word], environment: Mapping[str, str], directory: str | None, depth: int = 0) -> list[Process]:
    """The program that one simple command starts (several behind `sh -c`), none when it is not one that matters."""
    environment = dict(environment)
    for _ in range(MOST_WRAPPERS):
        if not words:
            break
        name = words[0].text.rpartition("/")[2]
        if _PYTHON.fullmatch(name):
            words = _behind_python(words)
            if words and words[0].text == "django":
                return _manage(words, environment, directory)
            continue
        if name in ("manage.py", "django-admin", "django-admin.py", "manage"):
            return _manage(words, environment, directory)
        if name in SERVERS:
            asks = {"--version", "--help", "-h", "--check-config"} & {word.text for word in words}
            return [] if asks or len(words) == 1 else [_server(name, words, environment, directory)]
        if name in RUNNERS:
            started = _runner(name, words, environment, directory)
            return [started] if name != "celery" or started.subcommand in CELERY else []
        if name in _SHELLS or name in _TAKES_COMMAND_LINE or (len(words) == 1 and " " in name):
            if depth > MOST_SHELLS:
                return []
            return [
                one._replace(first=script.start, last=script.end)
                for script in _scripts(name, words)
                for one in processes(script.text, environment, directory, depth + 1)
            ]
        if name in ("docker", "docker-compose", "podman", "podman-compose"):
            words = _behind_compose(words)
            continue
        rest = _behind_wrapper(name, words, environment)
        if rest is None and _is_own_script(words[0].text):
            found = process(_from_known(words[1:]), environment, directory, depth + 1) if depth <= MOST_SHELLS else []
            return [one for one in found if one.program not in SERVERS or one.target is not None]
        words = rest or []
    return []


def _scripts(name: str, words: list[Word]) -> list[Word]:
    """The words that are command lines themselves."""
    if name in _SHELLS:
        return [words[at] for at in range(1, len(words)) if re.fullmatch(r"-[a-z]*c", words[at - 1].text)]
    return [word for word in words if " " in word.text]


def join(directory: str | None, step: str | None) -> str | None:
    """A folder relative to the file's, after `cd step`; None (not known) for absolute places."""
    if step is None or step.startswith(("/", "~", "-")) or any(sign in step for sign in "${%"):
        return None
    parts: list[str] = []
    for part in f"{directory or ''}/{step}".split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _behind_python(words: list[Word]) -> list[Word]:
    at = 1
    while at < len(words):
        text = words[at].text
        if text == "-m":
            return words[at + 1 :]
        if text in ("-W", "-X"):
            at += 2
        elif text.startswith("-"):
            at += 1
        else:
            break
    return words[at:] if at < len(words) and _starts_known(words[at].text) else []


def _behind_wrapper(name: str, words: list[Word], environment: dict[str, str]) -> list[Word] | None:
    if name in _RUN_WRAPPERS:
        run = next((at for at, word in enumerate(words) if word.text == "run"), None)
        return _from_known(words[run + 1 :]) if run is not None else None
    if name == "command" and len(words) > 1 and words[1].text in ("-v", "-V"):
        return None
    stem = name.removesuffix(".sh")
    if any(word.text == "--" for word in words) and (stem in _WRAPPERS or _is_own_script(words[0].text)):
        return words[next(at for at, word in enumerate(words) if word.text == "--") + 1 :]
    if stem not in _WRAPPERS:
        return None
    rest = words[1 + _WRAPPERS[stem] :]
    count = assignments(rest)
    environment.update(pairs(rest[:count]))
    rest = rest[count:]
    return rest if rest and not rest[0].text.startswith("-") and _starts_known(rest[0].text) else _from_known(rest)


def _behind_compose(words: list[Word]) -> list[Word]:
    """What `docker compose run … service …` runs in the service."""
    at = next((at for at, word in enumerate(words) if word.text in ("run", "exec")), len(words)) + 1
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in _COMPOSE_OPTIONS else 1
    return words[at + 1 :]


def _is_own_script(text: str) -> bool:
    """A script of the project (or a variable) in front of a command, which it most likely ends in."""
    name = text.rpartition("/")[2]
    if "/" in text and not text.startswith(_SYSTEM):
        return True
    return text.startswith("$") or name.endswith(".sh") or "entrypoint" in name or "exec" in name


def _from_known(words: list[Word]) -> list[Word]:
    return next((words[at:] for at in range(len(words)) if _starts_known(words[at].text)), [])


def _starts_known(text: str) -> bool:
    name = text.rpartition("/")[2]
    return (
        name in SERVERS
        or name in RUNNERS
        or name in _SHELLS
        or name in ("manage.py", "django-admin")
        or name in _RUN_WRAPPERS
        or name in _WRAPPERS
        or _PYTHON.fullmatch(name) is not None
    )


def _manage(words: list[Word], environment: dict[str, str], directory: str | None) -> list[Process]:
    subcommand = next((word.text for word in words[1:] if not word.text.startswith("-")), None)
    if subcommand is None:
        return []
    program = "runserver" if subcommand in RUNSERVER else "manage"
    parts = words[0].text.split("/")
    if parts[-1] == "manage.py" and parts[:-1] not in ([], ["."]):
        directory = join(directory, "/".join(parts[:-1]) or "/")
    return [_made(program, words, environment, directory, subcommand=subcommand)]


def _server(name: str, words: list[Word], environment: dict[str, str], directory: str | None) -> Process:
    target: str | None = None
    flags = FLAGS.get(name, frozenset())
    at = 1
    while at < len(words):
        text = words[at].text
        if name == "uwsgi" and text in UWSGI_TARGETS:
            target = expand(words[at + 1].text, environment) if at + 1 < len(words) else None
            break
        if text.startswith("-"):
            if name == "uwsgi" and text.startswith(tuple(f"{option}=" for option in UWSGI_TARGETS)):
                target = expand(text.partition("=")[2], environment)
                break
            takes_next = "=" not in text and text not in flags and not re.match(r"-[a-zA-Z]\S", text)
            at += 2 if takes_next else 1
            continue
        target = expand(text, environment)
        if target is not None:
            break
        at += 1  # a variable may hold options
    if target is not None and not _TARGET.fullmatch(target):
        target = None
    folder = _option(words, FOLDERS.get(name, ""))
    if folder is not None:
        directory = join(directory, expand(folder, environment))
    return _made(name, words, environment, directory, target=target, workers=_workers(name, words, environment))


def _runner(name: str, words: list[Word], environment: dict[str, str], directory: str | None) -> Process:
    subcommand = None
    at = 1
    while at < len(words) and subcommand is None:
        text = words[at].text
        if not text.startswith("-"):
            subcommand = text
        at += 2 if text.startswith("-") and "=" not in text else 1
    folder = _option(words, FOLDERS.get(name, ""))
    if folder is not None:
        directory = join(directory, expand(folder, environment))
    workers = _workers(name, words, environment)
    return _made(name, words, environment, directory, subcommand=subcommand, workers=workers)


def _made(
    program: str,
    words: list[Word],
    environment: dict[str, str],
    directory: str | None,
    *,
    target: str | None = None,
    subcommand: str | None = None,
    workers: int | None = None,
) -> Process:
    return Process(
        program,
        tuple(word.text for word in words),
        words[0].start,
        words[-1].end,
        target,
        subcommand,
        tuple(environment.items()),
        directory,
        workers,
    )


def _option(words: list[Word], *names: str) -> str | None:
    for at, word in enumerate(words):
        text = word.text
        for name in filter(None, names):
            if text == name:
                return words[at + 1].text if at + 1 < len(words) else None
            if text.startswith(f"{name}="):
                return text[len(name) + 1 :]
            if len(name) == 2 and text.startswith(name) and text[2:].isdigit():
                return text[2:]
    return None


def _workers(name: str, words: list[Word], environment: Mapping[str, str]) -> int | None:
    stated = _option(words, *WORKERS.get(name, ()))
    if stated is None and name in ("gunicorn", "uvicorn"):
        stated = environment.get("WEB_CONCURRENCY")
    text = expand(stated, environment) if stated is not None else None
    return int(text) if text is not None and re.fullmatch(r"\d{1,4}", text) else None

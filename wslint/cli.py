"""The command line: options in, text and an exit status out. What is found is decided in `api`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from wslint import __version__, api, replay
from wslint.cache import Cache, default_folder
from wslint.config import Config, ConfigError, closest, patterns
from wslint.config import read as read_config
from wslint.explain import as_json, page, table
from wslint.explain import render as render_page
from wslint.index import Basis
from wslint.lazy import load
from wslint.registry import registry
from wslint.report import concise, full, json, progress, summary
from wslint.report.model import Report
from wslint.report.terminal import Style, clean, wants_colour
from wslint.select import UnknownRule, overridden, ranked

FAILED = 2  # exit status: usage, configuration or internal error
INTERRUPTED = 130

MAIN_HELP = """\
Find mistakes in the WebSocket stack of a Django project (Django Channels).

wslint reads the project and says where its sockets break, what you will see when they do, and how to mend it. It never
runs your code and never uses the network.

\b
Examples:
  wslint check                        the project in this folder
  wslint check chat/consumers.py      report on one file (the project around it is read too)
  wslint explain WS303                what a rule means, with an example
  wslint rules                        every rule
  wslint stack                        what wslint understood: applications, routes, consumers, sends
"""

CHECK_HELP = """\
Report mistakes in PATHS (default: this folder).

PATHS restrict what is reported, not what is read: a consumer can only be judged with the routes, settings and
middleware around it, so the whole project is read. Its root is the nearest folder above with a wslint configuration,
else the one with .git, else the path itself.

RULE in an option is a code (WS303), the beginning of codes (WS3) or a name (close-code-lost); several with commas.

\b
Examples:
  wslint check
  wslint check backend/ --select WS3,WS5 --format concise
  wslint check --profile strict --python .venv/bin/python
  wslint check - --stdin-filename chat/consumers.py < buffer.py

\b
Exit status:
  0  nothing to report
  1  findings
  2  wrong usage or configuration, or wslint itself failed (WS000)
"""


def _rules(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Comma-separated codes, beginnings of codes and names, checked."""
    words = tuple(word.strip() for item in value for word in item.split(",") if word.strip())
    try:
        ranked(words, registry(), "")
    except UnknownRule as error:
        raise click.BadParameter(error.problem, ctx, param) from None
    return words


def _sites(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The package folders of the environment that --python names."""
    if value is None:
        return ()
    found: tuple[str, ...] = load("wslint.stack.project.sites").sites_of(Path(value))
    if not found:
        problem = "there are no packages beside" if os.path.lexists(value) else "there is no"
        text = f"{problem} {value}; name the interpreter of an environment, such as .venv/bin/python"
        raise click.BadParameter(text, ctx, param)
    return found


_python = click.option(
    "--python",
    metavar="PATH",
    callback=_sites,
    help="An interpreter of the project's environment (.venv/bin/python) or its folder: what is installed there is "
    "read too; nothing of it is run.  [default: the active virtual environment]",
)


class Commands(click.Group):
    """A group that helps when a path or a mistyped word stands where a command should."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            if Path(args[0]).exists():
                ctx.fail(f"{args[0]!r} is no command; did you mean `wslint check {args[0]}`?")
            near = closest(args[0], self.commands)
            hint = (
                f"; did you mean `wslint {near}`?" if near else f"; the commands are {', '.join(sorted(self.commands))}"
            )
            ctx.fail(f"{args[0]!r} is no command{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, invoke_without_command=True, help=MAIN_HELP, context_settings={"max_content_width": 110})
@click.version_option(__version__, prog_name="wslint", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _rule_option(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, multiple=True, metavar="RULE,…", callback=_rules, help=text)


@cli.command(help=CHECK_HELP, short_help="Report mistakes in files and folders.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["full", "concise", "json"]),
    default="full",
    show_default=True,
    help="How findings are written.",
)
@_rule_option("--select", "Run only these rules; their info findings are shown too.")
@_rule_option("--extend-select", "Run these rules as well; their info findings are shown too.")
@_rule_option("--ignore", "Do not run these rules.")
@click.option(
    "--profile", type=click.Choice(["default", "strict"]), help="default: errors and warnings; strict: infos too."
)
@click.option(
    "--level",
    type=click.Choice(["error", "warning", "info"]),
    help="The least level shown, whatever the profile and --select say.",
)
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Do not read what matches (gitignore syntax).")
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="A pyproject.toml or wslint.yaml to use in place of the project's own.",
)
@_python
@click.option("--stdin-filename", metavar="FILE", help="With `-`: check standard input as this file of the project.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 in spite of findings; never hides a 2.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
@click.option("--cache-dir", metavar="FOLDER", help="Keep the cache there.  [default: see `wslint cache path`]")
@click.option("-q", "--quiet", is_flag=True, help="Only findings: no summary, no notes.")
@click.option("-v", "--verbose", is_flag=True, help="Say what was read and why, and print tracebacks of WS000.")
def check(paths: tuple[str, ...], **options: Any) -> int:
    overlay = _buffer(paths, options["stdin_filename"])
    targets = list(overlay) if overlay else [_existing(path) for path in paths or (".",)]
    cache = Cache(None if options["no_cache"] else _cache_folder(options["cache_dir"]))
    basis = Basis()
    watched = progress.is_wanted(sys.stderr, os.environ) and not options["quiet"]
    shown = progress.Progress(sys.stderr) if watched else None
    try:
        report = api.check(
            targets,
            _named_config(options["config_file"], basis),
            overlay=overlay,
            adjust=lambda chosen: _adjusted(chosen, options),
            cache=cache,
            on_progress=shown,
            basis=basis,
        )
    finally:
        if shown is not None:
            shown.close()
    status = 0 if options["exit_zero"] and report.exit_status == 1 else report.exit_status
    out = "".join(f"{line}\n" for line in _written(report, options))
    err = "".join(f"wslint: {line}\n" for line in _told(report, options))
    arguments = click.get_current_context().obj
    if cache.folder is not None and replay.is_repeatable(arguments):
        basis.keep(cache.folder, replay.command_key(arguments), replay.packed(status, out, err))
    return replay.show(status, out, err)


@cli.command(short_help="Say what a rule means, with an example.")
@click.argument("rule")
def explain(rule: str) -> int:
    """Say what RULE (a code such as WS303, or a name such as close-code-lost) means.

    What it finds, why that is wrong, what you see when it happens, how to mend it, and an example of both.
    """
    found = registry().find(rule)
    if found is None:
        raise click.UsageError(f'there is no rule "{rule}"; {registry().near(rule)}')
    _print([render_page(page(found), _style())])
    return 0


@cli.command(short_help="List every rule.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
def rules(output_format: str) -> int:
    """List every rule: code, name, level, whether it has a fix, and what it finds.

    Info rules are shown by `check` only under `--profile strict` or when they are selected.
    """
    pages = [page(rule) for rule in registry().rules]
    _print([as_json(pages)] if output_format == "json" else table(pages, _style()))
    return 0


@cli.command(short_help="Draw the stack of a project as a tree.")
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--config", "config_file", metavar="FILE", help="A configuration to use in place of the project's own.")
@_python
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
def stack(path: str, config_file: str | None, python: tuple[str, ...], no_cache: bool) -> int:
    """Draw what wslint understood of the project around PATH (default: this folder).

    Applications with their wrappers and routes, consumers with their handlers and the groups they join, every send and
    who may get it, channel layers, servers and versions, each with its place. `…` is what cannot be read.
    """
    found = api.stack_of(
        _existing(path),
        _named_config(config_file, Basis()),
        cache=Cache(None if no_cache else _cache_folder(None)),
        packages=python,
    )
    lines = list(load("wslint.report.tree").render(found, _opened_from_here(found.tree.root)))
    _print(lines[:-1] or ["no Channels code"])
    return 0


@cli.group("cache", short_help="Say where the cache is, or remove it.")
def cache_group() -> None:
    """What wslint keeps between runs: facts of files, and last results. It is safe to remove at any time."""


_cache_dir = click.option("--cache-dir", metavar="FOLDER", help="The folder that `check --cache-dir` was given.")


@cache_group.command(short_help="Say where it is.")
@_cache_dir
def path(cache_dir: str | None) -> int:
    """Print the folder of the cache: --cache-dir, $WSLINT_CACHE_DIR, else the user's cache folder."""
    folder = _cache_folder(cache_dir)
    if folder is None:
        raise click.ClickException("there is no cache folder for this user; name one with $WSLINT_CACHE_DIR")
    _print([str(folder)])
    return 0


@cache_group.command(short_help="Remove what is in it.")
@_cache_dir
def clear(cache_dir: str | None) -> int:
    """Remove all that wslint keeps, and nothing else that may be in the folder."""
    Cache(_cache_folder(cache_dir)).clear()
    return 0


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status. Nothing but KeyboardInterrupt's status ends it otherwise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return cli.main(words, prog_name="wslint", standalone_mode=False, obj=words) or 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
    except ConfigError as error:
        click.echo(f"wslint: {clean(str(error))}", err=True)
    except (KeyboardInterrupt, click.Abort):
        click.echo("wslint: interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        click.echo(f"wslint: failed ({type(error).__name__}: {clean(str(error))}); please report it", err=True)
        if "-v" in sys.argv or "--verbose" in sys.argv:
            raise
    return FAILED


def _existing(path: str) -> Path:
    found = Path(path)
    if path == "-":
        raise click.UsageError("with `-`, name the file with --stdin-filename")
    if not os.path.lexists(found):
        folder = found.parent if found.parent.is_dir() else Path()
        near = closest(found.name, sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else None
        hint = f"; did you mean {(folder / near).as_posix()}?" if near else ""
        raise click.UsageError(f"there is no file or folder {path}{hint}")
    return found


def _named_config(path: str | None, basis: Basis) -> Config | None:
    """The configuration of --config."""
    if path is None:
        return None
    basis.file(path)
    config = read_config(Path(path))
    for folder in config.source_roots:
        basis.place(str(Path(path).parent / folder))
    return config


def _cache_folder(named: str | None) -> Path | None:
    return Path(named) if named else default_folder()


def _buffer(paths: tuple[str, ...], name: str | None) -> dict[Path, bytes]:
    """Standard input as an open buffer of the file it stands for."""
    if name is None:
        return {}
    if paths not in ((), ("-",)):
        raise click.UsageError("--stdin-filename checks standard input only: give no paths, or `-`")
    path = Path(name)
    if not path.parent.is_dir() or path.is_dir():
        raise click.UsageError(f"--stdin-filename: {name} is not in a folder that exists, or is one")
    return {path: sys.stdin.buffer.read()}


def _adjusted(config: Config, options: dict[str, Any]) -> Config:
    """The configuration with what the command line says on top."""
    exclude = patterns(list(options["exclude"]), "--exclude")
    chosen = overridden(
        config, registry(), select=options["select"], extend=options["extend_select"], ignore=options["ignore"]
    )
    return msgspec.structs.replace(
        chosen,
        exclude=chosen.exclude + exclude,
        profile=options["profile"] or chosen.profile,
        packages=options["python"] or chosen.packages,
        level=options["level"] or chosen.level,
    )


def _written(report: Report, options: dict[str, Any]) -> Iterable[str]:
    """Everything that goes to standard output."""
    style, shown = _style(), _opened_from_here(report.root)
    if options["output_format"] == "json":
        yield json.render(report, shown("."))
        return
    yield from (
        full.render(report, style, shown) if options["output_format"] == "full" else concise.render(report, shown)
    )
    if options["statistics"] and report.findings:
        yield from summary.statistics(report, style)
        yield ""
    if not options["quiet"]:
        yield summary.render(report, style)


def _told(report: Report, options: dict[str, Any]) -> list[str]:
    """What is not about findings, for standard error."""
    lines = [] if options["quiet"] else [f"note: {note}" for note in report.notes]
    if options["verbose"]:
        lines += [f"root: {report.root}", *(f"Channels code: {path}" for path in sorted(report.relevant))]
        lines += [crash.traceback for crash in report.internal_errors]
    return lines


def _opened_from_here(root: Path) -> Callable[[str], str]:
    """Paths of the report as seen from the working directory, so that they can be opened from there."""
    here = Path(os.path.realpath(Path.cwd()))
    if here.is_relative_to(root) or root.is_relative_to(here):
        return lambda path: os.path.relpath(root / path, here).replace(os.sep, "/")
    return lambda path: (root / path).as_posix()


def _style() -> Style:
    return Style(wants_colour(sys.stdout, os.environ))


def _print(lines: Iterable[str]) -> None:
    """Write to standard output; a reader that has gone away (`wslint check | head`) is no error."""
    try:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

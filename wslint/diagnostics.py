"""WS000–WS003: what the engine itself reports. They have no hooks; `api` and `suppress` make their findings."""

from __future__ import annotations

from wslint.rule import Level, Rule


class InternalError(Rule):
    """A rule, or wslint itself, crashed.

    Why: a linter must never take a run down with it. The crash costs the findings of that rule on that object; every
    other rule goes on.

    See: exit status 2, whatever was found, even with `--exit-zero`; `--verbose` prints the traceback.

    Mend: report it, with the traceback and, when you can, the smallest file that makes it crash. Until then `--ignore`
    the rule that the message names.
    """

    code = "WS000"
    name = "internal-error"
    level = Level.ERROR
    in_tests = True


class UnreadableFile(Rule):
    """A file that matters cannot be decoded or parsed.

    Why: what a file says cannot be judged when it cannot be read; mistakes in it, and in what depends on it, stay
    unseen.

    See: the run goes on without that file. Python itself would refuse it too, except for files beyond the limits
    of the reader: 1 MB, brackets nested 200 deep, 300 operators or calls in one chain.

    Mend: correct the syntax or the encoding at the place named, or name the file in `exclude`.
    """

    code = "WS001"
    name = "unreadable-file"
    level = Level.WARNING
    in_tests = True


class UnusedSuppression(Rule):
    """A comment that silences a rule silenced nothing.

    Why: the mistake it excused is gone, or it stands on the wrong line; left alone it hides the next one.

    See: nothing at run time. It is judged only for rules that ran on that file.

    Mend: remove the comment, or the code that is no longer needed in it; other codes in it, such as `E501`, stay.

    Bad:
        value = 1  # wslint: ignore[WS303] the client never looks at the code

    Good:
        value = 1
    """

    code = "WS002"
    name = "unused-suppression"
    level = Level.WARNING
    in_tests = True


class InvalidSuppression(Rule):
    """A comment that was meant to silence a rule does not.

    Why: a suppression names what it silences, so that it can never hide more than its author saw. A blanket one, an
    unknown code and a misspelt directive silence nothing.

    See: the finding that it was meant for is still reported. In flake8, `# noqa: some-name` silences *everything* on
    its line, because flake8 reads only codes there.

    Mend: write `# wslint: ignore[WS303] reason`, `# wslint: ignore[close-code-lost] reason`, `# noqa: WS303`, or, for
    a whole file, `# wslint: ignore-file[WS303] reason`.

    Bad:
        value = 1  # wslint: ignore

    Good:
        value = 1
    """

    code = "WS003"
    name = "invalid-suppression"
    level = Level.WARNING
    in_tests = True


ENGINE_RULES: tuple[type[Rule], ...] = (InternalError, UnreadableFile, UnusedSuppression, InvalidSuppression)

"""What json cannot encode: which parts of a value surely are of such a type."""

from __future__ import annotations

import textwrap

import pytest
from stacks import stack_of, use

from wslint.stack.groups.jsonable import Jsonable

HEAD = """\
import datetime, uuid, decimal
from datetime import datetime as moment
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from somewhere import unknown

class Note(models.Model):
    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    text = models.TextField()
    written = models.DateTimeField(auto_now_add=True)
    price = models.DecimalField(max_digits=5, decimal_places=2)
    author = models.ForeignKey(User, on_delete=models.CASCADE)

"""


def refused(lines: list[str]) -> list[str]:
    """The refused parts of what `use(…)` is given, in order."""
    body = textwrap.indent("\n".join(lines), "    ")
    stack = stack_of({"notes.py": f"{HEAD}def run(given):\n{body}\n", "consumers.py": "import channels, notes\n"})
    types = Jsonable(stack)
    found = (types.refused(*leaf) for leaf in types.leaves(*use(stack, "notes.py")))
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    ("lines", "types"),
    [
        (["use({'a': 1, 'b': [None, 'x', 2.5], 'c': given})"], []),
        (["use({'a': moment.now(), 'b': [uuid.uuid4()], 'c': (decimal.Decimal(),)})"], ["datetime", "UUID", "Decimal"]),
        (["use(timezone.now().isoformat())"], []),
        (["use(timezone.now().date())"], ["date"]),
        (["use(moment.now() - datetime.timedelta(1))"], ["datetime"]),
        (["use(moment.now() - moment.now())"], []),
        (["use({1, 2})"], ["set"]),
        (["names = {1, 2}", "use({'n': names})"], ["set"]),
        (["names = {1, 2}", "use(list(names))"], []),
        (["names = list({1, 2})", "use(names)"], []),
        (["use(x for x in given)"], ["generator"]),
        (["use([timezone.now() for x in given])"], ["datetime"]),
        (["use(dict(a=timezone.now(), b=1))"], ["datetime"]),
        (["at = timezone.now() if given else None", "use(at)"], ["datetime"]),
        (["at = timezone.now() if given else 'never'", "use(at)"], []),
        (["at = unknown() if given else timezone.now()", "use(at)"], []),
        (["answer = {}", "answer['at'] = timezone.now()", "use(answer)"], ["datetime"]),
        (["row = {'at': timezone.now()}", "row['at'] = row['at'].isoformat()", "use(row)"], []),
        (["row = {'at': 1, 'by': {1}}", "row['at'] = timezone.now()", "use(row)"], ["set", "datetime"]),
        (["row = {'at': timezone.now()}", "row.update(at='now')", "use(row)"], []),
        (["row = {'at': timezone.now()}", "for key in row:", "    row[key] = str(row[key])", "use(row)"], []),
        (["rows = [{'at': timezone.now()}]", "for row in rows:", "    row['at'] = str(row['at'])", "use(rows)"], []),
        (["row = {'at': timezone.now()}", "unknown(row)", "use(row)"], []),
        (["use({'a': gettext_lazy('x'), 'b': gettext('x'), 'c': str(gettext_lazy('x'))})"], ["__proxy__"]),
        (["use(Note(text='x'))"], ["Note"]),
        (["use(Note.objects.filter(text='x'))"], ["QuerySet"]),
        (["use(list(Note.objects.values('text')))"], []),
        (["n = Note.objects.get(text='x')", "use([n.pk, n.key, n.text, n.written])"], ["UUID", "UUID", "datetime"]),
        (["n = Note.objects.get(text='x')", "use(n.price)"], ["Decimal"]),
        (["n = Note.objects.get(text='x')", "use([n.author, n.author_id])"], ["User"]),
        (["n = Note.objects.create(price='3', written='now')", "use([n.price, n.written, n.key])"], ["UUID"]),
        (["n = Note.objects.first()", "n.price = '3'", "use(n.price)"], []),
        (["use([str(n.pk) for n in Note.objects.all()])"], []),
        (["use([n.pk for n in Note.objects.all()])"], ["UUID"]),
    ],
)  # fmt: skip
def test_refused(lines: list[str], types: list[str]) -> None:
    assert refused(lines) == types

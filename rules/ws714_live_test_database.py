from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Class, Stack
from wslint.stack.database.databases import memory_database
from wslint.stack.project.live_tests import live_test_cases


class LiveTestDatabase(Rule):
    """ChannelsLiveServerTestCase in a project whose tests use an SQLite database in memory.

    Why: this test case serves the application from a process of its own, which has another memory than the tests.
    SQLite's test database is in memory unless `DATABASES["default"]["TEST"]["NAME"]` names a file.

    See: no test of the class runs: `ImproperlyConfigured: ChannelLiveServerTestCase can not be used with in memory
    databases`.

    Mend: `"TEST": {"NAME": BASE_DIR / "test.sqlite3"}` in the database that tests use.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}

        # chat/tests/test_chat.py
        from channels.testing import ChannelsLiveServerTestCase

        class ChatTests(ChannelsLiveServerTestCase):
            def test_page(self):
                self.assertIn("http", self.live_server_url)

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        DATABASES = {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "db.sqlite3",
                "TEST": {"NAME": "test.sqlite3"},
            },
        }

        # chat/tests/test_chat.py
        from channels.testing import ChannelsLiveServerTestCase

        class ChatTests(ChannelsLiveServerTestCase):
            def test_page(self):
                self.assertIn("http", self.live_server_url)
    """

    code = "WS714"
    name = "live-test-database"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        live = live_test_cases(stack)
        for settings in stack.settings:
            own = [cls for cls in live if stack.settings_for(cls.path) is settings]
            database = memory_database(settings) if own else None
            if database is not None:
                yield self._finding(own, database)

    def _finding(self, live: list[Class], database: Location) -> Finding:
        first, *others = live
        return self.finding(
            first.location,
            f"{first.name} starts a server in a process of its own, and the database of tests is in memory",
            hint='give the database a file for tests: `"TEST": {"NAME": BASE_DIR / "test.sqlite3"}`',
            symptom="no test of it runs: ImproperlyConfigured: ChannelLiveServerTestCase can not be used with in "
            "memory databases",
            symbol=first.name,
            related=[
                Related(database, "the database"),
                *(Related(cls.location, "needs a database in a file too") for cls in others[:3]),
            ],
        )

from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Settings
from wslint.stack.settings.installed import installed_apps


class DebugToolbar(Rule):
    """django-debug-toolbar is installed in a project whose work is done in consumers too.

    Why: the toolbar is HTTP middleware. What consumers do never passes it, and their queries are in none of its panels.

    See: the page shows the toolbar, with the queries of the request that made it; the queries of a websocket that the
    page opens are missing, and the toolbar says 0 queries where the database is busy.

    Mend: look at consumers with the logger `django.db.backends` or a profiler; keep the toolbar for HTTP views.

    Bad:
        # config/settings.py
        DEBUG = True
        INSTALLED_APPS = ["daphne", "debug_toolbar", "chat"]
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass

    Good:
        # config/settings.py
        DEBUG = True
        INSTALLED_APPS = ["daphne", "chat"]
        LOGGING = {
            "version": 1,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"django.db.backends": {"handlers": ["console"], "level": "DEBUG"}},
        }
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass
    """

    code = "WS710"
    name = "debug-toolbar"
    level = Level.INFO

    def settings(self, settings: Settings) -> Iterator[Finding]:
        stack = settings.stack
        mine = [
            consumer
            for consumer in stack.consumers
            if consumer.is_websocket
            and not (consumer.in_tests or consumer.vendored)
            and stack.settings_for(consumer.path) is settings
        ]
        if not mine:
            return
        told: set[Location] = set()
        for module in settings.serving:
            app = installed_apps(stack, module).find("debug_toolbar")
            if app is not None and app.location not in told:
                told.add(app.location)
                yield self.finding(
                    app.location,
                    f"django-debug-toolbar does not see consumers ({mine[0].name}): it is HTTP middleware",
                    hint="log django.db.backends to see the queries of consumers",
                    symptom="the toolbar of a page shows no query, log or time of the websockets that the page opens",
                    symbol="debug_toolbar",
                )

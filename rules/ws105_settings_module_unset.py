from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.routing.unnamed import Need, unnamed

READ = {"AllowedHostsOriginValidator()": "ALLOWED_HOSTS"} | dict.fromkeys(
    ("get_asgi_application()", "get_wsgi_application()", "setup()"), "LOGGING_CONFIG"
)
"""The setting that each call reads first."""


class SettingsModuleUnset(Rule):
    """The ASGI module needs Django's settings before DJANGO_SETTINGS_MODULE is set.

    Why: manage.py sets the variable, a server command does not. `get_asgi_application()`, `django.setup()`,
    `AllowedHostsOriginValidator(…)` and every `settings.X` at a module's top level read the settings at once.

    See: daphne, uvicorn and gunicorn exit at start: `ImproperlyConfigured: Requested setting LOGGING_CONFIG, but
    settings are not configured. You must either define the environment variable DJANGO_SETTINGS_MODULE or call
    settings.configure() before accessing settings.` Under manage.py everything works.

    Mend: `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")` as the module's first statement behind
    `import os`. The rule is silent where a compose file, a unit, a Dockerfile or an environment file may set it.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter
        from django.core.asgi import get_asgi_application

        django_asgi_app = get_asgi_application()
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        application = ProtocolTypeRouter({"http": django_asgi_app})

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()
        application = ProtocolTypeRouter({"http": django_asgi_app})
    """

    code = "WS105"
    name = "settings-module-unset"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for need in unnamed(stack):
            yield self._unset(need)

    def _unset(self, need: Need) -> Finding:
        named = "nothing sets DJANGO_SETTINGS_MODULE" if need.late is None else "DJANGO_SETTINGS_MODULE is set below"
        setting = READ.get(need.what, need.what.removeprefix("settings."))
        return self.finding(
            need.location,
            f"`{need.what}` needs the settings" + (" when this is imported" if need.deeper else "") + f", and {named}",
            hint='put `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "…")` above it',
            symptom=f"every ASGI server exits at start: ImproperlyConfigured: Requested setting {setting}, but "
            "settings are not configured (manage.py, which sets the variable, does not show it)",
            symbol=need.what,
            related=[
                *([Related(need.deeper, "the settings are read here")] if need.deeper is not None else []),
                *([Related(need.late, "too late")] if need.late is not None else []),
            ],
        )

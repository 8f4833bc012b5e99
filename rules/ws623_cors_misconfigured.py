from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Settings, SettingsModule
from wslint.stack.layers.memory_layers import served
from wslint.stack.settings.cors import CORS_APP, is_always_on, lacks_middleware, late_middleware, moved, put_first
from wslint.stack.settings.installed import installed_apps, installed_middleware
from wslint.stack.settings.origins import CORS_ALLOW_ALL, cors_is_decided_in_code


class CorsMisconfigured(Rule):
    """django-cors-headers is built in so that it answers too little, or lets every site read a user's answers.

    Why: the headers come from CorsMiddleware alone, and only for answers that pass it: behind CommonMiddleware the
    redirects that this one makes (a missing slash, `www.`) get none. Allow-all together with credentials names every
    origin back, where `*` would have kept cookies out.

    See: browser console, `No 'Access-Control-Allow-Origin' header is present on the requested resource`, for every
    request (no middleware) or for URLs without their slash (behind CommonMiddleware). With allow-all and credentials
    nothing fails: the answer to any site holds its own origin and `Access-Control-Allow-Credentials: true`. Websockets
    ask none of this; for them only an Origin validator counts.

    Mend: `"corsheaders.middleware.CorsMiddleware"` high in MIDDLEWARE, above CommonMiddleware; list the origins in
    CORS_ALLOWED_ORIGINS when credentials are allowed.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "corsheaders"]
        MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "corsheaders.middleware.CorsMiddleware"]
        CORS_ALLOWED_ORIGINS = ["http://localhost:5173"]

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "corsheaders"]
        MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"]
        CORS_ALLOWED_ORIGINS = ["http://localhost:5173"]
    """

    code = "WS623"
    name = "cors-misconfigured"
    level = Level.WARNING

    def settings(self, settings: Settings) -> Iterator[Finding]:
        if cors_is_decided_in_code(settings.stack):
            return
        told: set[Location] = set()
        for module in served(settings.stack, settings):
            for finding in (*self._middleware(settings, module), *self._credentials(settings, module)):
                if finding.location not in told:
                    told.add(finding.location)
                    yield finding

    def _middleware(self, settings: Settings, module: SettingsModule) -> Iterator[Finding]:
        app = installed_apps(settings.stack, module).find(CORS_APP)
        installed = installed_middleware(settings.stack, module)
        late = late_middleware(installed)
        if late is not None:
            common, cors = late
            yield self._found(
                cors.location,
                "CorsMiddleware stands behind CommonMiddleware, whose redirects get no CORS headers",
                "put it above CommonMiddleware",
                "requests of other origins to a URL without its slash are blocked: No 'Access-Control-Allow-Origin' "
                "header is present on the requested resource",
                [Related(common.location, "CommonMiddleware comes first")],
                moved(settings.stack, installed, common, cors),
            )
        elif app is not None and module.complete and lacks_middleware(installed):
            yield self._found(
                app.location,
                "`corsheaders` is installed and MIDDLEWARE has no CorsMiddleware: the CORS settings do nothing",
                'put "corsheaders.middleware.CorsMiddleware" first in MIDDLEWARE',
                "every request of another origin is blocked: No 'Access-Control-Allow-Origin' header is present on "
                "the requested resource",
                [Related(installed.apps[0].location, "the middleware are listed here")],
                put_first(settings.stack, installed),
            )

    def _credentials(self, settings: Settings, module: SettingsModule) -> Iterator[Finding]:
        everyone = is_always_on(settings.stack, module, CORS_ALLOW_ALL)
        credentials = is_always_on(settings.stack, module, ("CORS_ALLOW_CREDENTIALS",))
        if everyone is not None and credentials is not None:
            yield self._found(
                everyone.location,
                f"{everyone.name} and CORS_ALLOW_CREDENTIALS together let every site read what a user's browser is "
                "answered",
                "list the origins of your pages in CORS_ALLOWED_ORIGINS",
                "the answer to any origin names it and says Access-Control-Allow-Credentials: true; with SameSite=None "
                "cookies any page acts as its visitor, with Lax ones those of sibling subdomains",
                [Related(credentials.location, "credentials are allowed here")],
                (Edit(credentials.location, "False"),),
            )

    def _found(
        self,
        location: Location,
        message: str,
        hint: str,
        symptom: str,
        related: list[Related],
        edits: tuple[Edit, ...],
    ) -> Finding:
        fix = Fix(edits, safe=False) if edits else None
        return self.finding(location, message, hint=hint, symptom=symptom, related=related, fix=fix)

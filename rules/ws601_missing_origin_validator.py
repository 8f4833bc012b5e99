from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wslint.knowledge import channels as known
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Class, Literal, Mount, Mounted, Settings, Stack, below
from wslint.stack import facts as m
from wslint.stack.code.edits import import_edit, import_line, wrap_edits
from wslint.stack.middleware.gates import keys_of
from wslint.stack.middleware.guards import COOKIE_WRAPPERS, Entry, Guards
from wslint.stack.middleware.public import route_text
from wslint.stack.settings.origins import CORS_LISTS, OriginList, origin_lists

KNOWN_STACKS = frozenset(name.rpartition(".")[2] for name in COOKIE_WRAPPERS)
SESSION_SAMESITE = "SESSION_COOKIE_SAMESITE"
_OWN_SAMESITE = re.compile(r"^(?!CSRF_|LANGUAGE_)\w*(AUTH|JWT|TOKEN|SESSION)\w*_SAMESITE$")
LISTS = (*CORS_LISTS, "CSRF_TRUSTED_ORIGINS")
NO_ORIGIN = (
    " A validator refuses clients that send no Origin (apps, devices, other servers): where there are such, put it "
    "around the browsers' routes only."
)
WRITES = frozenset(
    {
        *("save", "create", "bulk_create", "get_or_create", "update_or_create", "bulk_update", "delete", "update"),
        *("asave", "acreate", "abulk_create", "aget_or_create", "aupdate_or_create", "abulk_update", "adelete"),
        *("aupdate", "set", "aset", "delay", "apply_async", "send_task", "group_send", "publish", "incr", "aincr"),
    }
)


class MissingOriginValidator(Rule):
    """Any web site can open the project's websockets: nothing compares the Origin of the handshake.

    Why: browsers let every page open a socket to every host and send the cookies of that host along. Neither the
    same-origin policy nor CORS applies to websockets: django-cors-headers, CORS_ALLOWED_ORIGINS and
    CSRF_TRUSTED_ORIGINS are read for HTTP answers and forms only. The server has to compare the Origin header itself.

    See: nothing at all while the site is used as meant. A page of another site opens the socket, the visitor's session
    cookie authenticates it, and the page reads and sends as that visitor (cross-site websocket hijacking). Behind a
    validator its handshake gets HTTP 403. An error when the session cookie travels to foreign sites
    (SESSION_COOKIE_SAMESITE "None" or off); a warning under Lax or Strict, where subdomains and other ports of the
    site remain, and where anybody may change something; a remark when every way in needs a token.

    Mend: put AllowedHostsOriginValidator (it compares with ALLOWED_HOSTS) or OriginValidator (with a list of your own,
    for example settings.CORS_ALLOWED_ORIGINS) around what serves websockets.

    Bad:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Inbox(WebsocketConsumer):
            def connect(self):
                if self.scope["user"].is_authenticated:
                    self.accept()
                else:
                    self.close()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AuthMiddlewareStack(URLRouter([path("ws/inbox/", Inbox.as_asgi())])),
        })

    Good:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Inbox(WebsocketConsumer):
            def connect(self):
                if self.scope["user"].is_authenticated:
                    self.accept()
                else:
                    self.close()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/inbox/", Inbox.as_asgi())]))
            ),
        })
    """

    code = "WS601"
    name = "missing-origin-validator"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        for entry in guards.entries:
            open_mounts = _open(entry, guards)
            if open_mounts:
                yield self._report(entry, open_mounts, guards)

    def _report(self, entry: Entry, mounts: list[Mount], guards: Guards) -> Finding:
        stack = guards.stack
        settings = stack.settings_for(entry.path)
        cookie = next((why for mount in mounts if (why := _cookie(entry, mount, guards))), None)
        lax, samesite = _samesite(settings, own_cookie=cookie is not None and cookie not in KNOWN_STACKS)
        writes = any(_writes(mount, guards) for mount in mounts)
        token = all(_token(entry, mount, guards) for mount in mounts)
        contract = next((code for code, text in stack.config.close_codes.items() if "origin" in text.lower()), None)
        if cookie:
            level = Level.WARNING if lax else Level.ERROR
            whose = "pages of its subdomains and other ports bring" if lax else "it brings"
            who = f"and {whose} the visitor's cookies, which {cookie} takes for the login"
        elif token:
            level = Level.INFO
            who = "if it has a token"
        else:
            level = Level.WARNING if writes else Level.INFO
            who = "and nobody is asked who they are" if writes else "though there is no login to misuse"
        if contract is not None and level is Level.INFO:
            level = Level.WARNING
        related = [Related(mount.location, "served to any Origin") for mount in mounts[:3] if mount.routes]
        if cookie and samesite is not None:
            related.append(Related(samesite, "the cookie is sent from foreign sites too"))
        lists = [] if settings is None else list(origin_lists(settings, LISTS))
        related += [Related(item.location, f"{item.name}: no websocket handshake reads it") for item in lists]
        promise = f"; close code {contract} is promised for it" if contract is not None else ""
        return self.finding(
            entry.location,
            f"no Origin check before {_paths(mounts)}: a page of any site can open it {who}{promise}",
            level=level,
            hint=_hint(settings, lists) + ("" if cookie else NO_ORIGIN),
            symptom=_symptom(bool(cookie), lax),
            symbol=entry.application.name,
            related=related,
            fix=_fix(entry, stack, _better_list(settings, lists)),
        )


def _open(entry: Entry, guards: Guards) -> list[Mount]:
    """What any Origin reaches; empty as soon as one way to build the entry cannot be read or is guarded."""
    found: list[Mount] = []
    for mounts in entry.alternatives:
        unguarded = []
        for mount in mounts:
            checks = [guards.checks_origin(part) for part in (*entry.chain(mount), mount.leaf)]
            if True not in checks and None not in checks:
                unguarded.append(mount)
            elif None in checks and isinstance(mount.leaf, Mounted) and True not in checks:
                return []
        if not unguarded:
            return []
        found.extend(unguarded)
    return [mount for mount in found if mount.consumer is None or not guards.never_accepts(mount.consumer)]


def _cookie(entry: Entry, mount: Mount, guards: Guards) -> str | None:
    """What takes the visitor's cookies as a login on the way to a consumer."""
    consumer = mount.consumer
    reads = (
        None
        if consumer is None or guards.hands_scope_on(guards.consumer_code(consumer))
        else _read_keys(guards, consumer)
    )
    for wrapper in entry.chain(mount):
        stacks = {wrapper.dotted, *(wrapper.cls.externals if wrapper.cls else ())} & COOKIE_WRAPPERS
        if stacks and (reads is None or reads & {"user", "session", "cookies"} or not _complete(guards, consumer)):
            return wrapper.name
        gate = guards.gate_of(wrapper)
        if (
            gate is not None
            and gate.authenticates
            and any(key == "cookies" or _is_cookie(n) for _, key, n, _ in gate.keys)
        ):
            return wrapper.name
        if gate is not None and any(_is_cookie(node) for code in gate.codes for node in code.nodes()):
            return wrapper.name
    if consumer is not None and reads is not None and ("cookies" in reads):
        return consumer.name
    return None


def _is_cookie(node: m.Node) -> bool:
    return isinstance(node, (m.Constant, m.Bytes)) and node.value in ("cookie", b"cookie", "HTTP_COOKIE")


def _complete(guards: Guards, consumer: Class | None) -> bool:
    return any(made.cls is consumer and made.complete for made in guards.stack.consumers)


def _read_keys(guards: Guards, consumer: Class) -> set[str]:
    return {key for kind, key, _, _ in keys_of(guards.consumer_code(consumer), guards.stack) if key and kind != "write"}


def _token(entry: Entry, mount: Mount, guards: Guards) -> bool:
    """Does the way to a consumer need a token that a foreign page does not have?"""
    gates = [guards.gate_of(wrapper) for wrapper in entry.chain(mount)]
    if any(gate is not None and gate.authenticates for gate in gates):
        return True
    return mount.consumer is not None and guards.checks_token(mount.consumer)


def _writes(mount: Mount, guards: Guards) -> bool:
    """Can a connection change something that outlives it or reaches others?"""
    if mount.consumer is None:
        return False
    return any(
        isinstance(node, m.Call) and isinstance(node.func, m.Attribute) and node.func.attr in WRITES
        for code in guards.consumer_code(mount.consumer)
        for node in code.nodes()
    )


def _samesite(settings: Settings | None, own_cookie: bool) -> tuple[bool, Location | None]:
    """Is the cookie that logs in kept from foreign sites, and where is it not?

    For a cookie of the project's own (`own_cookie`) every setting called …_SAMESITE counts, those of CSRF left out.
    """
    if settings is None:
        return True, None
    for module in settings.serving:
        if module.purpose == "development":
            continue
        for name, found in module.own.items():
            if name != SESSION_SAMESITE and not (own_cookie and _OWN_SAMESITE.search(name)):
                continue
            for setting in found:
                for value in settings.stack.values.of(setting.expr, setting.frame):
                    if isinstance(value, Literal) and value.value in (None, False, "None", "none"):
                        return False, setting.location
    return True, None


def _paths(mounts: Iterable[Mount]) -> str:
    texts = list(dict.fromkeys("/" + route_text(mount).lstrip("/") for mount in mounts if mount.routes))
    if not texts:
        return "the websocket application"
    return texts[0] if len(texts) == 1 else f"{texts[0]} and {len(texts) - 1} more route{'s' if len(texts) > 2 else ''}"


def _hint(settings: Settings | None, lists: list[OriginList]) -> str:
    """How to mend it, and which of the project's lists a validator could use."""
    cors = "CORS settings do not guard websockets: browsers and django-cors-headers apply them to HTTP answers only."
    better = _better_list(settings, lists)
    if better is not None:
        name, why = better
        return f"{cors} Wrap the entry in OriginValidator(…, settings.{name}), which can use that list, for {why}."
    usable = _usable(lists)
    if usable:
        also = f"; OriginValidator(…, settings.{usable[0].name}) can use that list"
        return f"{cors} Wrap the entry in AllowedHostsOriginValidator(…), which uses ALLOWED_HOSTS{also}."
    also = " ALLOWED_HOSTS lets every host in here, so name the hosts first." if _allowed_hosts(settings)[1] else ""
    return f"Wrap the entry in AllowedHostsOriginValidator(…), which uses ALLOWED_HOSTS. {cors}{also}"


def _usable(lists: list[OriginList]) -> list[OriginList]:
    return [item for item in lists if item.entries or not item.complete]


def _better_list(settings: Settings | None, lists: list[OriginList]) -> tuple[str, str] | None:
    """The list that a validator should rather use than ALLOWED_HOSTS, and why."""
    usable = _usable(lists)
    if not usable:
        return None
    hosts, anyone = _allowed_hosts(settings)
    if anyone:
        return usable[0].name, "ALLOWED_HOSTS lets every host in"
    outside = sorted(
        (str(origin), item.name) for item in usable for origin in item.origins if not _is_host(origin.host, hosts)
    )
    return (outside[0][1], f"ALLOWED_HOSTS has no {outside[0][0]}") if outside else None


def _allowed_hosts(settings: Settings | None) -> tuple[set[str], bool]:
    """The hosts of ALLOWED_HOSTS, none when the environment may change them, and whether it lets everybody in."""
    found = [] if settings is None else list(origin_lists(settings, ("ALLOWED_HOSTS",)))
    if not all(item.complete for item in found):
        return set(), False
    hosts = {entry.text for item in found for entry in item.entries}
    serving = [item for item in found if item.module.purpose != "development"]
    return hosts, any(entry.text == "*" for item in serving for entry in item.entries)


def _is_host(host: str, hosts: set[str]) -> bool:
    if host in ("localhost", "127.0.0.1", "::1") or "*" in hosts:
        return True
    return not hosts or any(host == name or (name.startswith(".") and f".{host}".endswith(name)) for name in hosts)


def _symptom(cookie: bool, lax: bool) -> str:
    if cookie and not lax:
        return "the handshake of a page of any other site is accepted as the logged-in visitor; a validator answers 403"
    if cookie:
        return (
            "the handshake of a page on a subdomain or another port of the site is accepted as the logged-in visitor; "
            "a validator answers 403"
        )
    return "a page of any other site opens the socket from inside its visitors' networks; a validator answers 403"


def _fix(entry: Entry, stack: Stack, better: tuple[str, str] | None) -> Fix | None:
    """Wrap the entry's value; only where it stands in the call of the router."""
    value = _value(entry)
    if value is None:
        return None
    validator = known.ALLOWED_HOSTS_VALIDATOR if better is None else known.ORIGIN_VALIDATOR
    names = [validator] if better is None else [validator, "django.conf.settings"]
    end = ")" if better is None else f", settings.{better[0]})"
    edits: list[Edit] = wrap_edits(entry.path, value.span, validator.rpartition(".")[2], end)
    imports = [import_line(stack, entry.path, *name.rsplit(".", 1)) for name in names]
    added = import_edit(stack, entry.path, [line for line in imports if line is not None], of_project=False)
    if added is not None:
        edits.append(added)
    return Fix(tuple(edits), safe=False, title=f"wrap it in {validator.rpartition('.')[2]}")


def _value(entry: Entry) -> m.Expr | None:
    key = entry.location.span
    module_body = entry.router.frame.module.facts.body if entry.router.frame.path == entry.path else ()
    for statement in module_body:
        for node in (statement, *below(statement)):
            if isinstance(node, m.DictItem) and node.key is not None and node.key.span == key:
                return node.value
            if isinstance(node, m.Assign) and node.value is not None:
                for target in node.targets:
                    if isinstance(target, m.Subscript) and target.index.span == key:
                        return node.value
    return None

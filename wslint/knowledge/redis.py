"""What redis-py's connection takes for TLS (version 7, connection.py), and ports that speak nothing else."""

from __future__ import annotations

import re

TLS_FLAGS = frozenset({"none", "optional", "required"})
"""The texts of `ssl_cert_reqs`; every other one raises RedisError."""

NO_KEYWORDS = frozenset({"ssl", "ssl_context", "ssl_verify", "tls", "use_ssl", "use_tls"})
"""Names that other clients have for TLS and redis-py's connections do not; `rediss://` is what turns it on."""

TLS_PORTS = {
    "Azure Cache for Redis": re.compile(r"redis://[^/?]*\.redis\.cache\.windows\.net:6380(?=[/?]|$)"),
    "DigitalOcean's managed Redis": re.compile(r"redis://[^/?]*\.db\.ondigitalocean\.com:25061(?=[/?]|$)"),
}
"""URLs without TLS for a port on which a service speaks TLS alone. Services that leave the choice are not here."""

"""The command lines of deployment files, in the forms that projects write them."""

from __future__ import annotations

import time

import pytest

from wslint.facts.command import kind_of, read_commands
from wslint.facts.model import Command


def read(path: str, text: str) -> list[Command]:
    file = read_commands(path, text.encode())
    assert file is not None
    assert file.problem is None
    return list(file.commands)


def one(path: str, text: str) -> Command:
    (command,) = read(path, text)
    return command


@pytest.mark.parametrize(
    ("line", "program", "target"),
    [
        ("daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("daphne -b 0.0.0.0 -p 8000 --proxy-headers config.asgi:application", "daphne", "config.asgi:application"),
        ("daphne -e ssl:8443:privateKey=key.pem config.asgi:application", "daphne", "config.asgi:application"),
        ("daphne config.asgi.application", "daphne", "config.asgi.application"),
        ("daphne ${ASGI:-config.asgi:application}", "daphne", "config.asgi:application"),
        ("daphne $ASGI", "daphne", None),
        ("/venv/bin/daphne -p $PORT config.asgi:app", "daphne", "config.asgi:app"),
        ("python -m daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("python3.12 -u -W ignore -m uvicorn --reload config.asgi:application", "uvicorn", "config.asgi:application"),
        (
            "uvicorn --host 0.0.0.0 --ws=wsproto config.asgi:application --lifespan off",
            "uvicorn",
            "config.asgi:application",
        ),
        ("gunicorn -k uvicorn.workers.UvicornWorker config.asgi", "gunicorn", "config.asgi"),
        ("gunicorn --preload -w4 -c conf.py config.wsgi:application", "gunicorn", "config.wsgi:application"),
        ("gunicorn 'config.app:create()'", "gunicorn", "config.app:create()"),
        ("hypercorn -b :8000 config.asgi:application", "hypercorn", "config.asgi:application"),
        ("granian --interface asgi --ws config.asgi:application", "granian", "config.asgi:application"),
        ("uwsgi --http :8000 --module config.wsgi:application --master", "uwsgi", "config.wsgi:application"),
        ("uwsgi --ini uwsgi.ini", "uwsgi", None),
        ("poetry run daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("uv run --no-dev daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("pipenv run python -m daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("exec gosu app daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("sudo -E -u www daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("env DEBUG=1 ddtrace-run daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("./wait-for-it.sh db:5432 -- daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("dockerize -wait tcp://db:5432 daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("bin/start-proxy gunicorn config.wsgi", "gunicorn", "config.wsgi"),
        ("watchfiles --filter python 'daphne config.asgi:application' .", "daphne", "config.asgi:application"),
        ("sh -c 'sleep 5 && exec daphne config.asgi:application'", "daphne", "config.asgi:application"),
        ('bash -lc "daphne config.asgi:application"', "daphne", "config.asgi:application"),
        ("docker compose exec -e A=b daphne daphne config.asgi:application", "daphne", "config.asgi:application"),
        ("cd $(dirname $0); daphne config.asgi:application 2>&1 >> daphne.log &", "daphne", "config.asgi:application"),
        ('if [ -n "$A" ]; then daphne config.asgi:application; fi', "daphne", "config.asgi:application"),
    ],
)
def test_servers(line: str, program: str, target: str | None) -> None:
    command = one("start.sh", f"#!/bin/sh\n{line}\n")
    assert (command.program, command.target, command.source, command.span.line) == (program, target, "script", 2)


@pytest.mark.parametrize(
    ("line", "program", "subcommand"),
    [
        ("python manage.py runserver 0.0.0.0:8000", "runserver", "runserver"),
        ("./manage.py --settings=a.b runserver", "runserver", "runserver"),
        ("python -m django runserver", "runserver", "runserver"),
        ("django-admin migrate", "manage", "migrate"),
        ("$PYTHON manage.py runworker thumbnails", "manage", "runworker"),
        ("python -m debugpy --listen 5678 manage.py runserver_plus", "runserver", "runserver_plus"),
        ("celery -A config worker -l info", "celery", "worker"),
        ("python -m celery --app=config beat", "celery", "beat"),
        ("watchmedo auto-restart -p '*.py' -- celery -A config worker", "celery", "worker"),
    ],
)
def test_management_and_workers(line: str, program: str, subcommand: str) -> None:
    command = one("start.sh", line)
    assert (command.program, command.subcommand) == (program, subcommand)


@pytest.mark.parametrize(
    "line",
    [
        "echo daphne config.asgi:application",
        "pip install daphne uvicorn",
        "/usr/bin/pkill -f daphne",
        "command -v gunicorn",
        "gunicorn --version",
        "# daphne config.asgi:application",
        "SERVICES=(daphne gunicorn celery)",
        "docker compose up daphne",
        "docker compose logs celery",
        "cat > daphne.service <<EOF\nExecStart=/bin/daphne a.b:c\ndaphne a.b:c\nEOF",
        "grep -q 'daphne config.asgi:application' start.sh",
    ],
)
def test_what_starts_nothing(line: str) -> None:
    assert read("start.sh", line) == []


@pytest.mark.parametrize(
    ("line", "workers"),
    [
        ("gunicorn -w 4 a.wsgi", 4),
        ("gunicorn -w4 a.wsgi", 4),
        ("gunicorn --workers=${WORKERS:-3} a.wsgi", 3),
        ("gunicorn --workers $WORKERS a.wsgi", None),
        ("WEB_CONCURRENCY=5 gunicorn a.wsgi", 5),
        ("uvicorn a.asgi:app --workers 2", 2),
        ("uwsgi --module a.wsgi -p 6", 6),
        ("celery -A a worker -c 8", 8),
        ("daphne a.asgi:app", None),
    ],
)
def test_workers(line: str, workers: int | None) -> None:
    assert one("start.sh", line).workers == workers


def test_a_script_with_state() -> None:
    text = """#!/bin/bash
set -e
export DJANGO_SETTINGS_MODULE=config.settings.prod
APP="config.asgi:application"
cd backend/
python manage.py migrate --noinput \\
    --verbosity 0
DEBUG=0 exec daphne \\
    -b 0.0.0.0 \\
    "$APP"
"""
    migrate, daphne = read("deploy/entrypoint", text)
    assert (migrate.subcommand, migrate.directory, migrate.span.line, migrate.span.end_line) == (
        "migrate",
        "backend",
        6,
        7,
    )
    assert daphne.target == "config.asgi:application"
    assert daphne.words == ("daphne", "-b", "0.0.0.0", "$APP")
    assert dict(daphne.environment) == {
        "DJANGO_SETTINGS_MODULE": "config.settings.prod",
        "APP": "config.asgi:application",
        "DEBUG": "0",
    }
    assert (daphne.span.line, daphne.span.column, daphne.span.end_line) == (8, 14, 10)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_procfile(newline: str) -> None:
    release, web = read(
        "Procfile", newline.join(["release: cd src && python manage.py migrate", "web: daphne -p $PORT a.asgi:app", ""])
    )
    assert (release.service, release.directory) == ("release", "src")
    assert (web.service, web.source, web.target, web.span.line, web.span.column) == (
        "web",
        "procfile",
        "a.asgi:app",
        2,
        6,
    )


DOCKERFILE = """FROM python:3.13 AS base
ENV DJANGO_SETTINGS_MODULE=config.settings \\
    # why
    PORT="8000"
ENV OTHER some value
CMD ["python", "manage.py", "runserver", \\
     "0.0.0.0:8000"]

FROM base
RUN pip install daphne
HEALTHCHECK CMD curl localhost
ENTRYPOINT ["/entrypoint.sh"]
CMD daphne -b 0.0.0.0 -p $PORT \\
    config.asgi:application
"""


def test_dockerfile() -> None:
    runserver, daphne = read("docker/web.Dockerfile", DOCKERFILE)
    assert (runserver.program, runserver.span.line, runserver.source) == ("runserver", 6, "dockerfile")
    assert dict(runserver.environment) == {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PORT": "8000",
        "OTHER": "some value",
    }
    assert (daphne.target, daphne.span.line, daphne.span.end_line) == ("config.asgi:application", 13, 14)


@pytest.mark.parametrize(
    "text",
    [
        'ENTRYPOINT ["daphne", "a.asgi:app"]',
        'ENTRYPOINT ["daphne"]\nCMD ["a.asgi:app"]',
        'ENTRYPOINT ["tini", "--"]\nCMD ["daphne", "a.asgi:app"]',
        'CMD ["sh", "-c", "python x.py; daphne a.asgi:app"]',
        'ENTRYPOINT ["sh", "-c"]\nCMD ["daphne a.asgi:app"]',
        'CMD ["runserver"]\nCMD ["daphne", "a.asgi:app"]',
        "ENTRYPOINT exec daphne a.asgi:app",
    ],
)
def test_forms_of_cmd(text: str) -> None:
    command = one("Dockerfile", f"FROM x\n{text}\n")
    assert (command.program, command.target) == ("daphne", "a.asgi:app")


COMPOSE = """
x-base: &base
  environment:
    DJANGO_SETTINGS_MODULE: config.settings
    DEBUG: 0
    SECRET:
services:
  redis:
    image: redis:7
  web:
    <<: *base
    build: .
    working_dir: /app/backend
    volumes:
      - .:/app
    command: daphne -b 0.0.0.0 -p 8000 config.asgi:application  # why
    deploy:
      replicas: 3
  wsgi:
    command: ["gunicorn", "-w", "2", "config.wsgi"]
    scale: 2
  script:
    entrypoint: ["sh", "-c"]
    command:
      - |
        python manage.py migrate
        exec daphne config.asgi:application
  block:
    extends:
      service: web
    command: >
      sh -c "python manage.py collectstatic &&
             uvicorn config.asgi:application --port $${PORT}"
    environment:
      - DEBUG=1
      - TOKEN
"""


def test_compose() -> None:
    found = read("docker-compose.yml", COMPOSE)
    assert [(one.service, one.program, one.subcommand, one.target, one.workers) for one in found] == [
        ("web", "daphne", None, "config.asgi:application", 3),
        ("wsgi", "gunicorn", None, "config.wsgi", 4),
        ("script", "manage", "migrate", None, None),
        ("script", "daphne", None, "config.asgi:application", None),
        ("block", "manage", "collectstatic", None, 3),
        ("block", "uvicorn", None, "config.asgi:application", 3),
    ]
    web, wsgi, *_, block = found
    assert (web.span.line, web.span.column, web.span.end_column, web.directory) == (16, 14, 63, "backend")
    assert (wsgi.span.line, wsgi.span.column) == (20, 14)
    assert dict(web.environment) == {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "0", "SECRET": "${SECRET}"}
    assert dict(block.environment)["DEBUG"] == "1"
    assert dict(block.environment)["TOKEN"] == "${TOKEN}"
    assert block.words[-1] == "${PORT}"
    assert block.span.line == 33


def test_unit() -> None:
    text = """[Service]
Environment="DJANGO_SETTINGS_MODULE=config.settings" DEBUG=0
WorkingDirectory=/srv/app
ExecStartPre=/usr/bin/true
ExecStart=-/srv/venv/bin/daphne \\
    -u /run/daphne.sock \\
    config.asgi:application
"""
    command = one("daphne.service", text)
    assert (command.source, command.target, command.span.line, command.directory) == (
        "unit",
        "config.asgi:application",
        5,
        None,
    )
    assert dict(command.environment) == {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "0"}


def test_supervisor() -> None:
    text = """[supervisord]
nodaemon=true

[fcgi-program:asgi]
socket=tcp://localhost:8000
command=daphne -u /run/daphne%(process_num)d.sock --fd 0 config.asgi:application
numprocs=4
environment=A="b c",DJANGO_SETTINGS_MODULE=config.settings
[program:nginx]
command=nginx
"""
    command = one("deploy/supervisord.conf", text)
    assert (command.service, command.workers, command.span.line) == ("asgi", 4, 6)
    assert dict(command.environment) == {"A": "b c", "DJANGO_SETTINGS_MODULE": "config.settings"}
    assert read("nginx.conf", "server { location / { proxy_pass http://daphne; } }") == []


@pytest.mark.parametrize(
    ("path", "line", "found"),
    [
        ("README.md", "    $ daphne -p 8000 config.asgi:application", 1),
        ("README.md", "Run `python manage.py runserver` and `celery -A config worker`.", 2),
        ("README.md", "daphne is the server; uvicorn works as well.", 0),
        ("README.md", "manage.py is a script that starts things", 0),
        ("README.md", "celery worker handles the rest", 0),
        ("Makefile", "\t@$(PY) manage.py runserver", 1),
        ("Makefile", "\tdaphne \\\n\t  config.asgi:application", 1),
        ("justfile", "    uv run daphne config.asgi:application", 1),
        (".github/workflows/ci.yml", "      - run: python manage.py test", 1),
    ],
)
def test_hints(path: str, line: str, found: int) -> None:
    commands = read(path, line)
    assert len(commands) == found
    assert all(command.source == "hint" for command in commands)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/docker-compose.prod.yml", "compose"),
        ("local.yml", "compose"),
        (".gitlab-ci.yml", "hint"),
        ("Dockerfile.dev", "dockerfile"),
        ("Dockerfile.dockerignore", None),
        ("Procfile.dev", "procfile"),
        ("compose/django/start", "script"),
        ("nginx/default.conf.template", "supervisor"),
        ("static/app.js", None),
        ("templates/web.html", None),
    ],
)
def test_kinds(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind


def test_broken_yaml() -> None:
    source = b"services:\n  web:\n    command: [daphne\n  x: {{ y }}\n"
    file = read_commands("docker-compose.yml", source)
    assert file is not None
    assert file.problem is not None
    assert file.problem.line in (3, 4)
    other = read_commands("deploy/values.yaml", source)
    assert other is not None
    assert other.problem is None


HOSTILE = {
    "docker-compose.yml": [
        b"services: " + b"[" * 60_000 + b"daphne",
        b"services:\n  daphne: " + b"- " * 60_000,
        b"services:\n" + b"? " * 60_000 + b"daphne",
        b"services: &a\n  daphne: *a\n  web:\n    <<: *a\n    command: *a\n    extends: *a\n",
        b"services: &a {<<: *a, daphne: *a}",
        b"services:\n  daphne: 1\n  web: []\n  3: {command: {a: b}, environment: 3, deploy: [], volumes: {a: b}}\n",
        b"services: daphne\n",
        b"services:\n  daphne:\n    command: !!python/object/apply:os.system ['daphne a.b:c']\n",
        b"\xff\xfe\0daphne services: \0",
    ],
    "start.sh": [
        b"daphne " + b"'" * 100_001,
        b"daphne " + b'"\\' * 50_000,
        b"daphne " + b"$(" * 50_000,
        b"daphne " + b"${" * 50_000 + b"}" * 50_000,
        b"daphne " + b"(" * 100_000,
        b"daphne " + b"`" * 100_001,
        b"A=$A$A$A\n" * 1000 + b"daphne $A",
        b"A=" + b"x" * 400 + b"\nB=" + b"$A" * 100 + b"\nC=" + b"$B" * 200 + b"\ndaphne $C",
        b"sh -c " * 5000 + b"daphne a.b:c",
        b"exec " * 20_000 + b"daphne a.b:c",
        b"x/y " * 20_000 + b"daphne a.b:c",
        b"cat <<A <<B <<C\ndaphne\n" * 2000,
        b"daphne \\\n" * 20_000,
    ],
    "Dockerfile": [
        b"CMD [" * 20_000 + b"daphne",
        b"CMD " + b"[" * 100_000 + b"daphne",
        b"CMD daphne \\\n" + b"# x\n\\\n" * 20_000,
        b"ENV " * 20_000 + b"daphne",
        b'CMD ["daphne", 3, null, {"a": 1}]',
    ],
    "supervisor.conf": [
        b"[program:x]\n" * 10_000 + b"command=daphne",
        b"[program:" * 20_000 + b"daphne",
        b"daphne =\n " * 20_000,
    ],
    "web.service": [b"ExecStart=daphne \\\n" * 10_000, b"Environment=" + b"\\\n" * 50_000 + b"daphne"],
    "Procfile": [b"web:" + b" " * 100_000 + b"\ndaphne", b"web" * 50_000 + b"daphne"],
    "README.md": [
        b"`" * 100_000 + b"daphne",
        b"- " * 50_000 + b"daphne",
        b"`daphne a.b:c` " * 10_000,
        b"daphne \\\n" * 20_000,
    ],
}


@pytest.mark.parametrize(
    ("path", "number"), [(path, number) for path, sources in HOSTILE.items() for number in range(len(sources))]
)
def test_hostile(path: str, number: int) -> None:
    started = time.perf_counter()
    assert read_commands(path, HOSTILE[path][number]) is not None
    assert time.perf_counter() - started < 2

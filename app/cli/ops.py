"""What an operator does: start the service, migrate the database, keep keys, forget what is old."""

import json
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.exits import BAD_INPUT, UNREACHABLE, exit_codes, stop

if TYPE_CHECKING:
    from app.settings import Settings
    from app.store import Store
    from app.store.access_keys import AccessKey

keys = typer.Typer(no_args_is_help=True, help="Access keys of the service.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="As `tunewise keys list` shows it.")]
Scope = Annotated[str, typer.Option(help="read, write (holds read) or admin (holds both).")]
Days = Annotated[float | None, typer.Option(min=0, help="Days until it expires.")]
GRACE_HOURS = 24.0
KEEP_ALIVE_SECONDS = 75
"""Longer than load balancers keep idle connections (60 s is usual), so that the two never close one at once."""
GRACEFUL_SECONDS = 30
NO_KEYS = """tunewise: listening on {host} needs access keys, and there are none. Make one and start again:
  tunewise keys add NAME --scope write        kept in the database (TUNEWISE_DATABASE_URL)
  tunewise keys add NAME --scope write --entry    kept nowhere: set TUNEWISE_KEYS to the entry it prints
Without keys tunewise serves its own machine only: --host 127.0.0.1"""


def _store() -> "Store":
    from app.settings import settings
    from app.store import Store

    return Store(settings().database_url)


def _now() -> datetime:
    return datetime.now(UTC)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


@keys.command("add")
def add(
    name: Name,
    scope: Scope = "read",
    days: Days = None,
    entry: Annotated[bool, typer.Option("--entry", help="Store nothing: print an entry for TUNEWISE_KEYS.")] = False,
) -> None:
    """Make a key. It is shown once and kept as a salted digest."""
    from app.store.access_keys import mint

    with exit_codes():
        made, text = mint(name, [scope], _now(), days)
        if not entry:
            _keep(made)
        _show(made, text, entry)


def _keep(key: "AccessKey") -> None:
    store = _store()
    store.add_key(key)
    store.close()


def _show(key: "AccessKey", text: str, entry: bool) -> None:
    told = {"id": key.id, "key": text, "scopes": sorted(key.scopes)}
    if entry:
        told["entry"] = key.entry()
    _say(json.dumps(told))


@keys.command("rotate")
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[float, typer.Option(min=0, help="Hours that the old key stays valid.")] = GRACE_HOURS,
) -> None:
    """Make a key of the same name and scopes, and let the old one end."""
    from app.store.access_keys import mint

    with exit_codes():
        store = _store()
        old = store.expire_key(key_id, _now() + timedelta(hours=grace_hours))
        made, text = mint(old.name, old.scopes, _now())
        store.add_key(made)
        store.close()
        _show(made, text, entry=False)


@keys.command("revoke")
def revoke(key_id: KeyId) -> None:
    """End a key now; a running service knows within TUNEWISE_KEY_REFRESH_SECONDS."""
    with exit_codes():
        store = _store()
        gone = store.expire_key(key_id, _now())
        store.close()
        _say(json.dumps({"id": gone.id, "revoked": True}))


@keys.command("list")
def show() -> None:
    """One key a line, never its secret."""
    with exit_codes():
        store = _store()
        for key in store.keys() if store.exists() else ():
            _say(json.dumps(_line(key)))
        store.close()


def _line(key: "AccessKey") -> dict[str, Any]:
    state = "expired" if key.expires_at is not None and key.expires_at <= _now() else "valid"
    until = None if key.expires_at is None else key.expires_at.isoformat()
    told = {"id": key.id, "name": key.name, "scopes": sorted(key.scopes), "state": state}
    return {**told, "created_at": key.created_at.isoformat(), "expires_at": until}


def migrate(
    back_to: Annotated[
        str | None,
        typer.Option("--back-to", metavar="REVISION", help='Go back to it; "base" drops everything.'),
    ] = None,
) -> None:
    """Bring the database to this release's schema, or back."""
    from app.store import migrate as schema

    with exit_codes():
        store = _store()
        if back_to is None:
            store.prepare()
        else:
            schema.downgrade(store.engine(), back_to)
        _say(json.dumps({"revision": schema.current(store.engine())}))
        store.close()


def purge(older_than_days: Annotated[int, typer.Option(min=0, help="Age in days.")]) -> None:
    """Delete stored recommendations that are older."""
    with exit_codes():
        store = _store()
        gone = store.remove_before(_now() - timedelta(days=older_than_days)) if store.exists() else 0
        store.close()
        _say(json.dumps({"deleted": gone}))


def start(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve until stopped. Refuses another address than loopback while there are no keys."""
    with exit_codes():
        from app.settings import settings

        os.environ.update(_chosen(host=host, port=port, workers=workers))
        settings.cache_clear()
        config = settings()
        if not _is_loopback(config.host) and not _has_keys(config):
            stop(BAD_INPUT, NO_KEYS.format(host=config.host))
        _run(config)


def _chosen(**options: str | int | None) -> dict[str, str]:
    """The command line's choices as settings, which is how worker processes learn of them."""
    return {f"TUNEWISE_{name.upper()}": str(value) for name, value in options.items() if value is not None}


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_keys(config: "Settings") -> bool:
    """Whether anybody could come in; a database that is away may hold keys, and lets nobody in until it is back."""
    from app.errors import StoreAwayError
    from app.store import Store
    from app.store.access_keys import read_entries

    if read_entries(config.keys):
        return True
    store = Store(config.database_url, config.database_schema)
    try:
        return bool(store.exists() and store.keys())
    except StoreAwayError:
        return store.shared
    finally:
        store.close()


def _run(config: "Settings") -> None:
    import uvicorn

    if config.workers > 1:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", _folder())
    try:
        uvicorn.run(
            "app.service:create_app",
            factory=True,
            host=config.host,
            port=config.port,
            workers=config.workers,
            access_log=False,
            log_config=_logging(config),
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    except OSError as error:
        stop(UNREACHABLE, f"tunewise: cannot listen on {config.host}:{config.port}: {error.strerror}.")


def _folder() -> str:
    """Where worker processes put their metrics, to be read together."""
    return tempfile.mkdtemp(prefix="tunewise-metrics-")


def _logging(config: "Settings") -> dict[str, Any]:
    json_lines = {"()": "app.api.logs.JsonLines", "texts": config.log_descriptions}
    text = {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": json_lines if config.log_format == "json" else text},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "tunewise": {"level": config.log_level.upper()},
            "uvicorn": {"level": "INFO" if config.log_level in ("debug", "info") else config.log_level.upper()},
        },
    }

"""Services as processes, and clients that remember what was acknowledged to them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.api.examples import RECOMMEND_EXAMPLES

TASKS = [example["value"] for example in RECOMMEND_EXAMPLES.values()]
START_SECONDS, ANSWER_SECONDS = 60.0, 20.0
PROGRAM = "from app.cli import main; main()"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any, Message]:
    """Status, JSON (or text) and headers of one request on a connection of its own; OSError when there is no answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)) as connection:
        return _exchange(
            connection, method, path, json.dumps(body), {k.replace("_", "-"): v for k, v in headers.items()}
        )


def _exchange(
    connection: HTTPConnection, method: str, path: str, body: str, headers: dict[str, str]
) -> tuple[int, Any, Message]:
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        data = answer.read()
    except HTTPException as error:
        raise ConnectionResetError(str(error)) from None
    is_json = "json" in (answer.headers.get("Content-Type") or "") and "jsonl" not in answer.headers["Content-Type"]
    return answer.status, json.loads(data) if is_json and data else data.decode(), answer.headers


class Service:
    """One `tunewise serve` on loopback."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.log = folder / f"service-{self.port}.log"
        self._environment = {f"TUNEWISE_{name.upper()}": value for name, value in environment.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait: bool = True) -> "Service":
        """Started, and ready if `wait`."""
        command = [sys.executable, "-c", PROGRAM, "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env={**os.environ, **self._environment}, stderr=log)
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Returns when it is ready."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError("not ready: " + self.log.read_text())

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any, Message]:
        """Status, JSON and headers of one request on a connection of its own."""
        return ask(self.port, method, path, body, **headers)

    def kill(self) -> None:
        """kill -9, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Service]:
    """A service that is gone at the end."""
    service = Service(folder, **environment)
    try:
        yield service.start()
    finally:
        service.kill()


@dataclass
class Seen:
    """What clients were told."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    """Idempotency-Key to id, of every 201."""
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    """Requests that got no whole answer."""
    refused: int = 0
    """Connections that were not taken."""


class Clients:
    """Clients that store recommendations until stopped, each again with the same key when no answer came.

    Like a load balancer, a client whose connection was closed sends nothing more until the service is ready again.
    """

    def __init__(self, port: int, many: int, path: str = "/recommendations") -> None:
        self.port, self.path, self.seen = port, path, Seen()
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(many)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(START_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)

    def wait_for(self, acknowledged: int) -> None:
        """Until so many more were acknowledged."""
        goal, until = len(self.seen.acknowledged) + acknowledged, time.monotonic() + START_SECONDS
        while len(self.seen.acknowledged) < goal:
            assert time.monotonic() < until, (self.seen.statuses, self.seen.broken)
            time.sleep(0.01)

    def _work(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        key, number = uuid4().hex, 0
        while not self._stopping.is_set():
            if self._connected(connection) and self._once(connection, key, TASKS[number % len(TASKS)]):
                key, number = uuid4().hex, number + 1
            else:
                connection.close()
                time.sleep(0.05)
        connection.close()

    def _connected(self, connection: HTTPConnection) -> bool:
        try:
            if connection.sock is None:
                connection.connect()
        except OSError:
            with self._lock:
                self.seen.refused += 1
            return False
        return True

    def _once(self, connection: HTTPConnection, key: str, task: object) -> bool:
        try:
            status, told, headers = _exchange(connection, "POST", self.path, json.dumps(task), {"Idempotency-Key": key})
        except OSError:
            with self._lock:
                self.seen.broken += 1
            return False
        with self._lock:
            self.seen.statuses[status] = self.seen.statuses.get(status, 0) + 1
            if status in (200, 201):
                self.seen.acknowledged[key] = told["id"]
        if headers["Connection"] == "close":
            self._wait_until_ready()
        return status in (200, 201)

    def _wait_until_ready(self) -> None:
        while not self._stopping.is_set():
            with suppress(OSError):
                if ask(self.port, "GET", "/readyz")[0] == 200:
                    return
            time.sleep(0.1)

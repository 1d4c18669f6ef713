"""p50 and p99 of POST /recommend on one worker, and its throughput beside a bare endpoint of the same answer size.

Two workloads: `distinct`, where every body is another task, and `repeated`, where eight bodies come again and again and
the service may answer from what it has computed. Run: `python -m bench.recommend`.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from app.api.examples import RECOMMEND_EXAMPLES, body_of
from bench.load import Load, post_all

AIM = 0.25
CONNECTIONS = 8
DISTINCT, REPEATED, BARE = 600, 6000, 6000
START_SECONDS = 30.0


def main() -> None:
    """Print the table."""
    with server("app.api.app:create_app", "--factory") as port:
        asyncio.run(post_all(port, "/recommend", distinct(50, "warm"), CONNECTIONS))
        fresh = asyncio.run(post_all(port, "/recommend", distinct(DISTINCT, "run"), CONNECTIONS))
        alone = asyncio.run(post_all(port, "/recommend", distinct(DISTINCT, "alone"), 1))
        again = asyncio.run(post_all(port, "/recommend", repeated(REPEATED), CONNECTIONS))
    with server("bench.bare:app", BARE_BYTES=str(fresh.answer_bytes)) as port:
        bare = asyncio.run(post_all(port, "/bare", repeated(BARE), CONNECTIONS))
    print(f"POST /recommend, one worker, {CONNECTIONS} connections, answers of {fresh.answer_bytes / 1000:.0f} kB")
    print(f"{'':34} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'ratio':>7}   aim {AIM}")
    row("bare FastAPI endpoint", bare, bare)
    row("every request another task", fresh, bare)
    row("every request another task, c=1", alone, bare)
    row("eight requests, repeated", again, bare)


def row(name: str, load: Load, bare: Load) -> None:
    """One line of the table."""
    ratio = load.requests_per_second / bare.requests_per_second
    p50, p99 = load.percentile(0.5) * 1000, load.percentile(0.99) * 1000
    print(f"{name:34} {load.requests_per_second:8.0f} {p50:8.2f} {p99:8.2f} {ratio:7.2f}")


def repeated(count: int) -> list[bytes]:
    """The OpenAPI document's own examples, in turn."""
    bodies = [json.dumps(body_of(example)).encode() for example in RECOMMEND_EXAMPLES.values()]
    return [bodies[number % len(bodies)] for number in range(count)]


def distinct(count: int, tag: str) -> list[bytes]:
    """The same tasks with another volume and another word each, so that no two bodies are alike."""
    made = []
    values = [body_of(example) for example in RECOMMEND_EXAMPLES.values()]
    for number in range(count):
        value = values[number % len(values)]
        text = f"{value['description']} Project {tag} {number}."
        needs = {**value.get("requirements", {}), "requests_per_day": 137 * (number + 1)}
        made.append(json.dumps({**value, "description": text, "requirements": needs}).encode())
    return made


@contextmanager
def server(target: str, *flags: str, **environment: str) -> Iterator[int]:
    """One uvicorn worker on a free port, up when it accepts connections, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        target,
        *flags,
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    main()

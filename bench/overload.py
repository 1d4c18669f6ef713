"""wrk against one worker and two, then 60 s at more than the capacity: `python -m bench.overload [SECONDS]`.

wrk is Debian's. Under overload nothing but 200, 429 and 503 may come back, and memory must stay where it was.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.api.examples import RECOMMEND_EXAMPLES
from bench.recommend import server

CONNECTIONS, OVERLOAD_CONNECTIONS = 16, 3000
SHORT_SECONDS, LONG_SECONDS = 8, 60
AIM = 0.30
SCRIPT = """
local bodies = {%s}
local turn, statuses = 0, {}
request = function()
  turn = turn + 1
  return wrk.format("POST", nil, {["Content-Type"] = "application/json"}, bodies[turn %% #bodies + 1])
end
local threads = {}
setup = function(thread) table.insert(threads, thread) end
response = function(status)
  local name = "n" .. status
  wrk.thread:set(name, (wrk.thread:get(name) or 0) + 1)
end
done = function(summary, latency)
  local seen = {}
  for _, thread in ipairs(threads) do
    for status = 200, 599 do
      local count = thread:get("n" .. status)
      if count then seen[status] = (seen[status] or 0) + count end
    end
  end
  for status, count in pairs(seen) do io.write(string.format("status %%d %%d\\n", status, count)) end
  io.write(string.format("p50 %%.3f\\np99 %%.3f\\n", latency:percentile(50) / 1000, latency:percentile(99) / 1000))
  local e = summary.errors
  io.write(string.format("broken %%d\\n", e.connect + e.read + e.write))
end
"""


def main() -> None:
    """Print the table; exit code 1 when overload brings anything but 200, 429 and 503."""
    if shutil.which("wrk") is None:
        raise SystemExit("bench.overload: wrk is not installed (Debian: apt-get install wrk)")
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else LONG_SECONDS
    with served(1) as (port, process):
        size = len(_ask(port))
        wrk(port, "/recommend", CONNECTIONS, 2)
        one = wrk(port, "/recommend", CONNECTIONS, SHORT_SECONDS)
        _warm(port)
        before = resident(process.pid)
        over = wrk(port, "/recommend", OVERLOAD_CONNECTIONS, seconds)
        after = resident(process.pid)
    with served(2) as (port, _):
        wrk(port, "/recommend", CONNECTIONS, 2)
        two = wrk(port, "/recommend", CONNECTIONS, SHORT_SECONDS)
    with server("bench.bare:app", BARE_BYTES=str(size)) as port:
        bare = wrk(port, "/bare", CONNECTIONS, SHORT_SECONDS)
    print(f"wrk, c={CONNECTIONS}, answers of {size / 1000:.0f} kB, eight requests in turn")
    for name, row in (("bare endpoint", bare), ("one worker", one), ("two workers", two)):
        rate = row["rate"]
        print(f"{name:16} {rate:8.0f} req/s   ratio {rate / bare['rate']:5.2f}   p99 {row['p99']:8.2f} ms")
    print(f"aim {AIM} for one worker; two over one: {two['rate'] / one['rate']:.2f}")
    statuses = {name: int(count) for name, count in over.items() if name.isdigit()}
    print(
        f"c={OVERLOAD_CONNECTIONS} for {seconds} s: {statuses}, broken {over['broken']:.0f}, p99 {over['p99']:.0f} ms"
    )
    print(f"resident memory {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
    if set(statuses) - {"200", "429", "503"}:
        raise SystemExit(1)


@contextmanager
def served(workers: int) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """`tunewise serve` as it is deployed, its log thrown away; the port, and the process that was started."""
    port = free_port()
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TUNEWISE_DATABASE_URL": f"sqlite:///{folder}/t.sqlite3"}
        command += ["--workers", str(workers)]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            _warm(port)
            yield port, process
        finally:
            process.terminate()
            process.wait(timeout=40)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(port: int) -> bytes:
    body = json.dumps(next(iter(RECOMMEND_EXAMPLES.values()))["value"]).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/recommend", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        made: bytes = answer.read()
    return made


def _warm(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            _ask(port)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the service did not start")


def wrk(port: int, path: str, connections: int, seconds: int) -> dict[str, float]:
    """Requests a second, percentiles in milliseconds, and how often each status came."""
    bodies = ",".join(f"[==[{json.dumps(example['value'])}]==]" for example in RECOMMEND_EXAMPLES.values())
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(SCRIPT % bodies)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(script)]
        done = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    found = {name: float(value) for name, value in re.findall(r"^(?:status )?(\w+) ([\d.]+)$", done.stdout, re.M)}
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert rate is not None
    return {**found, "rate": float(rate[1])}


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    words = Path(f"/proc/{pid}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()

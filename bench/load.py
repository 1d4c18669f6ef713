"""A small closed-loop HTTP load: keep-alive connections on loopback, a fixed number of POSTs, every latency kept."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a run measured: requests a second, latencies in seconds (sorted), bytes of the last answer."""

    requests_per_second: float
    latencies: tuple[float, ...]
    answer_bytes: int

    def percentile(self, share: float) -> float:
        """The latency below which `share` of the requests stayed."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


async def post_all(port: int, path: str, bodies: Sequence[bytes], connections: int) -> Load:
    """POST every body once, over `connections` connections; any answer but 200 is an error."""
    queue = list(reversed(bodies))
    latencies: list[float] = []
    size = 0

    async def worker() -> None:
        nonlocal size
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while queue:
            body = queue.pop()
            head = (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            started = time.perf_counter()
            writer.write(head.encode() + body)
            size = await _answer(reader)
            latencies.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return Load(len(latencies) / (time.perf_counter() - started), tuple(sorted(latencies)), size)


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head[:200].decode(errors="replace"))
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    size = int(length.split(b":")[1])
    await reader.readexactly(size)
    return size

"""Starts `make run` as a user would, asks the service one question and stops it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 300
QUESTION = {
    "description": "Extract ICD-10 codes from discharge letters as strict JSON. 40,000 letters a day, "
    "the ward system gives up after 300 ms. 12,000 letters are already coded by hand."
}


def main() -> int:
    """Exit code 0 when the service came up and recommended something."""
    started = time.monotonic()
    service = subprocess.Popen(["make", "run"], start_new_session=True)
    try:
        while time.monotonic() - started < WAIT_SECONDS:
            if service.poll() is not None:
                print("make run ended", service.returncode)
                return 1
            try:
                urllib.request.urlopen("http://127.0.0.1:8000/readyz", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        body = json.dumps(QUESTION).encode()
        request = urllib.request.Request("http://127.0.0.1:8000/recommend", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            verdict = json.load(response)["recommendation"]
        print(f"up and answering after {time.monotonic() - started:.1f} s: {verdict['headline']}")
        return 0
    finally:
        os.killpg(service.pid, signal.SIGTERM)
        service.wait(timeout=20)


if __name__ == "__main__":
    sys.exit(main())

"""Files as they were on the base branch."""

import subprocess
from collections.abc import Iterable

from app.errors import InputError

SECONDS = 60


class BaseBranch:
    """The point where the working branch left `ref`. Raises InputError when git does not know it."""

    def __init__(self, ref: str) -> None:
        if ref.startswith("-"):
            raise InputError.at("", f"--diff {ref[:80]}: not a branch.")
        self.ref = ref
        known = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if known is None:
            hint = "Fetch it first (GitHub: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)."
            raise InputError.at("", f"--diff {ref[:80]}: git knows no such commit here.", hint)
        parted = _git("merge-base", known.decode().strip(), "HEAD")
        self.commit = (parted or known).decode().strip()

    def read(self, file: str) -> bytes | None:
        """A file as it was; None when it was not there."""
        return _git("show", f"{self.commit}:./{file}")

    def files(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Files that were there under the paths."""
        listed = _git("ls-tree", "-r", "-z", "--name-only", self.commit, "--", *paths)
        return tuple(name.decode(errors="replace") for name in (listed or b"").split(b"\0") if name)


def _git(*words: str) -> bytes | None:
    """What git prints; None when it says no."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise InputError.at("", "--diff needs git, and it cannot be run here.") from None
    return done.stdout if done.returncode == 0 else None

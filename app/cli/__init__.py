"""The command line `tunewise`: the same engine in-process, no server and no network needed."""

from app.cli.main import main

__all__ = ["main"]

"""What outlives a request: recommendations and their outcomes, access keys, shared counts. SQLite or PostgreSQL.

Everything here blocks: callers on an event loop run it in threads. `/recommend` never comes here.
"""

from app.store.store import DEFAULT_URL, Store

__all__ = ["DEFAULT_URL", "Store"]

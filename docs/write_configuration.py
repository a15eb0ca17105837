"""Write docs/configuration.md from the keys' definitions: `python docs/write_configuration.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask_crm_sync.config import Key, keys

PAGE = Path(__file__).with_name("configuration.md")

_INTRODUCTION = """\
# Configuration

<!-- Written from flask_crm_sync/config.py by docs/write_configuration.py: change the definition, not this page. -->

Keys are read once, when `CRMSync(app)` (or `init_app`) runs: first from `app.config`, then from the environment. A key
that nobody knows is an error that names the nearest one. `CRM_SYNC_ENCRYPTION_KEYS` is the only one that must be set;
`flask-crm-sync-key` prints a new key.

| key | default | meaning |
|---|---|---|
"""

_ENDING = """\

## Rotating the encryption keys

1. Make a key with `flask crm make-key` and put it in front: `CRM_SYNC_ENCRYPTION_KEYS=new,old`. Restart every process.
2. Run `flask crm rotate-keys`: every stored secret is encrypted anew with the first key, while the sync goes on.
3. When it says that all secrets have the first key, remove the old one and restart.

## One Redis database for each app

The queues are called `crm-live`, `crm-update` and `crm-bulk`. Two apps that share a Redis server need a database number
each (`redis://127.0.0.1:6379/1`), or one app's workers would take the other's jobs.
"""


def page() -> str:
    """Return the page's text."""
    return _INTRODUCTION + "".join(map(_row, keys())) + _ENDING


def _row(key: Key) -> str:
    return f"| `{key.name}` | {_shown(key.default)} | {key.doc.replace('|', chr(92) + '|')} |\n"


def _shown(default: Any) -> str:
    if default in (None, "", ()):
        return "not set"
    if isinstance(default, tuple):
        return f"`{', '.join(default)}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

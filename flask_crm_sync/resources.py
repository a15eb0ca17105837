"""Where the folders that ship with the package are, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates_directory() -> Path:
    """Return the folder of our Jinja templates."""
    return _shipped("templates")


def migrations_directory() -> Path:
    """Return the folder of our Alembic environment and revisions."""
    return _shipped("migrations")


def _shipped(name: str) -> Path:
    """In a wheel the folder lies inside the package; in a checkout, beside it."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name

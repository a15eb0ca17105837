"""Ship the top-level folders `templates` and `migrations` inside the package when a wheel is built."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipTopLevelFolders(BuildHookInterface):  # type: ignore[type-arg]
    """Map both folders into the wheel; an editable install reads the checkout itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the two folders to what the wheel includes."""
        if version == "standard":
            for name in ("templates", "migrations"):
                build_data["force_include"][name] = f"flask_crm_sync/{name}"

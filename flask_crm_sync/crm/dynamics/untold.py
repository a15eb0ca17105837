"""What it is called when Dynamics keeps its changes to itself."""

from __future__ import annotations

from ...errors import RejectedByCRM


class ChangesUntold(RejectedByCRM):
    """Dynamics does not tell this user which contacts changed."""

    code = "changes_untold"
    says = "Dynamics does not tell which contacts changed, so what people edit there comes home by webhooks alone."
    advice = (
        "In Power Apps, switch on Track changes for the table Contact (Properties, Advanced options), and give the "
        "security role Read on contacts at organization level."
    )

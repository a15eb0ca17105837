"""Notes as activities of a client, at a path that the installation names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any
from urllib.parse import quote

from ...errors import CRMError, RejectedByCRM
from ..base import NoteWrite, RemoteNote
from ..outcomes import one_by_one
from .answers import ActivitiesMissing
from .client import ACTIVITIES, AutoChatClient, entity, identifier

_FIELDS = {"type": "type", "subject": "subject", "body": "description", "date": "occurred_at"}
"""Our proposal; no activity field is documented."""


LONGEST = 20_000
"""Characters of one text. No length is documented; a summary is far below."""

_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class Activities:
    """Notes of one installation. Nothing says that activities can be read, so none is ever found again."""

    def __init__(self, client: AutoChatClient) -> None:
        self.client, self.settings = client, client.settings
        self._names = {**_FIELDS, **dict(client.settings.autochat_activity_fields)}
        self._missing: ActivitiesMissing | None = None

    def add(self, notes: Sequence[NoteWrite]) -> list[RemoteNote | CRMError]:
        """Add an activity for each note; a note that was written before gets a follow-up, since none is rewritten."""
        if not self.settings.autochat_activity_path:
            return [ActivitiesMissing("No path for activities is configured.") for _ in notes]
        self._missing = None
        return one_by_one(notes, self._add)

    def _add(self, note: NoteWrite) -> RemoteNote:
        if self._missing is not None:
            raise self._missing
        path = self.settings.autochat_activity_path.replace("{client_id}", quote(note.record_id, safe=""))
        try:
            row = entity(self.client.call("POST", path, json=self._body(note), scope=ACTIVITIES))
        except RejectedByCRM as refused:
            raise self._told_apart(refused, note) from None
        # Without an id there is nothing to link to; the key says at least that it was written.
        return RemoteNote(identifier(row) or note.key)

    def _body(self, note: NoteWrite) -> dict[str, Any]:
        at = note.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        subject, body = _clipped(" ".join(note.subject.split())), _clipped(note.body.strip())
        texts = {"type": self.settings.autochat_activity_type, "subject": subject, "body": body, "date": at}
        return {self._names[word]: text for word, text in texts.items() if self._names[word]}

    def _told_apart(self, refused: RejectedByCRM, note: NoteWrite) -> CRMError:
        """Return why an activity was refused; of a 404 the client itself tells whether it or the path is missing."""
        if refused.status_code not in (404, 405):
            return refused
        if refused.status_code == 404:
            try:
                self.client.get(note.record_id)
            except CRMError as gone:
                return gone
        self._missing = ActivitiesMissing(crm_message=refused.crm_message, status_code=refused.status_code)
        return self._missing


def _clipped(text: str) -> str:
    """Return a text that any database takes, shortened with "…" where it is endless."""
    text = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _UNSAFE.sub("", text[: 2 * LONGEST]))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

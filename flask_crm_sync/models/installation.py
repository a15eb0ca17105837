"""What makes this installation itself: an id that goes into our keys in the CRM, and the secret of our digests."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, long_text, row_uuid


class Installation(Base):
    """One row, number 1.

    `id` tells two installations apart that feed the same CRM account. `digest_secret` is encrypted like every
    secret; it stays the same when encryption keys are rotated, or every base would seem changed.
    """

    __tablename__ = "crm_sync_installation"

    number: Mapped[int] = mapped_column(sa.Integer(), primary_key=True, autoincrement=False)
    id: Mapped[uuid.UUID] = mapped_column(row_uuid(), default=uuid.uuid4)
    digest_secret: Mapped[str] = mapped_column(long_text())

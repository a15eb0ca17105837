"""Who works on what: one environment, one user, and what is to be refused on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..clock import Clock
from .dialect import Dialect
from .environments import Environment
from .errors import DataverseError, missing_privilege, plugin_refused
from .rows import Rows
from .store import Store
from .tables import Table


@dataclass(frozen=True)
class Refusal:
    """A text that no record may hold; ``whole_batch`` says that its batch falls with it."""

    text: str
    whole_batch: bool


class WholeCallRefused(DataverseError):
    """A refusal that takes the whole call with it, whatever parts it has."""


@dataclass
class Desk:
    """A user at work in an environment."""

    store: Store
    clock: Clock
    dialect: Dialect
    environment: Environment
    user_id: str
    base_url: str
    """What entity addresses in answers start with, as in ``https://127.0.0.1:4123/api/data/v9.2``."""
    refusals: tuple[Refusal, ...] = ()
    references: dict[str, str] = field(default_factory=dict)
    """Addresses by the Content-ID that made them, within one change set."""

    @property
    def rows(self) -> Rows:
        """The rows of the environment."""
        return Rows(self.store, self.clock, self.environment.name)

    @property
    def exists_code(self) -> str:
        """The code for a row that is there already."""
        return "" if self.dialect.precondition_codes == "empty" else "0x80040237"

    @property
    def version_code(self) -> str:
        """The code for a version that is out of date."""
        return "" if self.dialect.precondition_codes == "empty" else "0x80060882"

    @property
    def missing_code(self) -> str:
        """The code for a row that is not there."""
        return "" if self.dialect.precondition_codes == "empty" else "0x80040217"

    def require(self, verb: str, table: Table) -> None:
        """Refuse what the user's role does not allow. Raises DataverseError (403)."""
        privilege = f"prv{verb}{table.privilege}"
        if privilege == self.dialect.withheld_privilege:
            raise missing_privilege(self.user_id, privilege, table.name)

    def refuse_matching(self, values: Mapping[str, object]) -> None:
        """Refuse values that a fault asks to refuse. Raises DataverseError (400)."""
        for refusal in self.refusals:
            if any(refusal.text in str(value) for value in values.values()):
                error = plugin_refused(refusal.text)
                if refusal.whole_batch:
                    raise WholeCallRefused(error.status, error.code, error.message)
                raise error

"""The host as the rest of the package sees it: ids in, plain records out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import sessionmaker

from .attributes import CUSTOM
from .bound import CHUNK, BindingFailure, Bound, Reader, Values, chunks, connection_of, dialect_of, failure, key_parser
from .messages import ENDS, Messages, conversation_key, load_messages
from .records import CLIENT_FIELDS, ClientRecord, ConversationRecord
from .scan import ScanRow, scan
from .values import flag, instant, is_closed, key_text, plain_text, split_name, tags, text, version_text

DEFAULT_ACCOUNT = "default"
"""The id of the one account of a host without tenants."""

_CLIENT_WORDS = ("account", "name", *CLIENT_FIELDS, "sensitive", "updated_at", "tags")
_HEAD_WORDS = ("client", "account", "closed", "test", "started_at", "last_message_at", "updated_at")
_CONVERSATION_WORDS = (*_HEAD_WORDS, "channel", "subject", "summary", "url")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ConversationHead:
    """What decides when a conversation's note is due. `client_id` is "" where no client is known yet."""

    id: str
    client_id: str
    account_id: str
    closed: bool
    test: bool
    started_at: datetime | None
    last_message_at: datetime | None
    version: str


@dataclass(frozen=True)
class Host:
    """The host's resolved bindings and the engine that its models share with our tables.

    Everything is read through a session or connection that the caller opened; nothing is ever written. Ids are text;
    those that no key of the model can have are simply not found.
    """

    client: Bound
    conversation: Bound
    message: Bound | None
    engine: sa.Engine
    sessions: sessionmaker[Any] | None = None
    """What makes the host's own sessions, with its class, options and listeners; None where that is not known."""

    @property
    def has_accounts(self) -> bool:
        """Tell whether the host has tenants; without them everything belongs to the account "default"."""
        return "account" in self.client.attributes

    @cached_property
    def custom_fields(self) -> tuple[str, ...]:
        """Return the names of the client's further attributes, as the binding gives them."""
        return tuple(word.removeprefix(CUSTOM) for word in self._custom_words)

    @cached_property
    def _custom_words(self) -> tuple[str, ...]:
        return tuple(word for word in self.client.attributes if word.startswith(CUSTOM))

    def load_clients(self, on: Reader, ids: Iterable[str]) -> dict[str, ClientRecord | BindingFailure]:
        """Return the clients by id, in one query for up to 1,000 ids; those that are not there are left out."""
        return _made(self.client, self.client.load(on, (*_CLIENT_WORDS, *self._custom_words), ids), self._client)

    def load_conversations(
        self, on: Reader, ids: Iterable[str], *, ends: tuple[int, int] = ENDS
    ) -> dict[str, ConversationRecord | BindingFailure]:
        """Return the conversations by id with their messages; of a long one both `ends`, by default 5 and 50."""
        loaded = self.conversation.load(on, _CONVERSATION_WORDS, ids)
        messages = self._messages(on, loaded, ends)
        accounts = self._accounts_of(on, loaded)

        def make(id: str, values: Values) -> ConversationRecord | BindingFailure:
            said = messages.get(id, ())
            return said if isinstance(said, BindingFailure) else self._conversation(id, values, accounts, said)

        return _made(self.conversation, loaded, make)

    def conversation_heads(self, on: Reader, ids: Iterable[str]) -> dict[str, ConversationHead]:
        """Return by id what decides about notes, without texts; what cannot be read is logged and left out."""
        loaded = self.conversation.load(on, _HEAD_WORDS, ids)
        accounts = self._accounts_of(on, loaded)
        last_said = self._last_said(on, loaded)
        heads = _made(self.conversation, loaded, lambda id, values: self._head(id, values, accounts, last_said))
        return {id: head for id, head in heads.items() if not isinstance(head, BindingFailure)}

    def client_accounts(self, on: Reader, ids: Iterable[str]) -> dict[str, str]:
        """Return the account of each client by id; what cannot be read is logged and left out."""
        accounts = _made(self.client, self.client.load(on, ("account",), ids), lambda _, values: self._account(*values))
        return {id: account for id, account in accounts.items() if not isinstance(account, BindingFailure)}

    def scan_clients(self, on: Reader, after: datetime | None, cursor: str, limit: int) -> list[ScanRow]:
        """Return up to `limit` clients behind the place (`after`, `cursor`), in the order of `updated_at` and id."""
        return scan(self.client, on, after, cursor, limit)

    def scan_conversations(self, on: Reader, after: datetime | None, cursor: str, limit: int) -> list[ScanRow]:
        """Return up to `limit` conversations behind the place, in the order of `updated_at` and id."""
        return scan(self.conversation, on, after, cursor, limit)

    def conversations_of(self, on: Reader, client_ids: Iterable[str], limit: int) -> list[str]:
        """Return up to `limit` conversations of clients, the newest keys first; none where the client is code."""
        owner = self.conversation.column("client")
        if owner is None:
            return []
        parse = key_parser(owner.type, dialect_of(on))
        wanted = [parse(key_text(key)) for key in self.client.keys(on, client_ids)]
        key, found = self.conversation.id_column, list[str]()
        for some in chunks(wanted, CHUNK):
            query = sa.select(key).where(owner.in_(some)).order_by(key.desc()).limit(limit - len(found))
            found += [key_text(one) for one in connection_of(on).execute(query).scalars()]
        return found

    def existing_client_ids(self, on: Reader, ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose client is still there."""
        return set(self.client.load(on, (), ids))

    def existing_conversation_ids(self, on: Reader, ids: Iterable[str]) -> set[str]:
        """Return those of the ids whose conversation is still there."""
        return set(self.conversation.load(on, (), ids))

    def _client(self, id: str, values: Values) -> ClientRecord:
        account, name, *raw, sensitive, updated_at, labels = values[: len(_CLIENT_WORDS)]
        fields: list[Any] = [value if type(value) is str else text(value) for value in raw]
        if name and not fields[0] and not fields[1]:
            fields[:2] = split_name(text(name))
        known: list[Any] = [id, self._account(account), *fields, flag(sensitive), version_text(updated_at)]
        if labels is None and not self._custom_words:
            return ClientRecord(*known)
        custom = map(plain_text, values[len(_CLIENT_WORDS) :])
        return ClientRecord(*[*known, tags(labels), dict(zip(self.custom_fields, custom, strict=True))])

    def _account(self, value: Any) -> str:
        return key_text(value) if self.has_accounts else DEFAULT_ACCOUNT

    def _accounts_of(self, on: Reader, loaded: Mapping[str, Values | BindingFailure]) -> Mapping[str, str]:
        """The accounts of the clients concerned, where conversations have none of their own."""
        if not self.has_accounts or "account" in self.conversation.attributes:
            return {}
        clients = (key_text(v[0]) for v in loaded.values() if not isinstance(v, BindingFailure) and v[0] is not None)
        return self.client_accounts(on, clients)

    def _head(
        self, id: str, values: Values, accounts: Mapping[str, str], last_said: Mapping[str, Any]
    ) -> ConversationHead:
        client, account, closed, test, started, last_message, updated = values[: len(_HEAD_WORDS)]
        client_id = key_text(client)
        own_account = "account" in self.conversation.attributes or not self.has_accounts
        return ConversationHead(
            id,
            client_id,
            self._account(account) if own_account else accounts.get(client_id, ""),
            is_closed(closed),
            flag(test),
            instant(started),
            instant(last_message) or instant(last_said.get(id)) or instant(updated) or instant(started),
            version_text(updated),
        )

    def _conversation(
        self, id: str, values: Values, accounts: Mapping[str, str], messages: Messages
    ) -> ConversationRecord:
        head = self._head(id, values, accounts, {id: messages[-1].at} if messages else {})
        channel, subject, summary, url = map(text, values[len(_HEAD_WORDS) :])
        return ConversationRecord(
            id,
            head.account_id,
            head.client_id,
            channel,
            subject,
            summary,
            url,
            head.closed,
            head.test,
            head.started_at,
            head.last_message_at,
            messages,
            head.version,
        )

    def _messages(
        self, on: Reader, loaded: Mapping[str, Values | BindingFailure], ends: tuple[int, int]
    ) -> dict[str, Messages | BindingFailure]:
        found: dict[str, Messages | BindingFailure] = {}
        if self.message is not None:
            for keys in chunks(self.conversation.keys(on, loaded), CHUNK):
                found.update(load_messages(self.message, on, keys, ends))
        return found

    def _last_said(self, on: Reader, loaded: Mapping[str, Values | BindingFailure]) -> dict[str, Any]:
        """When each conversation's last message came, for those that do not know it themselves."""
        at = self.message.column("at") if self.message else None
        if self.message is None or at is None:
            return {}
        place = _HEAD_WORDS.index("last_message_at")
        silent = [id for id, values in loaded.items() if not isinstance(values, BindingFailure) and not values[place]]
        of = conversation_key(self.message)
        found: dict[str, Any] = {}
        for keys in chunks(self.conversation.keys(on, silent), CHUNK):
            query = sa.select(of, sa.func.max(at)).where(of.in_(keys)).group_by(of)
            found.update((key_text(key), last) for key, last in connection_of(on).execute(query))
        return found


def _made(
    bound: Bound, loaded: Mapping[str, Values | BindingFailure], make: Callable[[str, Values], R | BindingFailure]
) -> dict[str, R | BindingFailure]:
    """Make a record of each row; one whose values are not what they should be fails alone."""
    made: dict[str, R | BindingFailure] = {}
    for id, values in loaded.items():
        if isinstance(values, BindingFailure):
            made[id] = values
            continue
        try:
            made[id] = make(id, values)
        except Exception as error:  # whatever a host's type does when it is read as a text
            made[id] = failure(bound, id, "a value", error)
    return made

"""Finds what the host developer did not say: the models by name, their attributes by usual names, the engine."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import registry

from ..config import Settings
from ..errors import ConfigurationError
from .aliases import CLIENT, CONVERSATION, MESSAGE
from .attributes import Resolver, foreign_key_to
from .binding import BY_CONVENTION, ClientBinding, ConversationBinding, MessageBinding
from .bound import Bound
from .reading import DEFAULT_ACCOUNT, Host
from .said import misunderstandings
from .scan import is_scannable

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)


def resolve_host(
    app: Flask,
    settings: Settings,
    *,
    client: ClientBinding | None = None,
    conversation: ConversationBinding | None = None,
    engine: sa.Engine | None = None,
) -> Host:
    """Return the host with every binding resolved.

    `engine` is for hosts without Flask-SQLAlchemy. Raises one ConfigurationError that lists everything that was looked
    for in vain and how to say it.
    """
    if misunderstood := misunderstandings(client, conversation):
        raise ConfigurationError(_report(misunderstood))
    search = _Search(app, settings, client, conversation)
    bound_client = search.client(client)
    bound_conversation = search.conversation(conversation, bound_client)
    bound_message = search.message(conversation, bound_conversation)
    models = [one.model for one in (bound_client, bound_conversation, bound_message) if one]
    shared = search.engine(models, engine)
    if search.problems or not (bound_client and bound_conversation and shared):
        raise ConfigurationError(_report(search.problems))
    host = Host(bound_client, bound_conversation, bound_message, shared, search.sessions(bound_client))
    _tell(host)
    return host


class _Search:
    def __init__(
        self, app: Flask, settings: Settings, client: ClientBinding | None, conversation: ConversationBinding | None
    ) -> None:
        self._app, self._settings = app, settings
        self._db = app.extensions.get("sqlalchemy")
        self._models = _model_classes(self._db, [given.model for given in (client, conversation) if given])
        self._resolver = Resolver()
        self.problems = self._resolver.problems

    def sessions(self, client: Bound) -> Any:
        """Return what makes Flask-SQLAlchemy's sessions, where the clients are models of its own."""
        if self._db is None or not issubclass(client.model, self._db.Model):
            return None
        return self._db.session.session_factory

    def client(self, given: ClientBinding | None) -> Bound | None:
        model = given.model if given else self._named(self._settings.client_model, "client")
        bound = self._resolver.bind(_names_settled(given or ClientBinding(model)), CLIENT) if model else None
        if bound and not {"email", "phone"} & bound.attributes.keys():
            self._resolver.lacks(bound, "Client", {word: CLIENT[word] for word in ("email", "phone")})
        return bound

    def conversation(self, given: ConversationBinding | None, client: Bound | None) -> Bound | None:
        model = given.model if given else self._named(self._settings.conversation_model, "conversation")
        bound = self._resolver.bind(given or ConversationBinding(model), CONVERSATION) if model else None
        if bound is None or client is None:
            return bound
        bound = self._pointing(bound, "client", client, "Conversation", CONVERSATION["client"])
        if "account" in bound.attributes and "account" not in client.attributes:
            self.problems.append(
                f"{bound.name} belongs to an account ({bound.attributes['account'].name}) but {client.name} does not. "
                f'Name its account: ClientBinding({client.name}, account="..."), or say that there are none: '
                f"ConversationBinding({bound.name}, account=None)."
            )
        return bound

    def message(self, given: ConversationBinding | None, conversation: Bound | None) -> Bound | None:
        binding = given.messages if given else BY_CONVENTION
        if binding is BY_CONVENTION:
            name = self._settings.message_model
            model = self._named(name, None if name == Settings.message_model else "message")
            binding = MessageBinding(model) if model else None
        bound = self._resolver.bind(binding, MESSAGE) if binding else None
        if binding is None or bound is None or conversation is None:
            return None
        bound = self._pointing(bound, "conversation", conversation, "Message", MESSAGE["conversation"])
        for word in ("text", "from_client"):
            if word not in bound.attributes and getattr(binding, word) is not None:
                self._resolver.lacks(bound, "Message", {word: MESSAGE[word]})
        return bound

    def engine(self, models: Iterable[type[Any]], given: sa.Engine | None) -> sa.Engine | None:
        """Return the one engine of all models; a problem where there is none, or more than one."""
        engines = {model.__name__: self._engine_of(model, given) for model in models}
        shared = list({id(engine): engine for engine in engines.values() if engine is not None}.values())
        if len(shared) == 1:
            return shared[0]
        if shared:
            where = ", ".join(f"{name} in {engine.url.database}" for name, engine in engines.items() if engine)
            self.problems.append(
                f"The models live in different databases ({where}), but changes must be written in one transaction."
            )
        elif engines:
            self.problems.append(
                "No database engine is known. Call `db.init_app(app)` of Flask-SQLAlchemy before `CRMSync`, "
                "or give the engine of the models: CRMSync(app, engine=engine, ...)."
            )
        return None

    def _engine_of(self, model: type[Any], given: sa.Engine | None) -> sa.Engine | None:
        if self._db is None or (given is not None and model not in self._models_of_db()):
            return given
        with self._app.app_context():
            key = sa.inspect(model).local_table.metadata.info.get("bind_key")
            own: sa.Engine | None = self._db.engines.get(key)
        if given is not None and own is not None and own.url != given.url:
            self.problems.append(f"{model.__name__} is bound to another database than the engine that was given.")
        return own if given is None else given

    def _models_of_db(self) -> set[type[Any]]:
        return {mapper.class_ for mapper in self._db.Model.registry.mappers} if self._db is not None else set()

    def _named(self, name: str, needed_as: str | None) -> type[Any] | None:
        """Return the model class of this name (or dotted path); a missing one is a problem where it is needed."""
        found = [model for model in self._models if name in {model.__name__, _dotted(model)}]
        if len(found) == 1:
            return found[0]
        key = f"CRM_SYNC_{(needed_as or 'message').upper()}_MODEL"
        if found:
            paths = ", ".join(sorted(map(_dotted, found)))
            self.problems.append(f"Several models are called {name}: {paths}. Set {key} to the full path of one.")
        elif needed_as:
            known = ", ".join(sorted(model.__name__ for model in self._models)) or "none"
            say = f"Set {key}, or CRMSync(app, {needed_as}={needed_as.title()}Binding(YourModel))."
            say = say if needed_as != "message" else f"Correct {key}, or leave it out."
            self.problems.append(f"No model is called {name} ({key}). Models there are: {known}. {say}")
        return None

    def _pointing(self, bound: Bound, word: str, target: Bound, kind: str, names: tuple[str, ...]) -> Bound:
        """Fall back to the only foreign key that points to the target, where no usual name was found."""
        attribute = bound.attributes.get(word) or foreign_key_to(bound.mapper, target.mapper)
        if attribute is None:
            self._resolver.lacks(bound, kind, {word: names})
            return bound
        if attribute.column is None and kind == "Message":
            self.problems.append(f"{bound.name}: {word} must be a mapped column, not a function or a path.")
        return replace(bound, attributes={**bound.attributes, word: attribute})


def _model_classes(db: Any, given: Iterable[type[Any]]) -> set[type[Any]]:
    """Every model that Flask-SQLAlchemy knows, and all that share a registry with a model that was given."""
    registries: list[registry] = [db.Model.registry] if db is not None else []
    for model in given:
        mapper = sa.inspect(model, raiseerr=False)
        if mapper is not None:
            registries.append(mapper.registry)
    return {mapper.class_ for one in registries for mapper in one.mappers}


def _names_settled(binding: ClientBinding) -> ClientBinding:
    """A full name that the host names itself counts more than parts that we would find by convention."""
    if binding.name in (BY_CONVENTION, None):
        return binding
    first = None if binding.first_name is BY_CONVENTION else binding.first_name
    last = None if binding.last_name is BY_CONVENTION else binding.last_name
    return replace(binding, first_name=first, last_name=last)


def _dotted(model: type[Any]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def _report(problems: Iterable[str]) -> str:
    lines = "\n".join(f"  - {problem}" for problem in problems)
    return (
        f"CRMSync cannot find what it needs in the host's models:\n{lines}\n"
        "Models must be imported before CRMSync is given the app."
    )


def _tell(host: Host) -> None:
    """Say once what convention decided and a developer may want to know."""
    if not host.has_accounts:
        log.info("%s has no account or tenant: everything belongs to %r", host.client.name, DEFAULT_ACCOUNT)
    for bound in (host.client, host.conversation):
        if not is_scannable(bound):
            log.warning(
                "%s has no mapped updated_at with date and time: changes by raw SQL or other programs go unseen",
                bound.name,
            )

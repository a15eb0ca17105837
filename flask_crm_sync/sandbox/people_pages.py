"""What a person does on the pages of any CRM: add a contact, edit, merge or delete it, and listen to its webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from .panel import PER_PAGE

Portal = TypeVar("Portal")
_Portal = TypeVar("_Portal", contravariant=True)


class Contacts(Protocol[_Portal]):
    """A CRM's contacts (or leads, or clients), as a person changes them."""

    def add_contact(self, properties: Mapping[str, str], portal: _Portal, /) -> str:
        """Add one from the names and values of a form; returns its id."""

    def edit_contact(self, contact_id: str, properties: Mapping[str, str], portal: _Portal, /) -> None:
        """Change one."""

    def delete_contact(self, contact_id: str, portal: _Portal, /) -> None:
        """Delete one."""


class Listeners(Protocol[_Portal]):
    """Whom a CRM tells of its contacts."""

    def listed(self, portal: _Portal, /) -> Iterable[Any]:
        """Return the webhooks of a portal: ``id``, ``url``, ``active``, ``events``."""

    def add(self, portal: _Portal, url: str, /) -> Any:
        """Add one with a new ``secret``; raises ValueError for an address that is not on this machine."""

    def remove(self, webhook_id: int, /) -> None:
        """Remove one."""


@dataclass(frozen=True)
class PeoplePages(Generic[Portal]):
    """The pages of one CRM: where its list of contacts is, and which portal (org, workspace) a person looks at.

    ``shown`` returns the list with a sentence above it that says what went wrong; ``refusal`` is the class of the
    CRM's own refusals, which carry ``message`` and ``status``.
    """

    crm: str
    blueprint: Blueprint
    portal: Callable[[], Portal]
    shown: Callable[[str], str]
    refusal: type[Any]

    @property
    def contacts(self) -> str:
        """Return where the list of contacts is."""
        return f"/_sandbox/{self.crm}/contacts"

    @property
    def webhooks(self) -> str:
        """Return where the webhooks are."""
        return f"/_sandbox/{self.crm}/webhooks"

    def done(self, work: Callable[[Portal], str | None]) -> ResponseReturnValue:
        """Do what a person asked for and go to the contact whose id it returns, or say on the list why not."""
        portal = self.portal()
        try:
            contact_id = work(portal)
        except self.refusal as error:
            return self.shown(error.message), error.status
        except ValueError as error:
            return self.shown(str(error)), 400
        return redirect(f"{self.contacts}/{contact_id or ''}".rstrip("/") + f"?portal={portal}", 303)

    def edited(self, contacts: Contacts[Portal], contact_id: str, values: Mapping[str, Any]) -> ResponseReturnValue:
        """Change a contact and go back to it."""

        def edit(portal: Portal) -> str:
            contacts.edit_contact(contact_id, values, portal)
            return contact_id

        return self.done(edit)

    def add_edits(self, contacts: Contacts[Portal], add: Callable[[dict[str, str], Portal], str] | None = None) -> None:
        """Add the forms for a new contact, an edit of one field, and the end of a contact.

        ``add`` makes a contact from a form where the CRM asks for more than its values.
        """
        make = add or contacts.add_contact

        @self.blueprint.post(self.contacts)
        def create() -> ResponseReturnValue:
            values = {name: value for name, value in request.form.items() if value}
            return self.done(lambda portal: make(values, portal))

        @self.blueprint.post(f"{self.contacts}/<contact_id>")
        def edit(contact_id: str) -> ResponseReturnValue:
            return self.edited(contacts, contact_id, {request.form["name"]: request.form.get("value", "")})

        @self.blueprint.post(f"{self.contacts}/<contact_id>/delete")
        def delete(contact_id: str) -> ResponseReturnValue:
            return self.done(lambda portal: contacts.delete_contact(contact_id, portal))

    def add_merge(self, merge_contacts: Callable[[str, str, Portal], str]) -> None:
        """Add the form that merges two contacts, given which one stays and the other."""

        @self.blueprint.post(f"/_sandbox/{self.crm}/merge")
        def merge() -> ResponseReturnValue:
            primary, other = request.form["primary"], request.form["other"]
            return self.done(lambda portal: merge_contacts(primary, other, portal))

    def add_webhooks(
        self, listeners: Listeners[Portal], deliveries: Callable[[], list[Any]], **frame: Callable[[], Any]
    ) -> None:
        """Add the page of who listens and what was delivered, newest first; ``frame`` is what its template asks for."""

        def page(wrong: str = "", secret: str = "") -> str:
            return render_template(
                f"{self.crm}/webhooks.html",
                at=self.webhooks,
                listed=listeners.listed(self.portal()),
                sent=deliveries()[:PER_PAGE],
                wrong=wrong,
                secret=secret,
                portal_id=self.portal(),
                **{name: value() for name, value in frame.items()},
            )

        @self.blueprint.get(self.webhooks)
        def webhooks() -> ResponseReturnValue:
            return page()

        @self.blueprint.post(self.webhooks)
        def listen() -> ResponseReturnValue:
            try:
                webhook = listeners.add(self.portal(), request.form["url"])
            except ValueError as error:
                return page(str(error)), 400
            return page(secret=webhook.secret)

        @self.blueprint.post(f"{self.webhooks}/<int:webhook_id>/remove")
        def forget(webhook_id: int) -> ResponseReturnValue:
            listeners.remove(webhook_id)
            return redirect(f"{self.webhooks}?portal={self.portal()}", 303)

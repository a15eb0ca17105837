"""Channels at rest: their addresses open nowhere else, are rotated with the other secrets, and come with no repr."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from flask_crm_sync.models import Channel
from flask_crm_sync.notifications.channels import address_of, channels, find_channel
from flask_crm_sync.notifications.problems import CannotTell, explained
from flask_crm_sync.notifications.sending import send_due
from flask_crm_sync.notifications.spread import spread
from flask_crm_sync.sync.refusals import NotFound
from flask_crm_sync.sync.secrets import CURRENT, ROTATED, rotate
from flask_crm_sync.vault import Vault
from tests.notifications.desk import SECRET, URL, channel, happens
from tests.web.helpdesk import THEIRS, Helpdesk

OLD, NEW = b"k" * 32, b"n" * 32


def sealed(desk: Helpdesk) -> list[str]:
    with desk.sync.database.read() as database:
        return list(database.execute(sa.select(Channel.address)).scalars())


def test_an_address_is_encrypted_and_rotated_with_the_other_secrets(desk: Helpdesk) -> None:
    id = channel(desk.sync)
    assert "canary" not in sealed(desk)[0]
    turned = replace(desk.sync, vault=Vault([NEW, OLD]))
    assert rotate(turned)[ROTATED] >= 1
    only_new = replace(desk.sync, vault=Vault([NEW]))
    assert (address_of(only_new, id).url, address_of(only_new, id).secret) == (URL, SECRET)
    assert rotate(only_new)[CURRENT] >= 1


def test_an_address_that_was_copied_to_another_channel_does_not_open(desk: Helpdesk) -> None:
    one, other = channel(desk.sync), channel(desk.sync, url="https://93.184.215.14/other")
    with desk.sync.database.write() as database:
        database.execute(sa.update(Channel).where(Channel.id == other).values(address=sealed(desk)[0]))
    with pytest.raises(CannotTell, match="secret_unreadable"):
        address_of(desk.sync, other)
    assert address_of(desk.sync, one).url == URL


def test_a_channel_whose_address_no_key_opens_says_so(desk: Helpdesk) -> None:
    channel(desk.sync)
    happens(desk.sync, "a")
    lost = replace(desk.sync, vault=Vault([NEW]))
    spread(lost)
    assert send_due(lost).failed == 1
    code = channels(lost, "1")[0].failing_code
    assert explained(code).advice == "Enter the address again."


def test_another_accounts_channel_is_not_there(desk: Helpdesk) -> None:
    id = channel(desk.sync, account=THEIRS)
    assert channels(desk.sync, "1") == []
    with pytest.raises(NotFound):
        find_channel(desk.sync, "1", id)

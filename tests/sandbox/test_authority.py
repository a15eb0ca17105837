"""Certificates: right for strict verifiers, kept while good, replaced when not."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from flask_crm_sync.sandbox import Sandbox, authority
from flask_crm_sync.sandbox.authority import Authority


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_strict_verification_accepts_the_server_by_name_and_address(sandbox: Sandbox, name: str) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # what Python 3.13 does by default
    port = int(sandbox.url.rsplit(":", 1)[1])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        assert secured.version() == "TLSv1.3"


def test_names_are_loopback_only(tmp_path: Path) -> None:
    issued = Authority(tmp_path)
    server = x509.load_pem_x509_certificate(issued.certificate_file.read_bytes())
    names = server.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert {str(each.value) for each in names} == {"localhost", "127.0.0.1", "::1"}


def test_good_certificates_are_used_again(tmp_path: Path) -> None:
    first = Authority(tmp_path).ca_file.read_bytes()
    assert Authority(tmp_path).ca_file.read_bytes() == first


def test_certificates_near_their_end_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "LIFETIME", timedelta(days=5))
    Authority(tmp_path)
    monkeypatch.undo()
    renewed = x509.load_pem_x509_certificate(Authority(tmp_path).ca_file.read_bytes())
    assert renewed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)


def test_a_broken_key_file_is_replaced(tmp_path: Path) -> None:
    Authority(tmp_path).key_file.write_text("not a key")
    assert b"PRIVATE KEY" in Authority(tmp_path).key_file.read_bytes()


def test_no_authority_key_is_left_behind_and_the_server_key_is_private(tmp_path: Path) -> None:
    issued = Authority(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"ca.pem", "server.pem", "server.key"}
    assert issued.key_file.stat().st_mode & 0o077 == 0

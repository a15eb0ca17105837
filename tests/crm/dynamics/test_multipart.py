"""The form of a batch: what is written, and every legal way of writing an answer that is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_crm_sync.crm.dynamics.multipart import Answer, Request, batch_answers, batch_content

_HEAD = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
_DONE = "HTTP/1.1 204 No Content\r\nOData-EntityId: https://org.crm.dynamics.com/api/data/v9.2/contacts(1)\r\n\r\n"
_ROW = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"firstname":"Zoë","list":[1,2]}\r\n'
_REFUSED = 'HTTP/1.1 404 Not Found\r\nREQ_ID: 7\r\n\r\n{"error":{"code":"0x80040217","message":"gone"}}\r\n'
_WHOLE = f"--b\r\n{_HEAD}{_DONE}\r\n--b\r\n{_HEAD}{_ROW}\r\n--b\r\n{_HEAD}{_REFUSED}\r\n--b--\r\n"
_TYPE = "multipart/mixed; boundary=b"


def _read(text: str, content_type: str = _TYPE) -> list[Answer | None]:
    answers = batch_answers(content_type, text.encode())
    assert answers is not None
    return answers


def _statuses(text: str, content_type: str = _TYPE) -> list[int | None]:
    return [answer and answer.status for answer in _read(text, content_type)]


def test_batch_is_written_as_the_documentation_prints_it() -> None:
    content = batch_content(
        [
            Request("GET", "/api/data/v9.2/contacts", headers={"Accept": "application/json"}),
            Request("PATCH", "/api/data/v9.2/contacts(1)", {"city": "Zürich"}, {"If-Match": "*"}),
        ]
    )
    boundary = content.media_type.removeprefix('multipart/mixed; boundary="').removesuffix('"')
    assert content.data.decode().split("\r\n") == [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "GET /api/data/v9.2/contacts HTTP/1.1",
        "Accept: application/json",
        "",
        "",
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "PATCH /api/data/v9.2/contacts(1) HTTP/1.1",
        "Content-Type: application/json; charset=utf-8",
        "If-Match: *",
        "",
        '{"city":"Zürich"}',
        f"--{boundary}--",
        "",
    ]


def test_answers_are_read_in_order_with_status_headers_and_body() -> None:
    done, row, refused = _read(_WHOLE)
    assert done == Answer(204, {"odata-entityid": "https://org.crm.dynamics.com/api/data/v9.2/contacts(1)"})
    assert row == Answer(200, {"content-type": "application/json"}, {"firstname": "Zoë", "list": [1, 2]})
    assert refused == Answer(404, {"req_id": "7"}, {"error": {"code": "0x80040217", "message": "gone"}})


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        pytest.param(_WHOLE.replace("\r\n", "\n"), _TYPE, id="bare line feeds"),
        pytest.param(f"This is a preamble.\r\n\r\n{_WHOLE}An epilogue.", _TYPE, id="preamble and epilogue"),
        pytest.param(_WHOLE.replace("--b\r\n", "--b  \t\r\n"), _TYPE, id="blanks after a boundary"),
        pytest.param(_WHOLE.removesuffix("\r\n"), _TYPE, id="no line end at the end"),
        pytest.param(_WHOLE, 'Multipart/Mixed;  charset=utf-8; Boundary="b"', id="quoted boundary, other case"),
        pytest.param(_WHOLE, 'multipart/mixed;\r\n boundary="b"', id="folded content type"),
        pytest.param(_WHOLE.replace("Content-Type: application", "content-type:application"), _TYPE, id="other case"),
        pytest.param(_WHOLE.replace("HTTP/1.1", "HTTP/2 "), _TYPE, id="other version"),
        pytest.param(_WHOLE.replace(_HEAD, "\r\n"), _TYPE, id="no headers on the parts"),
        pytest.param(_WHOLE.replace(_HEAD, _HEAD + "\r\n"), _TYPE, id="blank line before the status"),
        pytest.param(_WHOLE.replace("REQ_ID: 7", "REQ_ID:\r\n\t7"), _TYPE, id="folded inner header"),
        pytest.param(_WHOLE.replace(" No Content", "").replace(" Not Found", ""), _TYPE, id="no reasons"),
    ],
)
def test_odd_but_legal_forms_read_the_same(text: str, content_type: str) -> None:
    assert _read(text, content_type) == _read(_WHOLE)


def test_answers_inside_a_change_set_keep_their_place() -> None:
    nested = f"--c\r\n{_HEAD}{_DONE}\r\n--c\r\n{_HEAD}{_DONE}\r\n--c--\r\n"
    text = f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{nested}\r\n--b\r\n{_HEAD}{_REFUSED}\r\n--b--"
    assert _statuses(text) == [204, 204, 404]


def test_pretty_printed_json_with_blank_lines_is_one_body() -> None:
    body = json.dumps({"a": 1, "text": "--b"}, indent=2).replace("\n", "\r\n\r\n")
    (answer,) = _read(f"--b\r\n{_HEAD}HTTP/1.1 200 OK\r\n\r\n{body}\r\n--b--\r\n")
    assert answer == Answer(200, {}, {"a": 1, "text": "--b"})


def test_page_instead_of_json_is_a_refusal_without_a_body() -> None:
    assert _read(f"--b\r\n{_HEAD}HTTP/1.1 502 Bad\r\n\r\n<h1>502</h1>\r\n--b--") == [Answer(502, {})]


@pytest.mark.parametrize(
    "inner",
    [
        "not http at all",
        'HTTP/1.1 200 OK\r\n\r\n{"firstname":"Zo',
        "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{}",
        "HTTP/1.1 OK\r\n\r\n{}",
    ],
)
def test_part_that_is_not_whole_is_no_answer_and_leaves_its_place(inner: str) -> None:
    assert _statuses(f"--b\r\n{_HEAD}{inner}\r\n--b\r\n{_HEAD}{_DONE}\r\n--b--\r\n") == [None, 204]


@pytest.mark.parametrize("content_type", ["application/json", "", "multipart/mixed", "text/plain; boundary=b"])
def test_what_is_no_batch_is_told_as_such(content_type: str) -> None:
    assert batch_answers(content_type, _WHOLE.encode()) is None


@given(st.integers(0, len(_WHOLE.encode()) - 1))
def test_answer_cut_anywhere_gives_only_what_surely_arrived(end: int) -> None:
    cut = batch_answers(_TYPE, _WHOLE.encode()[:end])
    whole = _read(_WHOLE)
    assert cut is not None
    sure = [answer for answer in cut if answer is not None]
    assert sure == whole[: len(sure)]
    assert cut[: len(sure)] == sure
    assert len(cut) - len(sure) <= 1


@given(content=st.binary(max_size=300), boundary=st.text('ab"; =', max_size=5))
def test_no_bytes_whatsoever_crash_the_reader(content: bytes, boundary: str) -> None:
    batch_answers(f"multipart/mixed; boundary={boundary}", content)
    batch_answers(_TYPE, b"--b\r\n" + content + b"\r\n--b--")


@given(st.dictionaries(st.text(), st.text() | st.none(), max_size=4))
def test_any_json_survives_the_way_there_and_back(body: dict[str, Any]) -> None:
    printed = json.dumps(body, ensure_ascii=False)
    try:
        sent = f"--b\r\n{_HEAD}HTTP/1.1 200 OK\r\n\r\n{printed}\r\n--b--".encode()
    except UnicodeEncodeError:
        return
    (answer,) = batch_answers(_TYPE, sent) or [None]
    assert answer is not None
    assert answer.body == body

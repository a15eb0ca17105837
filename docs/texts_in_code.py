"""Find the texts that people read, where they stand in the code: in pages, in templates, and below the pages.

Pages and templates mark theirs: `_("…")` and `ngettext("…", "…", n)`. Below the pages nothing is marked, because
nothing there knows of languages: every sentence in those rooms is a text for people unless it is plainly something else
(a log line, a query, a message for programmers). An f-string counts with its values as holes, as the pages recognise it
again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jinja2

from flask_crm_sync.crm.base import Adapter, VendorError
from flask_crm_sync.crm.registry import adapters
from flask_crm_sync.phrases import CONTEXT
from flask_crm_sync.resources import templates_directory

PACKAGE = Path(__file__).resolve().parent.parent / "flask_crm_sync"
_MARKED = ("web", "notifications")
_BELOW = ("crm", "sync", "credentials", "qualification", "notifications", "errors.py", "vault.py")
_MARKS = {"_", "gettext", "text"}
_PLURAL = "ngettext"
_ENGINEERS = {"ValueError", "TypeError", "RuntimeError", "AssertionError", "KeyError", "LookupError"}
_ENGINEERS |= {"ConfigurationError", "compile", "TypeVar", "literal_column", "getLogger", "VendorError"}
_ENGINEERS |= {"debug", "info", "warning", "error", "critical", "exception", "log"}  # of a logger
_WIRE = {"soql.py", "multipart.py", "markup.py", "tasktext.py", "notebody.py", "spelling.py", "numbers.py"}
_WIRE |= {"masking.py", "own_details.py", "transcript.py"}  # for models to read
_WIRE |= {"prompt.py", "described.py", "instructions.py"}
_WIRE |= {"template_words.py"}  # what others say
_WIRE |= {"follow_up_notes.py"}  # for people in the CRM
_WIRE_WORDS = re.compile(
    r"\(\?|flask crm |SELECT|DELETE |[<>]\w|\$|;\s*\w+=|IsConverted|Bearer|application/|https?:|statecode"
    r"|^ref: |offline_access|SystemModstamp|REQUEST_LIMIT|^api refresh|[Hh]elpdesk('s| sync| client key)"
)
_HOLE = re.compile(r"%\(\w+\)s")
_TWO_WORDS = re.compile(
    r"[A-Za-z]{2}.*\s.*[A-Za-z]{2}|[A-Za-z]{2,}\s+\S|\S\s+[A-Za-z]{2,}|^[A-Z][a-z]+: ·\.$", re.DOTALL
)
"""Two words, or a single one before a list, as in "Said: ·."."""
_PLUMBING = {"join", "str", "len", "or", "get"}
_SINGLE = {"Finding": 1, "AuthMethod": 1, "FieldSpec": 2}
"""Calls that take a text which may be one word, and where it stands."""


class Text(NamedTuple):
    """One text, its plural if it has one, its context, and the file in which it stands."""

    text: str
    plural: str = ""
    context: str = ""
    place: str = ""


def page_texts() -> Iterator[Text]:
    """Yield what pages, notifications and templates mark."""
    for folder in _MARKED:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            yield from _marked_in_python(ast.parse(path.read_text("utf-8")), _place(path))
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=True)
    for path in sorted(templates_directory().rglob("*.html")):
        yield from _marked_in_template(environment.parse(path.read_text("utf-8")), f"templates/{path.name}")


def said_texts() -> Iterator[Text]:
    """Yield what the engine and the adapters say."""
    for name in _BELOW:
        found = PACKAGE / name
        for path in sorted(found.rglob("*.py")) if found.is_dir() else [found]:
            if path.name not in _WIRE and not path.match("crm/*/refusals.py"):  # those are the adapters' tables
                yield from _Below(ast.parse(path.read_text("utf-8")), _place(path)).texts()
    for adapter in adapters().values():
        if adapter.__module__.startswith("flask_crm_sync."):
            yield from _of_adapter(adapter)


def _place(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def _marked_in_python(tree: ast.AST, place: str) -> Iterator[Text]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            yield from _marked(node.func.id, given, place)


def _marked_in_template(tree: jinja2.nodes.Template, place: str) -> Iterator[Text]:
    for node in tree.find_all(jinja2.nodes.Call):
        called = node.node
        name = called.name if isinstance(called, jinja2.nodes.Name) else getattr(called, "attr", "")
        given = [one.value for one in node.args if isinstance(one, jinja2.nodes.Const) and isinstance(one.value, str)]
        yield from _marked(name, given, place)


def _marked(name: str, given: list[str], place: str) -> Iterator[Text]:
    if name in _MARKS and given:
        yield Text(given[0], place=place)
    elif name == _PLURAL and len(given) == 2:
        yield Text(given[0], given[1], place=place)


class _Below:
    """The texts of one module that marks none."""

    def __init__(self, tree: ast.Module, place: str) -> None:
        self._tree, self._place = tree, place
        self._constants = dict(_constants(tree))

    def texts(self) -> Iterator[Text]:
        left_out = set(_left_out(self._tree))
        for node in ast.walk(self._tree):
            if node in left_out:
                continue
            if isinstance(node, ast.Call):
                yield from self._single(node)
            text = self._text(node)
            if text and _is_prose(text):
                yield Text(text, context=CONTEXT if _HOLE.search(text) else "", place=self._place)

    def _single(self, node: ast.Call) -> Iterator[Text]:
        place = _SINGLE.get(getattr(node.func, "id", ""), len(node.args))
        if place < len(node.args) and (text := self._text(node.args[place])) and not _HOLE.search(text):
            yield Text(text, place=self._place)

    def _text(self, node: ast.AST) -> str:
        """Return a literal as a text with holes, "" for anything else."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if not isinstance(node, ast.JoinedStr):
            return ""
        names: dict[str, str] = {}
        return "".join(self._part(part, names) for part in node.values)

    def _part(self, part: ast.expr, names: dict[str, str]) -> str:
        if isinstance(part, ast.Constant):
            return str(part.value).replace("%", "%%")
        value = part.value if isinstance(part, ast.FormattedValue) else part
        if isinstance(value, ast.Name) and value.id in self._constants:
            return self._constants[value.id].replace("%", "%%")
        return f"%({_hole(value, names)})s"


def _hole(value: ast.expr, names: dict[str, str]) -> str:
    """Return the name of a value's hole; another value of the same name gets a number behind it."""
    source = ast.unparse(value)
    if source not in names:
        words = [
            word for word in re.findall(r"[A-Za-z_]\w*", source) if word not in {"join", "str", "len", "or", "get"}
        ]
        wanted = words[-1].strip("_").lower() if words else "value"
        taken = list(names.values())
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}{number}", number + 1
        names[source] = name
    return names[source]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def _left_out(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what is no text for people: docstrings, what engineers and machines read, and the insides of f-strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from (inner for part in node.values for inner in ast.walk(part))
        elif isinstance(node, ast.Call) and _called(node) in _ENGINEERS | _MARKS | {_PLURAL}:  # marked: found already
            yield from (inner for inner in ast.walk(node))


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _is_prose(text: str) -> bool:
    words = _HOLE.sub("·", text)
    return bool(_TWO_WORDS.search(words)) and not _WIRE_WORDS.search(text) and text[0] not in " \n,"


def _of_adapter(adapter: type[Adapter]) -> Iterator[Text]:
    """Yield the names of an adapter's fields, and those refusals that are told in words."""
    place = _place(PACKAGE / "crm" / adapter.name)
    for field in adapter.fields:
        yield Text(field.label, place=place)
    for way in adapter.auth_methods:
        for shown in (way.label, *(text for field in way.fields for text in (field.label, field.help))):
            yield Text(shown, place=place)
    for entry in adapter.vendor_errors:
        if adapter.name == "salesforce" or _is_of_sign_in(entry):
            yield Text(_sentence(entry), place=place)


def _is_of_sign_in(entry: VendorError) -> bool:
    return entry.code.isdigit() or (entry.code.islower() and " " not in entry.code) or entry.code.startswith("BAD_")


def _sentence(entry: VendorError) -> str:
    """Return a refusal as `credentials.token_answer` says it."""
    words = f"{entry.means}: {entry.then}" if entry.then and entry.code.isdigit() else entry.means
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."

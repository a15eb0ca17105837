"""Templates of one value, such as `{{ client.first_name | title }}`: Jinja's language, held to what cannot do harm.

What is allowed is counted up, node by node, before anything is compiled: text, attributes of the client, conditions and
the filters below. There is nothing that repeats, calls, includes or computes, so that a template's time is bounded by
its length; each filter's result is bounded too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ...errors import CRMSyncError
from ...host.records import CLIENT_FIELDS, ClientRecord

LONGEST_TEMPLATE = 500
LONGEST_RESULT = 10_000
_MOST_NODES = 200
_MOST_TEXTS = 64
_CLIENT = (*CLIENT_FIELDS, "name", "tags", "custom")


class TemplateWrong(CRMSyncError):
    """A template that cannot be used, or that cannot be filled for a client; the text says why."""

    code = "template_wrong"
    says = "The template cannot be used like this."
    advice = "Correct it on the page of the field mapping; its examples show what is possible."


class Template:
    """A template that was found harmless. `render` fills it for a client."""

    def __init__(self, text: str, compiled: jinja2.Template) -> None:
        self.text, self._compiled = text, compiled

    def render(self, client: ClientRecord) -> str:
        """Return the text for a client; raise TemplateWrong where an attribute is missing or the text is too long."""
        try:
            made = self._compiled.render(client=_seen(client))
        except jinja2.UndefinedError:
            raise TemplateWrong("The template asks for an attribute that this app does not have (any more).") from None
        except TemplateWrong:
            raise
        except Exception as error:  # whatever hostile texts bring Jinja to raise
            raise TemplateWrong(f"The template cannot be filled ({type(error).__name__}).") from error
        return _bounded(made).strip()


@lru_cache(maxsize=512)
def template(text: str) -> Template:
    """Return a template ready to be filled; raise TemplateWrong with what is wrong with it."""
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateWrong(f"A template has up to {LONGEST_TEMPLATE} characters; this one has {len(text):,}.")
    try:
        tree = _ENVIRONMENT.parse(text)
        _check(tree)
        return Template(text, _ENVIRONMENT.from_string(text))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateWrong(f"The template cannot be read: {error.message}") from None
    except TemplateWrong:
        raise
    except Exception as error:  # a parser on hostile text: too deep, half a character
        raise TemplateWrong(f"The template cannot be read ({type(error).__name__}).") from error


def check_template(text: str, custom: Collection[str]) -> None:
    """Refuse a template that asks for an attribute that the host has not; raise TemplateWrong, as `template` does."""
    template(text)
    for name in _custom_names(_ENVIRONMENT.parse(text)):
        if name not in custom:
            there = ", ".join(sorted(custom)) or "none"
            raise TemplateWrong(f"This app has no custom attribute “{name}”. There are: {there}.")


def fixed_texts(text: str) -> frozenset[str]:
    """Return every text that a template can come to, where clients decide between texts at most; else none.

    Raises TemplateWrong, as `template` does.
    """
    template(text)
    return frozenset(made.strip() for made in _texts_of(_ENVIRONMENT.parse(text).body) or ())


def _texts_of(body: Sequence[nodes.Node]) -> set[str] | None:
    """Return what a part can come to, None where it prints what a client has, or there is no end of it."""
    found = {""}
    for node in body:
        parts = _options(node)
        found = {before + part for before in found for part in parts or ()}
        if parts is None or len(found) > _MOST_TEXTS:
            return None
    return found


def _options(node: nodes.Node) -> set[str] | None:
    if isinstance(node, nodes.TemplateData):
        return {node.data}
    if isinstance(node, nodes.Const):
        return {_text(node.value)}
    if isinstance(node, nodes.Output):
        return _texts_of(node.nodes)
    if isinstance(node, nodes.If):
        branches = [_texts_of(body) for body in (node.body, *(one.body for one in node.elif_), node.else_)]
        return None if None in branches else {text for branch in branches for text in branch or ()}
    return None


def _seen(client: ClientRecord) -> SimpleNamespace:
    values: dict[str, Any] = {name: getattr(client, name) for name in CLIENT_FIELDS}
    return SimpleNamespace(**values, name=client.full_name, tags=client.tags, custom=SimpleNamespace(**client.custom))


_ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Filter),
    *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat),
)
_COMPARED = {"eq", "ne", "in", "notin"}


def _check(tree: nodes.Template) -> None:
    found = list(_all(tree))
    if len(found) > _MOST_NODES:
        raise TemplateWrong("The template does too much; split it into several fields.")
    for node in found:
        if not isinstance(node, _ALLOWED):
            word = type(node).__name__
            raise TemplateWrong(f"A template cannot use “{word}”: there are attributes, filters and conditions only.")
        _check_node(node)


def _check_node(node: nodes.Node) -> None:
    if isinstance(node, nodes.Name) and node.name != "client":
        raise TemplateWrong(f"There is no “{node.name}” in a template; what is known is client, as in client.email.")
    if isinstance(node, nodes.Getattr):
        _check_attribute(node)
    if isinstance(node, nodes.Filter):
        if node.node is None or node.name not in FILTERS:
            there = ", ".join(sorted(FILTERS))
            raise TemplateWrong(f"There is no filter “{node.name}”. There are: {there}.")
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise TemplateWrong(f"The filter “{node.name}” takes plain values only.")
    if isinstance(node, nodes.Operand) and node.op not in _COMPARED:
        raise TemplateWrong("Values can be compared with ==, != and in.")


def _check_attribute(node: nodes.Getattr) -> None:
    inner = node.node
    if isinstance(inner, nodes.Name):
        if node.attr not in _CLIENT:
            there = ", ".join(_CLIENT)
            raise TemplateWrong(f"A client has no “{node.attr}”. It has: {there}.")
        return
    is_custom = isinstance(inner, nodes.Getattr) and isinstance(inner.node, nodes.Name) and inner.attr == "custom"
    if not is_custom or node.attr.startswith("_"):
        raise TemplateWrong(f"“{node.attr}” cannot be asked for there.")


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _custom_names(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Getattr):
            yield node.attr


def _bounded(text: str) -> str:
    if len(text) > LONGEST_RESULT:
        raise TemplateWrong(f"The template makes a text of more than {LONGEST_RESULT:,} characters.")
    return text


def _text(value: Any) -> str:
    """Return what a value reads like in a template: tags with commas, what is nothing as a blank."""
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SimpleNamespace):
        raise TemplateWrong("Name an attribute, as in client.email.")
    return "" if value is None else str(value)


def _of_text(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: _bounded(change(_text(value)))


def _default(value: Any, instead: Any = "") -> str:
    return _text(value) if _text(value).strip() else _text(instead)


def _replace(value: Any, old: Any = "", new: Any = "") -> str:
    text, old, new = _text(value), _text(old), _text(new)
    if not old:
        raise TemplateWrong("The filter “replace” needs a text to replace.")
    if len(text) + text.count(old) * max(0, len(new) - len(old)) > LONGEST_RESULT:
        _bounded("x" * (LONGEST_RESULT + 1))
    return text.replace(old, new)


def _truncate(value: Any, length: Any = 255) -> str:
    if not isinstance(length, int) or isinstance(length, bool) or not 0 < length <= LONGEST_RESULT:
        raise TemplateWrong("The filter “truncate” needs a number of characters.")
    return _text(value)[:length].rstrip()


def _join(value: Any, between: Any = ", ") -> str:
    parts = value if isinstance(value, tuple) else (_text(value),)
    glue = _text(between)
    if sum(map(len, parts)) + len(glue) * len(parts) > LONGEST_RESULT:
        _bounded("x" * (LONGEST_RESULT + 1))
    return glue.join(parts)


def _first(value: Any) -> str:
    parts = value if isinstance(value, tuple) else tuple(_text(value).split())
    return parts[0] if parts else ""


def _last(value: Any) -> str:
    parts = value if isinstance(value, tuple) else tuple(_text(value).split())
    return parts[-1] if parts else ""


def _titled(text: str) -> str:
    """Begin each word with a capital and leave the rest of it, unless all of it is capitals ("O'Neil" stays)."""
    return " ".join(word[:1].upper() + (word[1:].lower() if word.isupper() else word[1:]) for word in text.split(" "))


FILTERS: Mapping[str, Callable[..., str]] = {
    "title": _of_text(_titled),
    "upper": _of_text(str.upper),
    "lower": _of_text(str.lower),
    "capitalize": _of_text(str.capitalize),
    "trim": _of_text(str.strip),
    "default": _default,
    "replace": _replace,
    "truncate": _truncate,
    "join": _join,
    "first": _first,
    "last": _last,
}
"""What a template may do with a value: the word of a name's beginning or end, letters, blanks, length."""


class _Environment(ImmutableSandboxedEnvironment):
    def __init__(self) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, autoescape=False, finalize=_text, optimized=False)
        self.filters = dict(FILTERS)
        self.tests = {}
        self.globals = {}


_ENVIRONMENT = _Environment()

"""The group of commands: how they find the app's sync, and how what goes wrong is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from ..errors import CredentialsIncomplete, CRMError, CRMSyncError, TransientCRMError, UnsupportedFeature
from ..jobs.running import Running, running_of
from ..sync.refusals import OtherRemoteAccount

_AS_JSON = "flask_crm_sync.as_json"
_ADVICE: Mapping[type[CRMSyncError], str] = {
    OtherRemoteAccount: "Use credentials of the same account, or say --replace to move to the other one.",
    TransientCRMError: "Run the command again in a while. If it stays, check the network and the CRM's status page.",
    CredentialsIncomplete: "Correct it, then run the command again.",
    UnsupportedFeature: "Name one that there is; --help shows what the command takes.",
}
"""What to do now where a person, who is not a worker, asked for it."""
Command = TypeVar("Command", bound=Callable[..., Any])


class Failure(click.ClickException):
    """What went wrong: a code for machines, a sentence, what to do next. Ends the command with exit code 1."""

    def __init__(self, code: str, says: str, advice: str = "", *, as_json: bool = False, **more: Any) -> None:
        super().__init__(f"{says} {advice}".strip())
        self.code, self.says, self.advice, self.as_json, self.more = code, says, advice, as_json, more

    def show(self, file: Any = None) -> None:
        """Print the failure, as one JSON object where that was asked for."""
        if self.as_json:
            error = {"code": self.code, "message": self.says, "advice": self.advice}
            print_json({"ok": False, "error": error, **self.more})
        else:
            click.echo(f"Error ({self.code}): {self.message}", file=file, err=file is None)


class _Group(AppGroup):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn every error of ours, and of the database, into one that explains itself."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            failure.as_json = _wants_json(ctx)
            raise
        except CRMSyncError as error:
            raise _explained(error, as_json=_wants_json(ctx)) from None
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", None) or error).splitlines()[0]
            advice = "Check that it is running and that the app's address of it is right."
            raise Failure("database", f"The database answered: {words}.", advice, as_json=_wants_json(ctx)) from None


crm_commands = _Group("crm", help="Keep clients and conversations in step with the accounts' CRMs.")


def json_option(command: Command) -> Command:
    """Add `--json` to a command, as its argument `as_json`; failures then come as JSON too."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
        ctx.meta[_AS_JSON] = value
        return value

    text = "Print one JSON object."
    return click.option("--json", "as_json", is_flag=True, callback=remember, is_eager=True, help=text)(command)


def here() -> Running:
    """Return what the current app runs with; fail where its tables are not there yet."""
    running = running_of(current_app)
    if not running.sync.database.is_ready():
        raise Failure("not_upgraded", "The tables are not there yet.", "Run `flask crm upgrade` first.")
    return running


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON object on a line."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def words_of(error: CRMSyncError) -> str:
    """Return an error's sentence, with the CRM's own words behind it."""
    own = error.crm_message if isinstance(error, CRMError) else ""
    return f"{error} The CRM says: {own}" if own else str(error)


def _explained(error: CRMSyncError, *, as_json: bool) -> Failure:
    advice = next((words for kind, words in _ADVICE.items() if isinstance(error, kind)), error.advice)
    return Failure(error.code, words_of(error), advice, as_json=as_json)


def _wants_json(ctx: click.Context) -> bool:
    return bool(ctx.meta.get(_AS_JSON))

"""The helpdesk's forms; Flask-WTF gives each its CSRF token."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField, TelField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length, Optional, Regexp

from .places import COUNTRY_NAMES

AN_EMAIL = Regexp(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", message="That does not look like an e-mail address.")
LONGEST_MESSAGE = 10_000  # characters


def trimmed(value: Any) -> Any:
    """Return the text without spaces around it or NULs in it (databases refuse those), and None for an empty one."""
    return (value.replace("\0", "").strip() or None) if isinstance(value, str) else value


def text_field(label: str, longest: int, **options: Any) -> StringField:
    """Return an optional one-line field that keeps its column's length."""
    return StringField(label, filters=[trimmed], validators=[Optional(), Length(max=longest)], render_kw=options)


class LoginForm(FlaskForm):
    """Who are you?"""

    email = EmailField("E-mail", validators=[DataRequired()], render_kw={"autocomplete": "username"})
    password = PasswordField("Password", validators=[DataRequired()], render_kw={"autocomplete": "current-password"})


class ClientForm(FlaskForm):
    """A client's details."""

    first_name = text_field("First name", 100)
    last_name = text_field("Last name", 100)
    email = EmailField("E-mail", filters=[trimmed], validators=[Optional(), AN_EMAIL, Length(max=254)])
    phone = TelField("Phone", filters=[trimmed], validators=[Optional(), Length(max=40)])
    company = text_field("Company", 120)
    street = text_field("Street", 200)
    city = text_field("City", 100)
    state = text_field("State or region", 100)
    zip = text_field("Postal code", 20)
    country = StringField(
        "Country", filters=[trimmed], validators=[Optional(), AnyOf(COUNTRY_NAMES, message="Choose one of the list.")]
    )
    is_sensitive = BooleanField("Sensitive: never share this client's details with other systems")


class ReplyForm(FlaskForm):
    """An agent's answer."""

    text = TextAreaField("Your reply", filters=[trimmed], validators=[DataRequired(), Length(max=LONGEST_MESSAGE)])


class CloseForm(FlaskForm):
    """What is kept of a conversation when it closes."""

    summary = TextAreaField("Summary (optional)", filters=[trimmed], validators=[Optional(), Length(max=2000)])


class ChatForm(FlaskForm):
    """A visitor's first message."""

    name = StringField(
        "Your name",
        filters=[trimmed],
        validators=[DataRequired(), Length(max=100)],
        render_kw={"autocomplete": "name"},
    )
    email = EmailField(
        "Your e-mail",
        filters=[trimmed],
        validators=[DataRequired(), AN_EMAIL, Length(max=254)],
        render_kw={"autocomplete": "email"},
    )
    text = TextAreaField(
        "How can we help?", filters=[trimmed], validators=[DataRequired(), Length(max=LONGEST_MESSAGE)]
    )


class ChatMessageForm(FlaskForm):
    """A visitor's further message."""

    text = TextAreaField("Your message", filters=[trimmed], validators=[DataRequired(), Length(max=LONGEST_MESSAGE)])

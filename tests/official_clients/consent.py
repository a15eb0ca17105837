"""A person at a consent page: they look at it, press its button, and are sent back with a code."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

import requests


def agree(page: str, ca_file: str, *, decision: str = "grant") -> str:
    """Open a consent page, send its form as it stands, and return the address that the app is called back at."""
    with requests.Session() as browser:
        browser.verify = ca_file
        shown = browser.get(page, timeout=10)
        assert shown.status_code == 200, shown.text
        form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', shown.text, re.DOTALL)
        assert form is not None, shown.text
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[2]))
        fields |= dict(re.findall(r'<select[^>]*name="([^"]+)"[^>]*>\s*<option value="([^"]*)"', form[2]))
        data = {name: unescape(value) for name, value in {**fields, "decision": decision}.items()}
        answer = browser.post(urljoin(page, unescape(form[1])), data=data, timeout=10, allow_redirects=False)
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["Location"]

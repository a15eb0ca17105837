"""PNG files made small, and with a text inside: what a page said goes wherever its picture goes.

PNG specification, third edition: 5.3 "Chunk layout", 9 "Filtering", 11.2.2 "PLTE", 11.3.3.4 "iTXt".
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
_KEYWORD = b"Description"
_TEXT = _KEYWORD + b"\0" + b"\1\0" + b"\0" + b"\0"
"""The keyword; compressed, by zlib; no language, no translated keyword."""
_DEPTH, _RGB, _PALETTE = 8, 2, 3

Colour = tuple[int, ...]


def small_with_text(png: bytes, text: str) -> bytes:
    """Return a picture in at most 256 colours with a text in it; raise ValueError for any but 8-bit RGB."""
    chunks = _chunks(png)
    width, height, depth, colours = struct.unpack(">IIBB", chunks[0][1][:10])
    if (depth, colours) != (_DEPTH, _RGB):
        raise ValueError("this is no PNG file with 8 bits each of red, green and blue")
    rows = _rows(zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT")), width)
    palette, numbered = _numbered(rows)
    packed = b"".join(b"\0" + row for row in numbered)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, _DEPTH, _PALETTE, 0, 0, 0)),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"iTXt", _TEXT + zlib.compress(text.encode(), 9)),
        (b"IDAT", zlib.compress(packed, 9)),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def text_in(png: bytes) -> str:
    """Return the text in a picture, "" where there is none; raise ValueError for what is no PNG."""
    for kind, data in _chunks(png):
        if kind == b"iTXt" and data.startswith(_TEXT):
            return zlib.decompress(data.removeprefix(_TEXT)).decode()
    return ""


def _numbered(rows: list[bytes]) -> tuple[list[Colour], list[bytes]]:
    """Return at most 256 colours, and the rows as their numbers; any other colour becomes the nearest of them."""
    pixels = [list(zip(row[::3], row[1::3], row[2::3], strict=True)) for row in rows]
    found = Counter(pixel for row in pixels for pixel in row)
    palette = _chosen([colour for colour, _ in found.most_common()])
    number = {colour: at for at, colour in enumerate(palette)}
    for colour in found.keys() - number.keys():
        number[colour] = number[min(palette, key=lambda near: _apart(near, colour))]
    return palette, [bytes(map(number.__getitem__, row)) for row in pixels]


def _chosen(frequent: list[Colour]) -> list[Colour]:
    """Return the most frequent colour of each shade, so that a small red dot stays red, then what else there is."""
    shades: dict[Colour, Colour] = {}
    for colour in frequent:
        shades.setdefault(tuple(part >> 4 for part in colour), colour)
    first = dict.fromkeys([*shades.values()][:COLOURS])
    return [*dict.fromkeys([*first, *frequent])][:COLOURS]


def _apart(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _rows(filtered: bytes, width: int) -> list[bytes]:
    """Undo the filter of each row: every byte was written as its difference to what its neighbours foretell."""
    length, rows, above = 3 * width, [], bytes(3 * width)
    for start in range(0, len(filtered), length + 1):
        kind, row = filtered[start], bytearray(filtered[start + 1 : start + 1 + length])
        for at in range(length):
            left, corner = (row[at - 3], above[at - 3]) if at >= 3 else (0, 0)
            row[at] = (row[at] + _foretold(kind, left, above[at], corner)) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def _foretold(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 4:  # Paeth: whichever neighbour is nearest to left + up - corner
        wanted = left + up - corner
        return min((left, up, corner), key=lambda near: abs(wanted - near))
    return (0, left, up, (left + up) // 2)[kind]


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    if not png.startswith(SIGNATURE):
        raise ValueError("this is no PNG file")
    found, at = [], len(SIGNATURE)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        found.append((kind, png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))

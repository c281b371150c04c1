"""Quantities: `500m`, `1Gi`, `1e3`. Read as exact whole numbers of a billionth, written the one way the API writes them."""

from __future__ import annotations

import re
from functools import lru_cache

NANO = 10**9
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(.*)", re.DOTALL)
ALLOWED = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
NOT_A_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class BadQuantity(ValueError):
    """The text is no quantity; the message is the API's."""


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[int, str]:
    """(billionths, rounded away from zero; how it is written: binary, decimal, e or E). Raises BadQuantity."""
    if not ALLOWED.fullmatch(text):
        raise BadQuantity(NOT_A_QUANTITY)
    sign, whole, part, suffix = SHAPE.fullmatch(text).groups(default="")  # type: ignore[union-attr]
    factor, exponent, style = 1, 0, "decimal"
    if suffix in BINARY:
        factor, style = 1024 ** BINARY[suffix], "binary"
    elif suffix in DECIMAL:
        exponent = DECIMAL[suffix]
    elif match := re.fullmatch(r"([eE])([+-]?[0-9]+)", suffix):
        style, exponent = match[1], int(match[2])
    else:
        raise BadQuantity("unable to parse quantity's suffix")
    value = int((whole + part) or "0") * factor
    shift = exponent - len(part) + 9
    nano = value * 10**shift if shift >= 0 else -(-value // 10**-shift)
    return (-nano if sign == "-" else nano), style


def nano(text: str | int | float) -> int:
    """A quantity in billionths, for comparing and adding. Raises BadQuantity."""
    return parse(str(text))[0]


def milli(text: str | int | float) -> int:
    """A quantity in thousandths, rounded up: cores as millicores. Raises BadQuantity."""
    return -(-nano(text) // 10**6)


def whole(text: str | int | float) -> int:
    """A quantity as a whole number, rounded up: bytes, counts. Raises BadQuantity."""
    return -(-nano(text) // NANO)


@lru_cache(maxsize=4096)
def canonical(text: str, step: int = 1) -> str:
    """The API's own way to write this quantity: no fraction, the largest suffix that fits; rounded up to `step` billionths.

    Raises BadQuantity."""
    nano, style = parse(text)
    return write(-(-nano // step) * step, style)


def write(nano: int, style: str = "decimal") -> str:
    if nano == 0:
        return "0"
    if style == "binary" and abs(nano) >= 1024 * NANO and nano % NANO == 0:
        value, power = nano // NANO, 0
        while value % 1024 == 0 and power < 6:
            value, power = value // 1024, power + 1
        return f"{value}{['', *BINARY][power]}"
    exponent = -9
    while nano % 1000 == 0 and exponent < 18:
        nano, exponent = nano // 1000, exponent + 3
    if style in "eE":
        return f"{nano}{style}{exponent}" if exponent else str(nano)
    return f"{nano}{next(s for s, e in DECIMAL.items() if e == exponent)}"

"""The kinds of CPU work: each returns a unit, a call of about half a millisecond on one core.

A request's work is a number of units, so that the same configuration asks for the same amount of
work on every machine, and takes the time that the machine needs for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import zlib
from collections.abc import Callable

Unit = Callable[[], object]

_REVIEW = (
    "the parcel came late but the page was great and the sound of it clear a bad cable made"
    " one slow evening wonderful price poor box love return never again order track"
)
_WORDS = tuple(_REVIEW.split())
_SENTIMENT = {"great": 1, "clear": 1, "wonderful": 1, "love": 1, "bad": -1, "slow": -1, "poor": -1}


def _text(words: int) -> str:
    source = random.Random(words)
    return " ".join(source.choice(_WORDS) for _ in range(words))


def _hash() -> Unit:
    return lambda: hashlib.pbkdf2_hmac("sha256", b"card number", b"salt", 2500)


def _compress() -> Unit:
    page = _text(4500).encode()
    return lambda: zlib.compress(page, 6)


def _json() -> Unit:
    document = [
        {"id": number, "name": f"item {number}", "price": number * 1.1, "tags": ["new", "sale"]}
        for number in range(390)
    ]
    return lambda: json.loads(json.dumps(document))


def _base64() -> Unit:
    picture = bytes(range(256)) * 680
    return lambda: base64.b64decode(base64.b64encode(picture))


def _primes() -> Unit:
    def sieve() -> int:
        flags = bytearray([1]) * 100_000
        flags[:2] = bytes(2)
        for number in range(2, 317):
            if flags[number]:
                start = number * number
                flags[start::number] = bytes(len(range(start, 100_000, number)))
        return sum(flags)

    return sieve


def _sort() -> Unit:
    scores = [(number * 7919) % 10_007 / 3 for number in range(9000)]
    return lambda: sorted(scores, key=lambda score: -score)


def _regex() -> Unit:
    log, pattern = _text(4700), re.compile(r"\b(\w+) (great|bad) (\w+)")
    return lambda: pattern.findall(log)


def _words() -> Unit:
    reviews = _text(7000)
    return lambda: sum(_SENTIMENT.get(word, 0) for word in reviews.split())


KINDS: dict[str, Callable[[], Unit]] = {
    "base64": _base64,
    "compress": _compress,
    "hash": _hash,
    "json": _json,
    "primes": _primes,
    "regex": _regex,
    "sort": _sort,
    "words": _words,
}

"""The kinds of CPU work: each returns a unit, a call of about half a millisecond on one core.

A request's work is a number of units, so that the same configuration asks for the same amount of
work on every machine, and takes the time that the machine needs for it.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import json
import operator
import os
import random
import re
import string
import zlib
from collections import OrderedDict
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


def _matrix() -> Unit:
    rows = [[(7 * row + column) % 11 for column in range(30)] for row in range(30)]
    columns = list(zip(*rows, strict=True))
    return lambda: [[sum(map(operator.mul, row, column)) for column in columns] for row in rows]


def _image() -> Unit:
    width, height = 192, 128
    grey = bytes((x * y) % 256 for y in range(height) for x in range(width))

    def halved() -> bytes:
        small = bytearray()
        for top in range(0, height, 2):
            upper = grey[top * width : (top + 1) * width]
            lower = grey[(top + 1) * width : (top + 2) * width]
            pairs = zip(upper[::2], upper[1::2], lower[::2], lower[1::2], strict=True)
            small.extend([(a + b + c + d) // 4 for a, b, c, d in pairs])
        return bytes(small)

    return halved


def _template() -> Unit:
    row = string.Template("<tr><td>$number</td><td>$name</td><td>$price</td></tr>")
    goods = [{"number": n, "name": f"item {n}", "price": n * 1.1} for n in range(270)]
    return lambda: "".join(row.substitute(item) for item in goods)


def _cache() -> Unit:
    source = random.Random(1)
    keys = [int(source.paretovariate(1.1) * 8) for _ in range(9600)]

    def hits() -> int:
        held: OrderedDict[int, bool] = OrderedDict()
        found = 0
        for key in keys:
            if key in held:
                held.move_to_end(key)
                found += 1
            else:
                held[key] = True
                if len(held) > 100:
                    held.popitem(last=False)
        return found

    return hits


def _file() -> Unit:
    # In memory, because the root file system is read-only; through the kernel's file calls.
    file, page = os.memfd_create("page"), bytes(range(256)) * 1024

    def written_and_read() -> int:
        for _ in range(5):
            os.pwrite(file, page, 0)
            read = os.pread(file, len(page), 0)
        return zlib.crc32(read)

    return written_and_read


def _csv() -> Unit:
    import csv  # noqa: PLC0415 (only services that use it hold it in memory)

    lines = [f"{n},item {n},{n * 1.1:.2f},{n % 7}" for n in range(2700)]
    return lambda: sum(float(row[2]) for row in csv.reader(lines))


def _route() -> Unit:
    # A grid of 35 x 35 crossings: Dijkstra's shortest way from one corner to the other.
    side = 35
    cost = [(13 * n) % 9 + 1 for n in range(side * side)]

    def shortest() -> int:
        best, open_ = {0: 0}, [(0, 0)]
        while open_:
            spent, here = heapq.heappop(open_)
            if spent > best[here]:
                continue
            for there in (here + 1 if (here + 1) % side else -1, here + side):
                if 0 <= there < side * side:
                    total = spent + cost[there]
                    if total < best.get(there, total + 1):
                        best[there] = total
                        heapq.heappush(open_, (total, there))
        return best[side * side - 1]

    return shortest


def _query() -> Unit:
    import sqlite3  # noqa: PLC0415 (as above)

    database = sqlite3.connect(":memory:")
    database.execute("create table orders (id integer primary key, customer, amount)")
    rows = [(n, n % 97, n * 1.1) for n in range(4700)]
    database.executemany("insert into orders values (?, ?, ?)", rows)
    asked = "select customer, sum(amount) from orders group by customer order by 2 desc limit 10"
    return lambda: database.execute(asked).fetchall()


KINDS: dict[str, Callable[[], Unit]] = {
    "base64": _base64,
    "cache": _cache,
    "compress": _compress,
    "csv": _csv,
    "file": _file,
    "hash": _hash,
    "image": _image,
    "json": _json,
    "matrix": _matrix,
    "primes": _primes,
    "query": _query,
    "regex": _regex,
    "route": _route,
    "sort": _sort,
    "template": _template,
    "words": _words,
}
# Waits for others, without CPU; a name each, so that a composition says what it waits for.
WAITS = ("database", "network", "wait")

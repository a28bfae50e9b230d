"""What the project's Markdown pages show: fenced blocks, and the commands in those of shell."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
LOOKS_LIKE_A_COMMAND = re.compile(
    r"^\s*(?:aware|make|kubectl|git|pip|python3?(?:\.\d+)? -m) ", flags=re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language (empty where none is named) and its text."""

    page: str
    line: int
    language: str
    text: str

    def commands(self) -> Iterator[str]:
        """Yield one command at a time, continued lines joined, comments left out."""
        for line in self.text.replace("\\\n", " ").splitlines():
            command = re.sub(r"\s+#.*$", "", re.sub(r"^#.*$", "", line)).strip()
            if command:
                yield re.sub(r"\s+", " ", command)


def pages() -> list[str]:
    """Return the tracked Markdown pages, README.md first."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(listed.stdout.split(), key=lambda page: (page != "README.md", page))


def blocks(page: str) -> list[Block]:
    """Return the page's fenced blocks in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found.group(1), found.group(2))
        for found in FENCE.finditer(text)
    ]

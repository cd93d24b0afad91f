"""Take a picture of a command as a terminal shows it: run it on a real pseudo-terminal and write what came as SVG.

Usage: python docs/picture.py OUT.svg COLUMNS COMMAND [ARGUMENT]...
"""

from __future__ import annotations

import fcntl
import html
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

_LINE, _CHAR, _PAD = 20, 8.43, 16
_COLORS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "2": "#8b949e"}
_STYLE = re.compile(r"\x1b\[([0-9;]*)m")


def run(columns: int, command: list[str]) -> str:
    """Return what *command* writes to a terminal of *columns*."""
    pid, descriptor = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.environ |= {"COLUMNS": str(columns), "TERM": "xterm-256color"}
        os.execvp(command[0], command)
    chunks = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.waitpid(pid, 0)
    return b"".join(chunks).decode("utf-8").replace("\r\n", "\n")


def visible(text: str) -> str:
    """Return *text* as it stands at the end: a line that was drawn again keeps its last drawing only."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n"))


def spans(line: str) -> str:
    """Return one line as SVG spans."""
    parts, fill, weight, position, column = [], "", "", 0, 0
    for match in [*_STYLE.finditer(line), None]:
        text = line[position : match.start() if match else len(line)]
        if text:
            look = f' fill="{fill}"' if fill else ""
            # Viewers fold plain spaces, whatever white-space says.
            shown = html.escape(text).replace(" ", "\u00a0")
            parts.append(f'<tspan x="{_PAD + column * _CHAR:.2f}"{look}{weight}>{shown}</tspan>')
            column += len(text)
        if match:
            codes = match[1].split(";")
            fill = next((_COLORS[code] for code in codes if code in _COLORS), "")
            weight = ' font-weight="bold"' if "1" in codes else ""
            position = match.end()
    return "".join(parts)


def picture(title: str, text: str, columns: int) -> str:
    """Return *text* as an SVG picture of a terminal."""
    lines = [f"\x1b[2m$ {title}\x1b[0m", *text.rstrip("\n").split("\n")]
    width, height = columns * _CHAR + 2 * _PAD, len(lines) * _LINE + 2 * _PAD
    rows = "".join(
        f'<text xml:space="preserve" y="{_PAD + 15 + number * _LINE}">{spans(line)}</text>'
        for number, line in enumerate(lines)
    )
    style = "font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#e6edf3;white-space:pre"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img">'
        f"<title>{html.escape(title)}</title>"
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/><g style="{style}">{rows}</g></svg>\n'
    )


def main() -> None:
    """Take the picture that the command line asks for."""
    target, columns, *command = sys.argv[1:]
    text = visible(run(int(columns), command))
    title = " ".join(["git hybrid", *command[1:]] if command[0].endswith("git-hybrid") else command)
    Path(target).write_text(picture(title, text, int(columns)), encoding="utf-8")


main()

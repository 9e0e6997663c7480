"""A program with a clipboard, as a person at a display has one: Tk's, in a process of its own, so that it is nobody
else's code. `copy` puts text in and keeps it until it is killed, `paste` gives the text that is there."""

import subprocess
import sys

from farhand.kit.process import leash

_COPY = """
import sys, tkinter
root = tkinter.Tk()
root.withdraw()
root.clipboard_clear()
text = sys.stdin.read()
for kind in sys.argv[1:]:
    root.clipboard_append(text, type=kind)
if not sys.argv[1:]:
    root.clipboard_append(text)
root.update()
print("copied", flush=True)
root.mainloop()
"""
_PASTE = """
import sys, tkinter
root = tkinter.Tk()
root.withdraw()
try:
    found = root.clipboard_get(type=sys.argv[1])
    if sys.argv[1] != "UTF8_STRING":  # Tk gives bytes of types that it does not know as hexadecimal numbers
        found = bytes(int(number, 16) for number in found.split()).decode()
    sys.stdout.write(found)
except tkinter.TclError:
    pass
"""


def _run(program: str, display: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env={"DISPLAY": display, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=leash(),
    )


def copy(display: str, text: str, *kinds: str) -> subprocess.Popen[str]:
    """Copy text, or the same bytes as these types; returns the program that holds it once it does."""
    process = _run(_COPY, display, *kinds)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text)
    process.stdin.close()
    assert process.stdout.readline() == "copied\n"
    return process


def paste(display: str, kind: str = "UTF8_STRING") -> str:
    """The text in the clipboard, or what it holds as another type; "" when it holds none."""
    process = _run(_PASTE, display, kind)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    with process.stdout as out:
        data: bytes = out.buffer.read()  # type: ignore[attr-defined]  # line ends are content
    process.wait(60)
    return data.decode()


_FIELD = """
import os, sys, tkinter
root = tkinter.Tk()
root.title("Field")
root.geometry("400x120+40+620")
text = tkinter.Text(root)
text.pack()

def write(_event):
    with open(sys.argv[1] + ".part", "w", encoding="utf-8") as file:
        file.write(text.get("1.0", "end-1c"))
    os.replace(sys.argv[1] + ".part", sys.argv[1])

text.bind("<KeyRelease>", write)
root.update()
text.focus_force()
while root.focus_get() is None or root.focus_displayof() is None:
    root.update()
root.update()
print("ready", flush=True)
root.mainloop()
"""


def text_field(display: str, path: str) -> subprocess.Popen[str]:
    """A window at (40, 620) with a text field that has the focus; what is typed lands in the file at `path`."""
    process = _run(_FIELD, display, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process

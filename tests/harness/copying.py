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
root.clipboard_append(sys.stdin.read())
root.update()
print("copied", flush=True)
root.mainloop()
"""
_PASTE = """
import sys, tkinter
root = tkinter.Tk()
root.withdraw()
try:
    sys.stdout.write(root.clipboard_get(type="UTF8_STRING"))
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


def copy(display: str, text: str) -> subprocess.Popen[str]:
    """Copy text; returns the program that holds it once it does."""
    process = _run(_COPY, display)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text)
    process.stdin.close()
    assert process.stdout.readline() == "copied\n"
    return process


def paste(display: str) -> str:
    """The text in the clipboard, "" when it holds none."""
    process = _run(_PASTE, display)
    return process.communicate(timeout=60)[0]


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

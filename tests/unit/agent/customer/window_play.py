"""Plays a customer in the real window, prints what was seen as JSON. Its own program: Tk dies with its display."""

import asyncio
import json
import sys
import threading
import tkinter

from farhand.agent.core.tools import Question
from farhand.agent.customer.ui import Actions, HelpOffer, Line
from farhand.agent.customer.window import open_window


def widgets(root: object, kind: type) -> list:
    found = []
    for child in root.winfo_children():
        found += [child] if isinstance(child, kind) else []
        found += widgets(child, kind)
    return found


def press(root: object, text: str) -> None:
    next(button for button in widgets(root, tkinter.Button) if button["text"] == text).invoke()


def main(display: str) -> None:
    window = open_window(display)
    root = window._root
    said: list[str] = []
    seen: dict[str, object] = {}

    def in_tk(name: str, function: object) -> None:
        done = threading.Event()

        def call() -> None:
            seen[name] = function()
            done.set()

        window._call(call)
        assert done.wait(60)

    async def play() -> None:
        start = asyncio.ensure_future(window.ask_start(HelpOffer("Rep \x1b", "Desk", "https://x")))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(in_tk, "labels", lambda: [label["text"] for label in widgets(root, tkinter.Label)])
        await asyncio.to_thread(in_tk, "accept", lambda: press(root, "Accept"))
        seen["start"] = await asyncio.wait_for(start, 60)
        window.bind(Actions(chat=said.append, end=lambda: said.append("/ended")))
        window.show_state("Rep is with you.")
        window.show_line(Line(1_700_000_000_000, "Rep", "hello"))
        question = asyncio.ensure_future(window.ask_tool(Question("control", "Rep")))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(in_tk, "allow", lambda: press(root, "Allow"))
        seen["tool"] = await asyncio.wait_for(question, 60)
        late = asyncio.ensure_future(window.ask_tool(Question("shell", "Rep")))
        await asyncio.sleep(0.05)
        late.cancel()  # the time is over: the question goes
        await asyncio.gather(late, return_exceptions=True)

        def talk() -> list[str]:
            window._entry.insert(0, " ja: ä€ ")
            press(root, "Send")
            press(root, "End Session")
            return [button["text"] for button in widgets(root, tkinter.Button)]

        await asyncio.to_thread(in_tk, "buttons", talk)
        await asyncio.to_thread(in_tk, "chat", lambda: window._chat.get("1.0", "end"))
        window.show_ended("The session has ended.")
        await asyncio.to_thread(in_tk, "end", lambda: [label["text"] for label in widgets(root, tkinter.Label)])
        window.close()

    thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(play(), 60)), daemon=True)
    thread.start()
    root.after(35_000, root.destroy)
    window.main()
    thread.join(5)
    print(json.dumps(seen | {"said": said}))


main(sys.argv[1])

"""Marks in pictures: the number of a picture, drawn into it in cells of black and white, and read from the canvas.

Why it exists: whoever draws knows when picture `n` was drawn; whoever looks reads `n`. So "how late" and "how many a
second" are facts about pixels, whichever program brings them.

Rules: BITS cells side by side, the highest bit first: 12 of the number, then 4 that depend on them, so that a mark
which is half drawn is no mark. Several marks belong to one picture; it is there when all show it or a newer one.
"""

from dataclasses import asdict, dataclass

BITS = 16
NUMBERS = 4096
"""Numbers begin anew after so many."""


def code(number: int) -> list[bool]:
    """The cells of a mark: True = white."""
    number %= NUMBERS
    check = ((number & 15) + (number >> 4 & 15) + (number >> 8) + 5) & 15
    word = number << 4 | check
    return [bool(word >> (BITS - 1 - bit) & 1) for bit in range(BITS)]


@dataclass(frozen=True)
class Mark:
    """Where a mark stands on the screen, in pixels."""

    x: int
    y: int
    width: int = 16
    """Of a cell; `y` is the middle of the cells."""
    ahead: int = 0
    """The picture's number is so much higher than the mark's."""

    def as_json(self) -> dict[str, int]:
        """For the page."""
        return asdict(self)


SPY = """
const B = (window.fhBench = {
  bytes: 0, messages: 0, drawn: 0, pressed: 0, colour: "", trips: [], pixel: null, marks: [], seen: [], last: -1,
  task: 0,
});
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) B.task = Math.max(B.task, one.duration);
}).observe({ type: "longtask" });
// A proxy, not a subclass: noVNC looks for the methods of a socket on its own prototype.
window.WebSocket = new Proxy(window.WebSocket, {
  construct(Socket, words) {
    const socket = new Socket(...words);
    socket.addEventListener("message", (event) => { B.bytes += event.data.byteLength || 0; B.messages++; });
    return socket;
  },
});
window.addEventListener("keydown", (event) => { if (event.isTrusted) B.pressed = event.timeStamp; }, true);
const proto = CanvasRenderingContext2D.prototype;
const read = proto.getImageData;
const number = (context, mark) => {
  const { data, width } = read.call(context, mark.x, mark.y, BITS * mark.width, 1);
  let word = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const at = 4 * (bit * mark.width + (mark.width >> 1));
    word = (word << 1) | (data[at + 1] > 127 ? 1 : 0);
  }
  const value = word >> 4;
  if ((word & 15) !== (((value & 15) + ((value >> 4) & 15) + (value >> 8) + 5) & 15)) return -1;
  return (value + mark.ahead) % NUMBERS;
};
const look = (context) => {
  let oldest = -1;
  for (const mark of B.marks) {
    const found = number(context, mark);
    if (found < 0) return;
    if (oldest < 0 || ((oldest - found + NUMBERS) % NUMBERS) < NUMBERS / 2) oldest = found;
  }
  if (oldest !== B.last) { B.last = oldest; B.seen.push([oldest, performance.timeOrigin + performance.now()]); }
};
let planned = false;
for (const name of ["fillRect", "putImageData", "drawImage"]) {
  const real = proto[name];
  proto[name] = function (...words) {
    const result = real.apply(this, words);
    if (this.canvas.width < 1000 || !this.canvas.isConnected) return result;
    B.drawn++;
    if (B.pressed && B.pixel) {
      const now = read.call(this, B.pixel[0], B.pixel[1], 1, 1).data.join();
      if (now !== B.colour) {
        if (B.colour) B.trips.push(performance.now() - B.pressed);
        B.colour = now;
        B.pressed = 0;
      }
    }
    if (B.marks.length && !planned) {
      planned = true;
      queueMicrotask(() => { planned = false; look(this); });
    }
    return result;
  };
}
""".replace("BITS", str(BITS)).replace("NUMBERS", str(NUMBERS))
"""Counts what the page's sockets bring and looks at the visible canvas after each drawing; see `tests.bench.viewing`.

It asks for no animation frames: docs/bench.md says what that would measure instead.
"""

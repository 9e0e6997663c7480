"""What the bench shows: a film with moving natural-looking content, and a long page of text and pictures.

Why it exists: what a codec costs depends on what it is given. Nothing comes from a network; the same seed gives the
same pictures. Text is set by Chromium with the system's fonts, so that it has the edges that text on screens has.

Rules: pictures are arrays of BGRX pixels (height, width, 4) of bytes.
"""

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page

Picture = npt.NDArray[np.uint8]

FILM = (640, 360)
PAGE = (1920, 8000)
PHOTO = (640, 360)

LAYOUT = """
async ([width, height, photos]) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  let state = 7;
  const chance = (n) => (state = (state * 48271) % 2147483647) % n;
  const words = ("session queue relay frame leg channel grant ticket screen picture window customer support network "
    + "password certificate the of and a to in is that for it with as was on are by this be at from or an which "
    + "appliance endpoint administrator report recording update upgrade release policy").split(" ");
  const word = () => words[chance(words.length)];
  const text = (left, top, wide, size, lines, colour) => {
    context.font = `${size}px sans-serif`;
    context.fillStyle = colour;
    for (let line = 0; line < lines; line++) {
      let said = "";
      for (;;) {
        const more = said + word() + " ";
        if (context.measureText(more).width > wide) break;
        said = more;
      }
      context.fillText(said, left, top + (line + 1) * Math.round(size * 1.5));
    }
    return top + lines * Math.round(size * 1.5);
  };
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#f4f5f7";
  context.fillRect(0, 0, 280, height);
  for (let top = 40; top < height - 60; top += 34) text(32, top, 200, 14, 1, top % 5 ? "#3a4a5a" : "#1a56c4");
  let top = 30, photo = 0;
  while (top < height - 700) {
    top = text(360, top + 20, 700, 28, 1, "#101828");
    for (let part = 0; part < 3; part++) top = text(360, top + 14, 900, 16, 3 + chance(4), "#1f2937");
    top = text(360, top + 10, 500, 16, 1, "#1a56c4");
    context.fillStyle = "#eef1f4";
    context.fillRect(360, top + 20, 940, 150);
    context.font = "14px monospace";
    context.fillStyle = "#334155";
    for (let line = 0; line < 6; line++) context.fillText(word() + "(" + word() + ");", 380, top + 44 + line * 22);
    top += 190;
    if (photo < photos.length) {
      photos[photo++].push(360, top + 10);
      top += 400;
    }
  }
  for (let side = 60; side < height - 300; side += 460) text(1400, side, 420, 13, 12, "#475467");
  const { data } = context.getImageData(0, 0, width, height);
  const packed = new Response(new Blob([data]).stream().pipeThrough(new CompressionStream("deflate")));
  const bytes = new Uint8Array(await packed.arrayBuffer());
  let out = "";
  for (let at = 0; at < bytes.length; at += 8192) out += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return [btoa(out), photos];
}
"""


def texture(seed: int, side: int = 1024, roughness: float = 1.6) -> npt.NDArray[np.float32]:
    """A picture as nature makes them: amplitude falls with frequency; three channels of 0 to 255 that hang together."""
    chance = np.random.default_rng(seed)
    across = np.fft.fftfreq(side)
    falling = 1 / np.maximum(np.hypot(across[:, None], across[None, :]), 1 / side) ** roughness
    layers = []
    for _ in range(3):
        noise = chance.standard_normal((side, side)) + 1j * chance.standard_normal((side, side))
        layer = np.fft.ifft2(noise * falling).real
        layers.append((layer - layer.mean()) / layer.std())
    light = layers[0]
    channels = [light * 0.8 + other * 0.3 for other in (layers[1], layers[2], -layers[1])]
    return np.stack([np.clip(115 + 48 * channel, 0, 255) for channel in channels], axis=-1).astype(np.float32)


def film(frames: int = 90) -> Picture:
    """A camera pans over a landscape, four bodies cross it, the light changes, the sensor has grain.

    Runs forth and back: shown in a loop it has no cut.
    """
    width, height = FILM
    ground, skin = texture(1), texture(2, roughness=1.3)
    chance = np.random.default_rng(3)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    out = np.zeros((frames, height, width, 4), np.uint8)
    for number in range(frames // 2 + 1):
        left, top = int(2.4 * number), int(40 + 25 * np.sin(number / 14))
        picture = ground[top : top + height, left : left + width].copy()
        for body in range(4):
            middle = (80 + 150 * body + (3 - 2 * body) * 1.7 * number) % width
            across = (columns - middle) / (34 + 8 * body)
            inside = across**2 + ((rows - 210 - 30 * np.sin(number / 9 + body)) / (90 + 12 * body)) ** 2 < 1
            moved = np.roll(skin[200 * body : 200 * body + height], int(middle), axis=1)[:, :width]
            picture[inside] = moved[inside]
        picture *= 1 + 0.06 * np.sin(number / 20)
        picture += chance.normal(0, 1.5, picture.shape)
        out[number, :, :, :3] = np.clip(picture, 0, 255)
        out[-number % frames] = out[number]
    return out


def page(browser_page: Page) -> Picture:
    """A page of text, lists, code and photographs, higher than a screen."""
    width, height = PAGE
    packed, places = browser_page.evaluate(LAYOUT, [width, height, [[] for _ in range(8)]])
    raw = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(height, width, 4)
    out = raw[:, :, [2, 1, 0, 3]].copy()
    for number, place in enumerate(places):
        if place:
            left, top = place
            photo = texture(10 + number)[: PHOTO[1], : PHOTO[0]]
            out[top : top + PHOTO[1], left : left + PHOTO[0], :3] = photo
    return out


def save(path: Any, picture: Picture) -> None:
    """Write a picture, or several, for `tests.bench.paint`."""
    np.save(path, picture)

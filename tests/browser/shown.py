"""A viewer on a page, as the browser tests look at it and work it."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


class Shown:
    """A viewer on a page, and what went over the network since it was ready."""

    def __init__(self, page, frames):
        self.page, self.frames = page, frames
        self.viewer = page.locator(".viewer")

    def stage(self, i=0):
        return self.viewer.locator(".stage").nth(i)

    def box(self, i=0):
        return self.stage(i).bounding_box()

    def settle(self):
        """Wait for the next two frames, so that what was chosen is drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def rgb(self, x, y, i=0):
        """Return the colour at a share of the viewport."""
        self.settle()
        return tuple(
            self.viewer.locator(".picture")
            .nth(i)
            .evaluate(
                "(canvas, [x, y]) => [...canvas.getContext('2d').getImageData("
                "Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data]",
                [x, y],
            )[:3]
        )

    def greys(self, blocks, i=0):
        """Return the grey in the middle of blocks of the film `deep`, fitted."""
        return [self.rgb((c + 0.5) / 16, (r + 0.5) / 16, i)[0] for r, c in blocks]

    def picture(self, i=0):
        """Return all that a viewport shows, shape (h, w, 3), uint8."""
        self.settle()
        url = self.viewer.locator(".picture").nth(i).evaluate("(canvas) => canvas.toDataURL()")
        raw = base64.b64decode(url.split(",")[1])
        return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))

    def drag(self, dx, dy, *, start=(0.5, 0.5), button="left", i=0):
        box = self.box(i)
        x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
        self.page.mouse.move(x, y)
        self.page.mouse.down(button=button)
        self.page.mouse.move(x + dx, y + dy, steps=4)
        self.page.mouse.up(button=button)
        self.settle()

    def corner(self, name, i=0):
        self.settle()
        return self.viewer.locator(f".corner.{name}").nth(i).inner_text()

    def value(self, i=0):
        self.settle()
        return self.viewer.locator(".value").nth(i).inner_text()

"""One short file for each promise the cluster keeps. `CONTROLLERS` is all of them."""

from __future__ import annotations

from shallowdive.embedded.loop import Controller

CONTROLLERS: tuple[type[Controller], ...] = ()

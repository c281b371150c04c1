"""What a lab may switch off in the learner's own cluster, and the button that switches everything on again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shallowdive.cluster import Access, Home, backend_for
from shallowdive.cluster.backend import COMPONENTS
from shallowdive.cluster.hands import Hands
from shallowdive.cluster.outage import CONTROL_PLANE, NODE, Outage, Part, restore, settle
from shallowdive.errors import BadAnswer, NotYet
from shallowdive.views import show_still, switchboard
from shallowdive.views.view import widgets_display


def home_of(access: Access) -> Home:
    return Home.from_environment(access.cluster)


def all_on(access: Access) -> None:
    """Before a lab begins: what a dead kernel left off is switched on. NotYet while a living one has something off."""
    if access.kind != "owner":
        return
    home = home_of(access)
    outage = settle(home, lambda: backend_for(home))
    if outage:
        raise NotYet("a part of this cluster is switched off", saw=str(outage), try_this="go on in that lab, or: shallowdive restore")


class Power:
    """`off` and `on` for a node; what is still off when the kernel ends is switched on by a guard."""

    def __init__(self, access: Access, hands: Hands) -> None:
        self._access, self._hands = access, hands
        self._button: Any = None

    def off(self, node: str) -> None:
        """A machine that loses its power. Again: nothing changes."""
        print(self._spelled("stop", node))  # noqa: T201 - a notebook's cell shows it
        self._show_button()
        self._hands.off(Part(NODE, node))

    def on(self, node: str) -> None:
        print(self._spelled("start", node))  # noqa: T201 - a notebook's cell shows it
        self._hands.on(Part(NODE, node))

    @contextmanager
    def unplugged(self, component: str, title: str = "") -> Iterator[None]:
        """A component of the control plane is off for the time of a `with` block, and on again however the block ends."""
        if component not in COMPONENTS:
            raise BadAnswer("this cannot be switched off", saw=repr(component), try_this=f"one of: {', '.join(COMPONENTS)}")
        print(self._unplugging(component))  # noqa: T201 - a notebook's cell shows it
        part = Part(CONTROL_PLANE, component)
        self._hands.off(part)
        try:
            show_still(*switchboard.html({component}, title, self._access.source))
            yield
        finally:
            self._hands.on(part)
        self._hands.settled(time.time())

    def stored(self, prefix: str) -> list[str]:
        """The keys below a prefix, as they stand in the store that only the API server talks to."""
        return self._hands.stored(prefix)

    def _unplugging(self, component: str) -> str:
        """What does the same in a terminal."""
        if self._access.backend != "kind":
            return f"POST /shallowdive/components/{component}/stop"
        folder = "/etc/kubernetes"
        return f"docker exec {self._access.cluster}-control-plane mv {folder}/manifests/{component}.yaml {folder}/unplugged/"

    def close(self) -> None:
        """Switch on what this kernel switched off."""
        self._hands.close()

    def _spelled(self, verb: str, node: str) -> str:
        """What does the same in a terminal."""
        return f"docker {verb} {node}" if self._access.backend == "kind" else f"shallowdive node {verb} {node}"

    def _show_button(self) -> None:
        if not widgets_display() or self._access.kind != "owner":
            return
        import ipywidgets
        from IPython.display import display

        self._button = ipywidgets.Button(description="Switch everything on again", button_style="danger", layout={"width": "auto"})
        self._button.on_click(self._pressed)
        display(self._button)

    def _pressed(self, _: object) -> None:
        was: Outage | None = restore(home_of(self._access), backend_for(home_of(self._access)))
        self._button.description = "Everything is on" if was else "Nothing was off"
        self._button.button_style = "success"

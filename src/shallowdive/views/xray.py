"""Inside one pod: its address above, its containers beside each other, its volumes below.

Pure: a state in, a picture out. Lines from the address reach every container, lines from a volume only those that mount it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shallowdive.diagrams.dot import text_width_px
from shallowdive.live import ClusterState
from shallowdive.objects import Object, is_helper, name_of, uid_of
from shallowdive.objects.pods import long_running, pod_state
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn
from shallowdive.views.shapes import STATE, Pic, tile

MARGIN, GAP = 16, 12
NETWORK_Y, NETWORK_H = 60, 26
BOX_Y, BOX_H = 108, 132
VOLUME_H = 62
LANE_PX = 12
"""Between the boxes and the volumes, one lane for each volume's lines."""


@dataclass(frozen=True, slots=True)
class Room:
    """One container: what its box says."""

    name: str
    image: str
    state: str
    restarts: int
    limit: str
    ports: str


@dataclass(frozen=True, slots=True)
class Inside:
    """What the picture shows. `mounts` maps a volume's label to the names of the containers that mount it."""

    name: str
    state: str
    address: str
    uid: str
    rooms: list[Room]
    mounts: dict[str, list[str]]


def draw(state: ClusterState, name: str = "") -> Drawn:
    pod = (state.get("Pod", name) if name else None) or chosen(state)
    if pod is None:
        return Drawn("", "", "Your namespace has no pod. Run the cell that makes one; it appears here by itself.", empty=True)
    seen = inside(pod)
    facts = in_words(seen)
    states = sorted({seen.state, *(r.state for r in seen.rooms)})
    read = "What is inside the frame goes where the pod goes. A container has its own files and its own limit."
    return Drawn(picture(seen, DESK_PX, facts).svg(), picture(seen, PHONE_PX, facts).svg(), facts, states, read=read)


def chosen(state: ClusterState) -> Object | None:
    """The newest pod with two containers; where there is none, the newest pod."""
    pods = [p for p in state.all("Pod") if not is_helper(p)]
    return next((p for p in reversed(pods) if len(long_running(p)) > 1), pods[-1] if pods else None)


def inside(pod: Object) -> Inside:
    status = pod.get("status") or {}
    reported = {c["name"]: c for key in ("containerStatuses", "initContainerStatuses") for c in status.get(key) or []}
    containers = long_running(pod)
    mounts = {}
    for volume in pod["spec"].get("volumes") or []:
        kind = next((k for k in volume if k != "name"), "emptyDir")
        users = [c["name"] for c in containers if any(m["name"] == volume["name"] for m in c.get("volumeMounts") or [])]
        if users and kind != "projected":
            mounts[f"{volume['name']} ({kind})"] = users
    rooms = [_room(c, reported.get(c["name"], {})) for c in containers]
    return Inside(name_of(pod), pod_state(pod), str(status.get("podIP", "")), uid_of(pod), rooms, mounts)


def in_words(seen: Inside) -> str:
    rooms = ", ".join(f"{r.name} ({STATE[r.state][0]}, restarts {r.restarts})" for r in seen.rooms)
    shared = " ".join(f"Volume {v} is mounted in {' and '.join(users)}." for v, users in seen.mounts.items())
    count = "1 container shares" if len(seen.rooms) == 1 else f"{len(seen.rooms)} containers share"
    return f"Pod {seen.name}, {STATE[seen.state][0]}. {count} one address: {rooms}. {shared or 'No volume.'}"


def picture(seen: Inside, w: float, label: str) -> Pic:
    most = 3 if w < 400 else 4
    rooms, volumes = seen.rooms[:most], list(seen.mounts.items())[: most - 1]
    left_out = [n for n in (_more(len(seen.rooms) - most, "container"), _more(len(seen.mounts) - most + 1, "volume")) if n]
    volume_y = BOX_Y + BOX_H + 16 + LANE_PX * len(volumes)
    end = volume_y + VOLUME_H if volumes else BOX_Y + BOX_H
    p = Pic(w, end + MARGIN + (20 if left_out else 0), label)
    tint = {"ready": "ready_tint", "notready": "warn_tint", "failed": "fail_tint", "backoff": "fail_tint", "pulling": "work_tint"}
    p.rect(2, 2, w - 4, p.h - 4, tint.get(seen.state, "wait_tint"), STATE[seen.state][1], 16, 2, STATE[seen.state][3])
    _head(p, seen, w)
    boxes = _columns(len(rooms), w)
    for room, (x, cw) in zip(rooms, boxes, strict=True):
        p.line(x + cw / 2, NETWORK_Y + NETWORK_H, x + cw / 2, BOX_Y, "work", 2)
        _box(p, room, x, cw)
    _network(p, seen, w)
    centres = {r.name: x + cw / 2 for r, (x, cw) in zip(rooms, boxes, strict=True)}
    for i, ((name, users), (x, cw)) in enumerate(zip(volumes, _columns(len(volumes), w, 240), strict=True)):
        _mounts(p, [centres[u] for u in users if u in centres], x + cw / 2, BOX_Y + BOX_H + 8 + LANE_PX * i, volume_y, i)
        _cylinder(p, x, volume_y, cw, name)
    if left_out:
        p.text(w / 2, p.h - 14, f"and {' and '.join(left_out)}", fill="muted", anchor="middle", room=w - 2 * MARGIN)
    return p


def _more(n: int, what: str) -> str:
    return "" if n <= 0 else f"{n} more {what}{'s' if n > 1 else ''}"


def _columns(n: int, w: float, most_px: float = 0) -> list[tuple[float, float]]:
    """(x, width) of n equal boxes in the frame; narrower ones stand in the middle of their part."""
    part = (w - 2 * MARGIN - GAP * (n - 1)) / max(n, 1)
    cw = min(part, most_px) if most_px else part
    return [(MARGIN + i * (part + GAP) + (part - cw) / 2, cw) for i in range(n)]


def _head(p: Pic, seen: Inside, w: float) -> None:
    tile(p, MARGIN, 16, 22, seen.state)
    uid = f"UID {seen.uid[:4]}…{seen.uid[-4:]}" if len(seen.uid) > 8 else ""
    right = text_width_px(uid, size_px=12)
    p.text(MARGIN + 30, 26, f"Pod {seen.name}", size=13, bold=True, room=w - 2 * MARGIN - 30)
    p.text(MARGIN + 30, 44, STATE[seen.state][0], fill="muted", room=w - 2 * MARGIN - 40 - right)
    if uid:
        p.text(w - MARGIN, 44, uid, fill="muted", anchor="end")


def _network(p: Pic, seen: Inside, w: float) -> None:
    p.rect(MARGIN, NETWORK_Y, w - 2 * MARGIN, NETWORK_H, "work_tint", "work", 4)
    words = f"one address: {seen.address}" if seen.address else "no address yet"
    longer = f"{words}, and inside the pod 127.0.0.1"
    p.text(w / 2, NETWORK_Y + 17, longer if w >= 400 and seen.address else words, anchor="middle", room=w - 2 * MARGIN - 12)


def _box(p: Pic, room: Room, x: float, cw: float) -> None:
    outline = STATE[room.state][1]
    p.rect(x, BOX_Y, cw, BOX_H, "paper", outline, 2, 2)
    for rib in (5, 9, 13):
        p.line(x + rib, BOX_Y + 6, x + rib, BOX_Y + BOX_H - 6, outline, 1)
    tile(p, x + 20, BOX_Y + 9, 18, room.state)
    if cw - 50 > text_width_px("container", size_px=12):
        p.text(x + 46, BOX_Y + 22, "container", fill="muted")
    left, space = x + 20, cw - 26
    p.text(left, BOX_Y + 46, room.name, size=13, bold=True, room=space)
    p.text(left, BOX_Y + 65, room.image, mono=True, room=space)
    p.text(left, BOX_Y + 84, room.ports or "no port named", fill="muted", room=space)
    p.text(left, BOX_Y + 103, room.limit, fill="muted", room=space)
    p.text(left, BOX_Y + 122, f"restarts {room.restarts}", fill="warn" if room.restarts else "muted", bold=room.restarts > 0, room=space)


def _mounts(p: Pic, tops: list[float], x: float, lane_y: float, volume_y: float, nth: int) -> None:
    """Double lines from the containers down to a lane and along it to the volume."""
    for top in tops:
        start = top + 14 * nth
        for off in (-2, 2):
            p.path(f"M{start + off:.1f} {BOX_Y + BOX_H}V{lane_y + off:.1f}H{x + off:.1f}V{volume_y + 3:.1f}", "none", "edge", 1)


def _cylinder(p: Pic, x: float, y: float, w: float, name: str) -> None:
    e, h = 7, VOLUME_H
    body = f"M{x:.1f} {y + e}A{w / 2:.1f} {e} 0 0 1 {x + w:.1f} {y + e}V{y + h - e}A{w / 2:.1f} {e} 0 0 1 {x:.1f} {y + h - e}Z"
    p.path(body, "paper", "edge")
    p.path(f"M{x:.1f} {y + e}A{w / 2:.1f} {e} 0 0 0 {x + w:.1f} {y + e}", "none", "edge")
    p.text(x + w / 2, y + 30, "volume", fill="muted", anchor="middle", room=w - 12)
    p.text(x + w / 2, y + 47, name, bold=True, anchor="middle", room=w - 12)


def _room(container: dict[str, Any], status: dict[str, Any]) -> Room:
    limits = (container.get("resources") or {}).get("limits") or {}
    ports = ", ".join(f":{port['containerPort']}" for port in container.get("ports") or [])
    return Room(
        container["name"],
        str(container.get("image", "")).rsplit("/", 1)[-1].split("@")[0],
        container_state(status),
        int(status.get("restartCount", 0)),
        f"limit {limits['memory']}" if "memory" in limits else "no memory limit",
        ports,
    )


def container_state(status: dict[str, Any]) -> str:
    """A container's state in the words that pods have; an empty status is one that the kubelet has not reported."""
    state = status.get("state") or {}
    reason = str((state.get("waiting") or {}).get("reason", ""))
    first_match = (
        (not state, "pending"),
        (reason.endswith("BackOff"), "backoff"),
        (reason.startswith("Err") or reason.endswith("Error"), "failed"),
        ("waiting" in state, "pulling"),
        ("terminated" in state, "succeeded" if (state.get("terminated") or {}).get("exitCode") == 0 else "failed"),
        (bool(status.get("ready")), "ready"),
    )
    return next((word for is_so, word in first_match if is_so), "notready")

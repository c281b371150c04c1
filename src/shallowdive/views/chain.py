"""From pod to disk: pod → claim → volume → node, each link with its own light.

Pure: a state in, a picture out. Without the volumes (a tenant may not list them) the claim's own record says what is known of them.
Amber is a limit to know about; grey and dashed is not there yet, which is normal before the first pod that uses a claim."""

from __future__ import annotations

from dataclasses import dataclass

from shallowdive.live import ClusterState
from shallowdive.objects import Object, annotations_of, is_helper, name_of
from shallowdive.objects.pods import pod_state
from shallowdive.views import stations as draw_station
from shallowdive.views.frame import DESK_PX, PHONE_PX, Drawn
from shallowdive.views.shapes import STATE, Box, Pic, wrap
from shallowdive.views.stations import hop, stations

MOST_CLAIMS = 4
DESK_BOX, PHONE_BOX = (106, 66), (224, 60)
CHOSEN_NODE = "volume.kubernetes.io/selected-node"


@dataclass(frozen=True, slots=True)
class Link:
    """A claim with what is before and behind it; '' is not there yet. `pinned`: its volume lives on one node only."""

    claim: str
    phase: str
    wants: str
    pods: tuple[tuple[str, str], ...]
    volume: str
    node: str
    pinned: bool
    missing: bool = False


def read(state: ClusterState) -> list[Link]:
    pods = [p for p in state.all("Pod") if not is_helper(p)]
    users: dict[str, list[Object]] = {}
    for pod in pods:
        for volume in pod["spec"].get("volumes") or []:
            if name := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                users.setdefault(name, []).append(pod)
    volumes = {name_of(v): v for v in state.all("PersistentVolume")}
    links = [_link(claim, users.pop(name_of(claim), []), volumes) for claim in state.all("PersistentVolumeClaim")]
    for name, waiting in users.items():
        links.append(Link(name, "not there", "", tuple((name_of(p), pod_state(p)) for p in waiting), "", "", False, missing=True))
    return links


def _link(claim: Object, users: list[Object], volumes: dict[str, Object]) -> Link:
    spec, status = claim["spec"], claim.get("status") or {}
    volume = str(spec.get("volumeName", ""))
    node = annotations_of(claim).get(CHOSEN_NODE, "")
    pins = _pinned_to(volumes[volume]) if volume in volumes else [node] if node else []
    if not node:
        node = next((str(p["spec"]["nodeName"]) for p in users if p["spec"].get("nodeName")), "")
    wants = str(((spec.get("resources") or {}).get("requests") or {}).get("storage", ""))
    used_by = tuple(sorted(((name_of(p), pod_state(p)) for p in users), key=lambda pod: pod[1] == "terminating"))
    where = pins[0] if pins else node
    return Link(name_of(claim), str(status.get("phase", "Pending")), wants, used_by, volume, where, bool(pins and volume))


def _pinned_to(volume: Object) -> list[str]:
    """Nodes that a volume's affinity names."""
    terms = ((volume["spec"].get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    return [value for term in terms for rule in term.get("matchExpressions") or [] for value in rule.get("values") or []]


def draw(state: ClusterState) -> Drawn:
    links = read(state)
    if not links:
        return Drawn("", "", "There is no claim in your namespace. Run the cell that makes one; it appears here by itself.", empty=True)
    facts = " ".join(in_words(link) for link in links)
    states = sorted({s for link in links for _, s in link.pods})
    desk, phone = (picture(links, w, facts).svg() for w in (DESK_PX, PHONE_PX))
    return Drawn(
        desk, phone, facts, states, read="Each link has its own light. Dashed: not there yet. Amber is a limit to know about, not a fault."
    )


def in_words(link: Link) -> str:
    users = ", ".join(f"{name} ({STATE[s][0]})" for name, s in link.pods) or "no pod"
    if link.missing:
        return f"{users} names claim {link.claim}, and there is no such claim in this namespace."
    volume = f"bound to volume {link.volume}" if link.volume else "no volume yet"
    where = f"on node {link.node}" if link.node else "no node yet"
    return f"Claim {link.claim} wants {link.wants}, {link.phase}: used by {users}; {volume}, {where}. {verdict(link)[0]}"


def verdict(link: Link) -> tuple[str, str]:
    """The one thing to know, and its colour."""
    if link.missing:
        return "A pod names a claim that is not in its namespace.", "fail"
    if link.phase == "Lost":
        return "Its volume is gone.", "fail"
    if not link.volume and not link.pods:
        return "Normal: it waits for the first pod that uses it.", "ink"
    if not link.volume:
        return "The volume is being made, on the node of its pod.", "ink"
    if not link.pods:
        return "Its volume is there. No pod uses it now.", "ink"
    if link.pinned:
        return f"This volume cannot move: its pods may run only on {link.node}.", "warn"
    return "Every link is there.", "ink"


def picture(links: list[Link], w: float, label: str) -> Pic:
    phone = w < 400
    shown = links[:MOST_CLAIMS]
    pitch = 4 * PHONE_BOX[1] + 3 * draw_station.PHONE_GAP_PX + 76 if phone else DESK_BOX[1] + 60
    left_out = len(links) - len(shown)
    p = Pic(w, pitch * len(shown) + (20 if left_out else 0), label)
    for i, link in enumerate(shown):
        _row(p, link, stations(w, 4, DESK_BOX, PHONE_BOX, i * pitch + 10))
    if left_out:
        p.text(w / 2, p.h - 6, f"and {left_out} more claims, in the text below", fill="muted", anchor="middle")
    return p


def _use(link: Link) -> tuple[str, str]:
    """A pod that has no node yet mounts nothing: it asks."""
    if not link.pods:
        return "later", "wait"
    return ("asks", "wait") if link.pods[0][1] == "pending" else ("mounts", "ready")


def _row(p: Pic, link: Link, boxes: list[Box]) -> None:
    a, b, c, d = boxes
    if link.pods:
        name, state = link.pods[0]
        more = len(link.pods) - 1
        draw_station.pod(p, a, state, name, f"and {more} more" if more else STATE[state][0])
    else:
        draw_station.not_there(p, a, "no pod yet", 8)
    draw_station.claim(p, b, link.claim, link.phase if link.missing or not link.volume else f"wants {link.wants}", there=not link.missing)
    if link.volume:
        draw_station.volume(p, c, "Volume (PV)", link.volume)
    else:
        draw_station.not_there(p, c, "no volume yet", 2)
    if link.node:
        draw_station.node(p, d, link.node)
    else:
        draw_station.not_there(p, d, "no node yet", 2)
    hop(p, a, b, *(("missing", "fail") if link.missing else _use(link)))
    hop(p, b, c, *(("bound", "ready") if link.volume else ("lost", "fail") if link.phase == "Lost" else ("later", "wait")))
    hop(
        p,
        c,
        d,
        *(
            ("pinned", "warn")
            if link.pinned
            else ("on", "ready")
            if link.node and link.volume
            else ("chosen", "wait")
            if link.node
            else ("later", "wait")
        ),
    )
    words, fill = verdict(link)
    last = d if p.w < 400 else b
    for i, line in enumerate(wrap(words, p.w - 4, bold=True)):
        p.text(2, last[1] + last[3] + (24 if p.w < 400 else 34) + i * 16, line, fill=fill, bold=True, room=p.w - 4)

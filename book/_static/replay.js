/* The player of recordings. The picture of the whole is in the page; the player covers what has not happened yet, tells what happens in
   words, and opens the future when the reader has said what will be. Nothing is stored, nothing is fetched.
   Its Python half, which draws and counts: src/shallowdive/views/replay.py. */
"use strict";
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const PEEK_S = 0.4; // a step stands a little after its event, so that the new state is seen
  const QUIET_MS = 2500; // while it plays, a screen reader hears no more than one sentence in this time
  const PLAY = "M5 3L16 10L5 17Z", PAUSE = "M6 4V16M14 4V16";

  function rect(group, fill) {
    const made = document.createElementNS(NS, "rect");
    made.setAttribute("fill", fill);
    return group.appendChild(made);
  }

  function place(node, x, y, width, height) {
    for (const [name, value] of Object.entries({ x, y, width: Math.max(0, width), height })) node.setAttribute(name, value);
  }

  /* Covers of one drawing: the future of the chart and of the lanes, its edge, and the names of pods that are not born. */
  function coverOf(svg, view, end) {
    const group = svg.querySelector(".sd-cover"), width = svg.viewBox.baseVal.width;
    const areas = view.areas.map(([y, foot]) => [y, foot - y, rect(group, "var(--sd-sheet, #f5f7f9)"), rect(group, "var(--sd-ink, #1b2430)")]);
    const names = view.lanes.map(([born, y]) => [born, y, rect(group, "var(--sd-paper, #ffffff)")]);
    return (t) => {
      const x = view.left + ((view.right - view.left) * t) / end;
      for (const [y, height, future, edge] of areas) {
        place(future, x, y, t < end ? width - x : 0, height);
        place(edge, x - 0.75, y, t < end ? 1.5 : 0, height);
      }
      for (const [born, y, box] of names) place(box, 0, y - 3, t < born ? view.left - 2 : 0, view.lane);
    };
  }

  function player(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const find = (what) => figure.querySelector(what);
    const svgs = [".sd-desk svg", ".sd-phone svg"].map(find);
    const covers = svgs.map((svg, i) => coverOf(svg, data.views[i], data.end));
    const gate = find(".sd-gate"), bar = find(".sd-bar"), commit = find(".sd-commit");
    const range = find("input[type=range]"), play = find("[data-do=play]"), clock = find(".sd-clock");
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let t = data.act, said = null, playing = false, last = 0, heardAt = 0, heard = "", frame = 0, verdictHeard = false;

    const words = () => data.steps.filter(([at]) => at <= t + 0.001).pop()?.[1] ?? "";
    const told = () => (said !== null && t >= data.moment ? data.verdicts[said] : "");

    function tell(sentence, now) {
      if (!sentence || sentence === heard || (!now && performance.now() - heardAt < QUIET_MS)) return;
      [heard, heardAt] = [sentence, performance.now()];
      find(".sd-told").textContent = sentence;
    }

    function show(now = !playing) {
      covers.forEach((cover) => cover(t));
      const past = said !== null && t >= data.moment;
      figure.querySelectorAll(".sd-said, .sd-happened").forEach((part) => {
        const shown = part.dataset.answer === said && part.classList.contains(past ? "sd-happened" : "sd-said");
        part.classList.toggle("sd-shown", shown);
      });
      figure.classList.toggle("sd-past", past);
      find(".sd-verdict b").textContent = told();
      find(".sd-now").textContent = said === null ? "The rest is covered until you have answered." : words() || "Nothing has happened yet.";
      clock.textContent = `${t.toFixed(1)} of ${data.end.toFixed(0)} s`;
      range.value = t;
      range.setAttribute("aria-valuetext", `${t.toFixed(1)} seconds. ${words()}`);
      const label = `${data.title} At ${t.toFixed(1)} s: ${words() || "nothing has happened yet."} ${told()}`;
      if (now) svgs.forEach((svg) => svg.setAttribute("aria-label", label.trim()));
      const verdict = verdictHeard ? "" : told();
      verdictHeard ||= verdict !== "";
      if (said !== null) tell(`${t.toFixed(1)} s. ${words()} ${verdict}`.trim(), now || verdict !== "");
    }

    function stop() {
      playing = false;
      cancelAnimationFrame(frame);
      play.setAttribute("aria-label", "Play");
      play.querySelector("path").setAttribute("d", PLAY);
    }

    function go(to) {
      if (said === null) return;
      stop();
      t = Math.min(Math.max(to, 0), data.end);
      show();
    }

    function tick(at) {
      t = Math.min(t + ((at - last) / 1000) * Number(find("select").value), data.end);
      last = at;
      if (t >= data.end) stop();
      show();
      if (playing) frame = requestAnimationFrame(tick);
    }

    function start() {
      if (said === null) return;
      if (t >= data.end) t = 0;
      if (still.matches) return go(data.end);
      playing = true;
      play.setAttribute("aria-label", "Pause");
      play.querySelector("path").setAttribute("d", PAUSE);
      last = performance.now();
      frame = requestAnimationFrame(tick);
    }

    const stands = data.steps.map(([at], i) => Math.min(at + PEEK_S, ((data.steps[i + 1]?.[0] ?? data.end) + at) / 2));
    const acts = {
      play: () => (playing ? (stop(), show()) : start()),
      next: () => go(stands.find((at) => at > t + 0.01) ?? data.end),
      back: () => go(stands.filter((at) => at < t - 0.01).pop() ?? 0),
    };

    gate.addEventListener("change", () => { commit.disabled = false; });
    commit.addEventListener("click", () => {
      said = gate.querySelector("input:checked").value;
      gate.disabled = true;
      figure.classList.add("sd-open");
      bar.querySelectorAll("button, input, select").forEach((control) => { control.disabled = false; });
      play.focus();
      start();
    });
    bar.addEventListener("click", (event) => acts[event.target.closest("button")?.dataset.do]?.());
    range.addEventListener("input", () => go(Number(range.value)));
    figure.addEventListener("keydown", (event) => {
      if (event.target.matches("select, [type=radio], summary") || event.ctrlKey || event.metaKey || event.altKey) return;
      const onButton = event.target.matches("button");
      const act = { ArrowRight: acts.next, ArrowLeft: acts.back, Home: () => go(0), End: () => go(data.end), " ": onButton ? null : acts.play };
      if (said === null || !act[event.key]) return;
      event.preventDefault();
      act[event.key]();
    });
    addEventListener("beforeprint", () => { find("details").open = true; });

    [gate, bar].forEach((part) => { part.hidden = false; });
    bar.querySelectorAll("button, input, select").forEach((control) => { control.disabled = true; });
    figure.classList.add("sd-played");
    show();
  }

  document.querySelectorAll("figure.sd-replay").forEach(player);
})();

// One run: what was found, its timelines, its ledger.

let shownRun = null;

async function showRun(place) {
  const run = known.runs[place];
  const section = byId("run");
  const token = (shownRun = {});
  let timelines = [];
  let lack = "No timeline was kept of this run.";
  try {
    timelines = (await Promise.all([timelineOf(run), run.compared ? timelineOf(run.compared) : null])).filter(Boolean);
  } catch (error) {
    lack = `The timeline cannot be shown: ${error.message}`;
  }
  if (shownRun !== token) return;
  const part = timelines.length ? new TimelinePart(timelines) : null;
  section.replaceChildren(
    el("nav", { "aria-label": "Runs" }, el("a", { href: "#" }, "← all runs"), ...neighbours(place)),
    el("h2", {}, run.scenario, " ", badge(verdictOf(run))),
    el("p", { class: "facts" }, `${run.path}:${run.line}, seed ${run.seed}, ${run.subject}, engine ${run.engine}`),
    ...[run, run.compared].filter(Boolean).map((one) => verdictPart(one, part)),
    part ? part.element : el("p", { class: "lack", role: "status" }, lack),
    ...timelines.map((timeline) => ledgerOf(timeline, part.view)).filter(Boolean),
    ...(run.compared ? [el("h3", {}, "Side by side"), el("div", { class: "scroll" }, el("table", { class: "side-by-side" }, ...comparison([run])))] : []),
  );
  section.hidden = false;
  byId("overview").hidden = true;
  part?.begin();
  window.scrollTo(0, 0);
  section.focus({ preventScroll: true });
}

function neighbours(place) {
  const link = (to, text) => (known.runs[to] ? el("a", { href: `#run-${to}`, title: known.runs[to].scenario }, text) : null);
  return [link(place - 1, "previous"), link(place + 1, "next")];
}

/** What was found in a run, each with the way to its moment, and the line that runs it again. */
function verdictPart(run, part) {
  const found = run.findings.map((finding) => {
    const place = [finding.conn === null ? null : `conn ${finding.conn}`, finding.org === null ? null : `org ${finding.org}`].filter(Boolean).join(", ");
    const show = () => part.follow(run, finding);
    return el("li", {}, el("code", { class: "oracle" }, finding.oracle), ` at ${point(finding.at_ms)}${place ? `, ${place}` : ""}: `, el("span", {}, finding.message), " ",
      part ? el("button", { type: "button", class: "show", click: show }, "Show on the timeline") : null);
  });
  const more = findingsOf(run) - run.findings.length;
  const open = run.inconclusive.map((text) => el("li", {}, "not put to the test: ", text));
  if (run.panic !== null) open.push(el("li", {}, "panicked: ", run.panic));
  if (verdictOf(run) === "not_deterministic") open.push(el("li", {}, `first trace ${run.trace_blake3}, second trace ${run.second_trace_blake3}`));
  if (run.unwritten !== null) open.push(el("li", {}, "the trace could not be written: ", run.unwritten));
  const heading = `${run.subject}: ${VERDICTS[verdictOf(run)]}${found.length ? `, ${counted(findingsOf(run), "finding")}` : ""}`;
  return el("section", { class: `verdict ${verdictOf(run)}` }, el("h3", {}, heading),
    found.length || open.length ? el("ul", { class: "found" }, ...found, ...open, more > 0 ? el("li", {}, `and ${grouped(more)} more`) : null) : null,
    run.not_judged.length ? el("p", { class: "facts" }, `not judged, since ${run.subject} never claimed it: ${run.not_judged.join(", ")}`) : null,
    copyable(`Copy the line that runs ${run.subject} again`, run.replay));
}

/** The timelines of a run over one stretch of time, the buttons that move it, and the entries in it. */
class TimelinePart {
  constructor(timelines) {
    this.view = new View(Math.max(...timelines.map(({ ends }) => ends)), () => this.draw());
    this.entries = null;
    this.charts = timelines.map((timeline) => new Chart(timeline, this.view, (mark) => this.entries.select(mark)));
    this.entries = new Entries(this.charts, this.view);
    this.range = el("output", { class: "range" });
    const button = (label, text, click) => el("button", { type: "button", "aria-label": label, title: label, click }, text);
    const controls = el("p", { class: "controls", role: "toolbar", "aria-label": "What the timeline shows" },
      button("Zoom in (+)", "+", () => this.view.zoom(0.5)), button("Zoom out (-)", "−", () => this.view.zoom(2)),
      button("Earlier (left arrow)", "←", () => this.view.pan(-0.3)), button("Later (right arrow)", "→", () => this.view.pan(0.3)),
      button("The whole run (0)", "whole run", () => this.view.whole()), button("Next finding (n)", "next finding", () => this.nextFinding()), this.range);
    const drawn = this.charts.flatMap((chart) => [timelines.length > 1 ? el("h4", {}, chart.timeline.run.subject) : null, chart.svg]);
    this.box = el("div", { class: "timeline", tabindex: 0, role: "group", "aria-label": "Timeline. Plus and minus zoom, arrows move, 0 shows the whole run, n goes to the next finding.", keydown: (event) => this.key(event) }, ...drawn);
    this.element = el("section", { class: "timeline-part" }, el("h3", {}, "Timeline"), controls, this.box, legend(), this.entries.element);
    this.listen();
  }

  begin() {
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.draw();
  }

  /** Draws once in a frame, however often it is asked. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      const width = Math.floor(this.box.clientWidth);
      if (!width) return;
      this.charts.forEach((chart) => chart.draw(width));
      this.range.textContent = `${point(Math.round(this.view.from))} to ${point(Math.round(this.view.to))} (${stretch(this.view.length)})`;
      this.entries.draw();
    });
  }

  follow(run, finding) {
    const chart = this.charts.find(({ timeline }) => timeline.run === run);
    this.view.approach(finding.at_ms);
    this.entries.select(chart.findings.find((mark) => mark.at === finding.at_ms && mark.message === finding.message));
    this.box.focus({ preventScroll: true });
    this.box.scrollIntoView({ block: "center" });
  }

  nextFinding() {
    const all = this.charts.flatMap(({ findings }) => findings).sort((one, other) => one.at - other.at);
    if (!all.length) return;
    const place = all.indexOf(this.entries.selected);
    const mark = all[(place + 1) % all.length];
    this.view.approach(mark.at);
    this.entries.select(mark);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = { "+": () => this.view.zoom(0.5), "=": () => this.view.zoom(0.5), "-": () => this.view.zoom(2), ArrowLeft: () => this.view.pan(-0.2), ArrowRight: () => this.view.pan(0.2), 0: () => this.view.whole(), Home: () => this.view.whole(), n: () => this.nextFinding() };
    if (!acts[event.key]) return;
    acts[event.key]();
    event.preventDefault();
  }

  /** Dragging moves it, two fingers and the wheel with Ctrl zoom; the wheel alone scrolls the page as everywhere. */
  listen() {
    const fingers = new Map();
    const place = (event) => event.clientX - this.box.getBoundingClientRect().left - GUTTER;
    const inner = () => this.charts[0].inner;
    this.box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.view.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.view.at(place(event), inner()));
    }, { passive: false });
    this.box.addEventListener("dblclick", (event) => this.view.zoom(0.4, this.view.at(place(event), inner())));
    this.box.addEventListener("pointerdown", (event) => fingers.set(event.pointerId, place(event)));
    this.box.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const before = [...fingers.values()];
      fingers.set(event.pointerId, place(event));
      const now = [...fingers.values()];
      if (now.length === 1) {
        this.view.pan((before[0] - now[0]) / inner());
      } else {
        const spread = ([one, other]) => Math.max(Math.abs(one - other), 10);
        this.view.zoom(spread(before) / spread(now), this.view.at((now[0] + now[1]) / 2, inner()));
      }
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) this.box.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
}

/** What the colours of bars mean, and the kinds of marks. */
const BARS = { connected: "connected", degraded: "degraded", connecting: "on the way", down: "down", connection: "a connection", block: "block", cooldown: "cooldown", fault: "fault", away: "process away" };
const MARKS = { plain: "as it should be", fold: "routine, folded", end: "an end", denied: "a start refused", alert: "for an operator to look at", fault: "a fault acts" };

function legend() {
  const told = (shape, name) => el("span", {}, svg("svg", { width: 16, height: 12, "aria-hidden": "true" }, shape), ` ${name}`);
  const bar = ([kind, name]) => told(svg("g", { class: `bar ${kind}` }, svg("rect", { y: 1, width: 16, height: 10, rx: 2 })), name);
  const mark = ([kind, name]) => told(svg("g", { class: `mark ${kind}` }, svg("circle", { cx: 8, cy: 6, r: 4 })), name);
  const finding = told(svg("g", { class: "finding-line" }, svg("path", { d: "M3 2 h10 l-5 8 z" })), "a finding");
  return el("p", { class: "legend" }, ...Object.entries(BARS).map(bar), ...Object.entries(MARKS).map(mark), finding);
}

// One timeline, drawn: lanes with bars and marks, faults shaded over all of them, findings as lines through all of them.

const GUTTER = 104;
const AXIS = 22;

class Chart {
  /** `select` is called with what somebody points out: a mark, a bar or a finding. */
  constructor(timeline, view, select) {
    Object.assign(this, { timeline, view, select });
    this.lanes = lanesOf(timeline);
    this.faults = timeline.bars.filter((bar) => bar.kind === "fault");
    this.findings = timeline.run.findings.map((finding) => ({ ...finding, at: finding.at_ms, kind: "finding", text: `${finding.oracle}: ${finding.message}`, finding }));
    this.findings.sort((one, other) => one.at - other.at);
    this.height = AXIS + this.lanes.reduce((sum, lane) => sum + lane.height, 0);
    this.svg = svg("svg", { class: "chart", height: this.height, role: "img", "aria-label": `Timeline of ${timeline.run.subject}; the entries below say the same in words` });
  }

  draw(width) {
    const inner = Math.max(width - GUTTER, 60);
    this.inner = inner;
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    const clip = `clip-${this.timeline.run.timeline}`;
    const plot = svg("svg", { x: GUTTER, y: 0, width: inner, height: this.height, id: clip, class: "plot", overflow: "hidden" },
      ...this.shading(), ...this.axis(), ...this.lanes.flatMap((lane) => this.lane(lane)), ...this.lines());
    this.svg.replaceChildren(...this.names(), plot);
  }

  names() {
    return this.lanes.map((lane) => {
      const shown = lane.name.length > 15 ? `${lane.name.slice(0, 14)}…` : lane.name;
      return svg("g", {}, svg("title", {}, lane.name),
        svg("text", { class: "lane-name", x: 2, y: AXIS + lane.top + 16 }, shown),
        svg("line", { class: "lane-line", x1: 0, x2: GUTTER + this.inner, y1: AXIS + lane.top, y2: AXIS + lane.top }));
    });
  }

  axis() {
    const size = step(this.view.length, this.inner / 90);
    const marks = [];
    for (let at = Math.ceil(this.view.from / size) * size; at <= this.view.to; at += size) {
      const x = this.view.x(at, this.inner);
      marks.push(svg("line", { class: "grid", x1: x, x2: x, y1: AXIS - 6, y2: this.height }), svg("text", { class: "tick", x: x + 3, y: 12 }, tick(at, size)));
    }
    return marks;
  }

  /** The faults that stand, behind everything. */
  shading() {
    return thinBars(this.faults.map((bar) => ({ ...bar, row: 0 })), this.view, this.inner)
      .map(({ x, end }) => svg("rect", { class: "shade", x, y: AXIS, width: Math.max(end - x, 1), height: this.height - AXIS }));
  }

  lane(lane) {
    const top = AXIS + lane.top;
    const bars = thinBars(lane.bars, this.view, this.inner).map(({ bar, x, end, count }) => {
      const width = Math.max(end - x, 1.5);
      const text = count > 1 ? `${count} of: ${bar.text}` : bar.text;
      const label = width > 40 ? svg("text", { class: "bar-text", x: Math.max(x, 0) + 4, y: top + bar.row * ROW + 13 }, fitting(bar.text, Math.min(x + width, this.inner) - Math.max(x, 0) - 8)) : null;
      return svg("g", { class: `bar ${bar.kind}`, click: () => this.select(bar) },
        svg("title", {}, `${text}\n${point(bar.from)} to ${point(bar.to)} (${stretch(bar.to - bar.from)})`),
        svg("rect", { x, y: top + bar.row * ROW + 3, width, height: ROW - 2, rx: 2 }), label);
    });
    const middle = top + lane.rows * ROW + 10;
    const marks = thinMarks(lane.marks, this.view, this.inner).map(({ mark, count, first, last }) => {
      const x = this.view.x(mark.at, this.inner);
      const text = count > 1 ? `${count} entries, ${point(first.at)} to ${point(last.at)}\n${mark.text}` : `${point(mark.at)}\n${mark.text}`;
      const click = () => (count > 1 && last.at > first.at ? this.view.show(first.at - (last.at - first.at) * 0.1 - 5, last.at + (last.at - first.at) * 0.1 + 5) : this.select(mark));
      return svg("g", { class: `mark ${mark.kind}`, click }, svg("title", {}, text),
        svg("circle", { cx: Math.max(x, 5), cy: middle, r: count > 1 ? 5 : 3.5 }),
        count > 1 && mark.kind !== "fold" ? svg("text", { class: "count", x: x + 6, y: middle - 3 }, short(count)) : null);
    });
    return [...bars, ...marks];
  }

  /** The findings, in front of everything. */
  lines() {
    return thinMarks(this.findings, this.view, this.inner).map(({ x, mark, count }) => svg("g", { class: "finding-line", click: () => this.select(mark) },
      svg("title", {}, `${point(mark.at)}\n${mark.text}${count > 1 ? `\nand ${count - 1} more` : ""}`),
      svg("line", { x1: x, x2: x, y1: AXIS - 8, y2: this.height }),
      svg("path", { d: `M${x - 5} ${AXIS - 10} h10 l-5 8 z` })));
  }
}

/** As much of a text as fits into so many pixels. */
function fitting(text, width) {
  const most = Math.floor(width / 6.2);
  return text.length <= most ? text : most > 3 ? `${text.slice(0, most - 1)}…` : "";
}

const short = (count) => (count >= 10000 ? `${Math.round(count / 1000)}k` : String(count));

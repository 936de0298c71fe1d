// The timeline: a lane for each connection of late, one for faults, and the present at its right edge.

const LANE = 22;
const NAMES = 136;
const MOST_LANES = 40;
const KEPT_EVENTS = 5000;

class Timeline {
  constructor(box, stretch) {
    Object.assign(this, { box, stretch });
    this.clear();
    this.svg = svg("svg", { role: "img", "aria-label": "Connections over time; the events below say the same in words" });
    box.append(this.svg);
    stretch.addEventListener("change", () => this.draw());
  }

  /** Nothing has happened yet. */
  clear() {
    this.lanes = new Map();
    this.faults = new Map();
    this.marks = [];
  }

  /** Takes in an event. */
  hear(entry) {
    const [name, what] = parts(entry);
    const at = Date.parse(entry.at);
    if (name === "fault_on") this.faults.set(what.fault, { name: what.name, from: at, to: null });
    if (name === "fault_off" && this.faults.has(what.fault)) this.faults.get(what.fault).to = at;
    if (what.connection !== undefined) {
      const lane = this.lanes.get(what.connection) ?? { from: at, to: null, account: null };
      this.lanes.set(what.connection, lane);
      if (what.account) lane.account = what.account;
      if (name === "login" || name === "pair_success") lane.open ??= at;
      if (name === "closed" || name === "refused") lane.to = at;
    }
    this.marks.push({ at, entry, lane: what.connection });
    if (this.marks.length > KEPT_EVENTS) this.forget();
  }

  /** A page that is open for days forgets what is long past. */
  forget() {
    this.marks.splice(0, KEPT_EVENTS / 5);
    const since = this.marks[0].at;
    for (const held of [this.lanes, this.faults]) {
      for (const [key, { to }] of held) if (to !== null && to < since) held.delete(key);
    }
  }

  draw() {
    const width = Math.max(this.box.clientWidth, 200);
    const [now, length] = [Date.now(), Number(this.stretch.value)];
    const inner = width - NAMES - 8;
    const x = (at) => NAMES + Math.max(0, ((at - (now - length)) / length) * inner);
    const lanes = [...this.lanes].filter(([, { to }]) => to === null || to > now - length).slice(-MOST_LANES);
    const height = 24 + (lanes.length + 1) * LANE;
    const places = new Map(lanes.map(([id], place) => [id, 24 + (place + 1) * LANE]));
    const bar = (kind, from, to, y, title) => svg("rect", { class: kind, x: x(from), y: y + 4, width: Math.max(x(to ?? now) - x(from), 2), height: LANE - 10, rx: 2 }, svg("title", {}, title));
    const faults = [...this.faults].filter(([, { to }]) => to === null || to > now - length);
    const drawn = [
      ...this.grid(now, length, x, height),
      ...faults.map(([, { from, to, name }]) => svg("rect", { class: "shade", x: x(from), y: 20, width: Math.max(x(to ?? now) - x(from), 1), height: height - 20 }, svg("title", {}, name))),
      svg("text", { x: 2, y: 40 }, "faults"),
      ...faults.map(([, { from, to, name }]) => bar("fault", from, to, 24, name)),
      ...lanes.flatMap(([id, { from, to, open, account }]) => [
        svg("text", { x: 2, y: places.get(id) + 16 }, `conn ${id}${account ? ` (${account})` : ""}`.slice(0, 24)),
        bar("connecting", from, open ?? to, places.get(id), `conn ${id}`),
        open ? bar("open", open, to, places.get(id), `conn ${id}, open`) : null,
      ]),
      ...this.marks.filter(({ at, lane }) => at > now - length && (lane === undefined || places.has(lane))).map(({ at, entry, lane }) =>
        svg("circle", { class: gravity(entry), cx: x(at), cy: (places.get(lane) ?? 24) + LANE / 2 - 1, r: 4 }, svg("title", {}, `${entry.at}\n${told(entry)}`))),
    ];
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren(...drawn.filter(Boolean));
  }

  grid(now, length, x, height) {
    const step = length / 5;
    return [1, 2, 3, 4].flatMap((nth) => {
      const at = now - nth * step;
      return [svg("line", { class: "grid", x1: x(at), x2: x(at), y1: 18, y2: height }), svg("text", { class: "tick", x: x(at) + 2, y: 12 }, `−${ago(at, now)}`)];
    });
  }
}

// The entries of a timeline in words: what the picture shows, for whoever reads or listens; and the details of one.

const MOST_ENTRIES = 250;

class Entries {
  constructor(charts, view) {
    Object.assign(this, { view });
    this.all = charts.flatMap((chart) => [...chart.lanes.flatMap((lane) => lane.marks.map((mark) => ({ mark, lane: lane.name, subject: chart.timeline.run.subject }))),
      ...chart.findings.map((mark) => ({ mark, lane: "finding", subject: chart.timeline.run.subject }))]);
    this.all.sort((one, other) => one.mark.at - other.mark.at);
    this.marks = this.all.map(({ mark }) => mark);
    this.several = charts.length > 1;
    this.text = el("input", { type: "search", placeholder: "words or lane", autocomplete: "off", input: () => this.draw() });
    this.count = el("output");
    this.list = el("ol", { class: "entries" });
    this.details = el("div", { class: "details", "aria-live": "polite" });
    this.element = el("section", { class: "entries-part" }, el("h3", {}, "Entries"),
      el("p", { class: "controls" }, el("label", {}, "Find ", this.text), this.count),
      el("div", { class: "split" }, this.list, this.details));
  }

  draw() {
    const wanted = this.text.value.trim().toLowerCase();
    const shown = [];
    let found = 0;
    for (let place = firstFrom(this.marks, this.view.from); place < this.all.length && this.marks[place].at <= this.view.to; place += 1) {
      const entry = this.all[place];
      if (wanted && !`${entry.lane} ${entry.subject} ${entry.mark.text}`.toLowerCase().includes(wanted)) continue;
      found += 1;
      if (shown.length < MOST_ENTRIES) shown.push(entry);
    }
    this.count.textContent = found > shown.length ? `the first ${shown.length} of ${grouped(found)} in view; zoom in for the rest` : `${counted(found, "entr").replace(/entrs?$/, found === 1 ? "entry" : "entries")} in view`;
    this.list.replaceChildren(...shown.map((entry) => this.row(entry)));
  }

  row({ mark, lane, subject }) {
    const when = mark.until ? `${point(mark.at)} to ${point(mark.until)}` : point(mark.at);
    return el("li", {}, el("button", { type: "button", class: `entry ${mark.kind}`, "aria-pressed": String(mark === this.selected), click: () => this.select(mark) },
      el("span", { class: "when" }, when), el("span", { class: "who" }, this.several ? `${subject}, ${lane}` : lane), el("span", { class: "what" }, mark.text)));
  }

  /** Shows all that is known of a mark, a bar or a finding. */
  select(mark) {
    this.selected = mark;
    const facts = [];
    if (mark.from !== undefined) facts.push(["from", point(mark.from)], ["to", point(mark.to)], ["for", stretch(mark.to - mark.from)]);
    else facts.push(["at", point(mark.at)]);
    if (mark.until) facts.push(["until", point(mark.until)]);
    const raw = mark.event ?? mark.asked ?? mark.finding;
    this.details.replaceChildren(el("h4", {}, mark.text), el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
      raw ? el("pre", { tabindex: 0 }, JSON.stringify(raw, null, 2)) : el("p", {}, mark.from === undefined ? "Routine, folded; the full trace (squall run --trace DIR) has each message." : ""));
    this.draw();
  }
}

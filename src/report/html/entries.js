// The entries of a timeline in words: what the picture shows, bars and marks and findings, for whoever reads or listens; and the
// details of one.

const MOST_ENTRIES = 250;

class Entries {
  constructor(charts, view) {
    Object.assign(this, { view });
    this.all = charts.flatMap((chart) => {
      const { subject } = chart.timeline.run;
      const happens = (lane) => (mark) => ({ mark, at: mark.at, until: mark.until, lane, subject });
      const lasts = (lane) => (bar) => ({ mark: bar, at: bar.from, until: bar.to, lane, subject, lasts: true });
      return [...chart.lanes.flatMap(({ name, bars, marks }) => [...bars.map(lasts(name)), ...marks.map(happens(name))]), ...chart.findings.map(happens("finding"))];
    });
    this.all.sort((one, other) => one.at - other.at);
    this.lasting = this.all.filter(({ lasts }) => lasts);
    this.buttons = new Map();
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
    const take = (entry) => {
      if (wanted && !`${entry.lane} ${entry.subject} ${entry.mark.text}`.toLowerCase().includes(wanted)) return;
      found += 1;
      if (shown.length < MOST_ENTRIES) shown.push(entry);
    };
    // What began before and lasts into what is looked at is told first.
    this.lasting.filter(({ at, until }) => at < this.view.from && until > this.view.from).forEach(take);
    for (let place = firstFrom(this.all, this.view.from); place < this.all.length && this.all[place].at <= this.view.to; place += 1) take(this.all[place]);
    this.count.textContent = found > shown.length ? `the first ${shown.length} of ${grouped(found)} in view; zoom in for the rest` : `${counted(found, "entr").replace(/entrs?$/, found === 1 ? "entry" : "entries")} in view`;
    const focused = [...this.buttons].find(([, button]) => button === document.activeElement);
    this.buttons.clear();
    this.list.replaceChildren(...shown.map((entry) => el("li", {}, this.button(entry))));
    if (focused) this.buttons.get(focused[0])?.focus({ preventScroll: true });
  }

  button({ mark, at, until, lane, subject, lasts }) {
    const when = until ? `${point(at)} to ${point(until)}` : point(at);
    const kind = lasts ? "lasts" : mark.kind;
    const button = el("button", { type: "button", class: `entry ${kind}`, "aria-pressed": String(mark === this.selected), click: () => this.select(mark) },
      el("span", { class: "when" }, when), el("span", { class: "who" }, this.several ? `${subject}, ${lane}` : lane), el("span", { class: "what" }, mark.text));
    this.buttons.set(mark, button);
    return button;
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
    // The list stays as it is, and with it the button that was pressed and has the focus.
    for (const [of, button] of this.buttons) button.setAttribute("aria-pressed", String(of === mark));
  }
}

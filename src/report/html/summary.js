// All runs in numbers, and in a table that can be filtered.

/** The line under the title, and the totals. */
function showTotals() {
  const totals = new Map();
  let simulated = 0;
  for (const run of known.runs) {
    const verdict = verdictOf(run);
    totals.set(verdict, (totals.get(verdict) ?? 0) + 1);
    simulated += run.simulated_ms ?? 0;
  }
  const subjects = [...new Set(known.runs.map((run) => run.subject))].join(", ");
  byId("headline").textContent = `${counted(known.runs.length, "run")} of ${subjects}, ${stretch(simulated)} simulated in ${stretch(known.wall_ms)}, by squall ${known.version}`;
  byId("totals").replaceChildren(...Object.entries(VERDICTS).filter(([verdict]) => totals.has(verdict) || verdict === "held")
    .map(([verdict, name]) => el("div", { class: `total ${verdict}` }, el("strong", {}, grouped(totals.get(verdict) ?? 0)), el("span", {}, name))));
  return totals;
}

/** The table, and the form that filters it. */
function showRuns(totals) {
  const chosen = new Set(totals.keys());
  const text = byId("filter-text");
  byId("filter-verdicts").append(...Object.keys(VERDICTS).filter((verdict) => totals.has(verdict)).map((verdict) => {
    const change = (event) => {
      if (event.target.checked) chosen.add(verdict);
      else chosen.delete(verdict);
      filter();
    };
    return el("label", {}, el("input", { type: "checkbox", checked: true, value: verdict, change }), VERDICTS[verdict]);
  }));
  const rows = known.runs.map((run, place) => ({ run, row: runRow(run, place), words: wordsOf(run) }));
  const compared = known.runs.some((run) => run.compared);
  const heads = ["verdict", "scenario", "seed", "simulated", "dials", "disconnects", "faults", "findings"];
  const head = el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)), compared ? el("th", { scope: "col" }, "before") : null);
  byId("runs-table").replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows.map(({ row }) => row)));
  const filter = () => {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    for (const { run, row, words } of rows) {
      row.hidden = !chosen.has(verdictOf(run)) || !words.includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    byId("filter-count").textContent = `${shown} of ${rows.length}`;
  };
  text.addEventListener("input", filter);
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  filter();
}

const wordsOf = (run) => [run.scenario, run.path, run.seed, run.verdict, ...Object.keys(run.counts)].join("\n").toLowerCase();

function runRow(run, place) {
  const verdict = verdictOf(run);
  const number = (value) => el("td", { class: "number" }, value === null ? "" : grouped(value));
  const before = run.compared;
  return el("tr", {},
    el("td", {}, badge(verdict)),
    el("th", { scope: "row" }, el("a", { href: `#run-${place}` }, run.scenario)),
    el("td", { class: "number" }, String(run.seed)),
    el("td", { class: "number" }, run.simulated_ms === null ? "" : stretch(run.simulated_ms)),
    number(run.dials), number(run.disconnects), number(run.faults), number(findingsOf(run)),
    before ? el("td", {}, badge(verdictOf(before)), ` ${counted(before.dials ?? 0, "dial")}`) : null);
}

const badge = (verdict) => el("span", { class: `badge ${verdict}` }, VERDICTS[verdict]);

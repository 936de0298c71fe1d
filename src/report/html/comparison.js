// Two subjects side by side, over all runs or over one.

/** What is compared: its name, how runs are added up, and how it is told. */
const COMPARED = [
  ["runs that held", (runs) => `${runs.filter((run) => verdictOf(run) === "held").length} of ${runs.length}`],
  ["keep-alive: IQ pings", (runs) => `${grouped(sum(runs, "iq_pings"))}, ${interval(runs, "iq_interval", "iq_pings")}`],
  ["active check: WebSocket Pings", (runs) => `${grouped(sum(runs, "web_socket_pings"))}, ${interval(runs, "web_socket_interval", "web_socket_pings")}`],
  ["connections dialed", (runs) => grouped(sum(runs, "dials"))],
  ["…of these the handoff of a pairing", (runs) => grouped(sum(runs, "handoffs"))],
  ["…of these asked for by nobody", (runs) => grouped(sum(runs, "unasked")), "unasked"],
  ["most dials within an hour", (runs) => grouped(Math.max(0, ...runs.map((run) => run.facts?.most_dials_in_an_hour ?? 0)))],
  ["starts admitted", (runs) => grouped(sum(runs, "granted"))],
  ["starts refused", (runs) => grouped(sum(runs, "refused"))],
  ["sessions that ended", (runs) => grouped(sum(runs, "disconnects"))],
  ["accounts punished by the server's guard", (runs) => grouped(sum(runs, "penalties")), "penalties"],
  ["presence set to available", (runs) => grouped(sum(runs, "available"))],
];

const sum = (runs, fact) => runs.reduce((all, run) => all + (run.facts?.[fact] ?? 0), 0);

/** The interval at which most pings came. */
function interval(runs, fact, weight) {
  const seen = new Map();
  for (const { facts } of runs) {
    if (facts?.[fact]) seen.set(facts[fact], (seen.get(facts[fact]) ?? 0) + facts[weight]);
  }
  const [most] = [...seen].sort(([, one], [, other]) => other - one);
  return most ? `mostly every ${most[0]}` : "none in a row";
}

/** Rows of a comparison of these runs with the ones that they are compared with. */
function comparison(runs) {
  const both = runs.filter((run) => run.compared);
  if (!both.length) return null;
  const before = both.map((run) => run.compared);
  const head = el("tr", {}, el("th", { scope: "col" }, "measured"), el("th", { scope: "col" }, before[0].subject), el("th", { scope: "col" }, both[0].subject));
  const rows = COMPARED.map(([name, tell, bad]) => {
    const cell = (side) => el("td", { class: bad && sum(side, bad) > 0 ? "bad" : null }, tell(side));
    return el("tr", {}, el("th", { scope: "row" }, name), cell(before), cell(both));
  });
  return [el("thead", {}, head), el("tbody", {}, ...rows)];
}

function showComparison() {
  const rows = comparison(known.runs);
  byId("comparison").hidden = !rows;
  if (rows) byId("comparison-table").replaceChildren(...rows);
}

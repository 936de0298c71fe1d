// The limiter's ledger: why each start was admitted or refused, and when the next is possible.

const MOST_ASKED = 400;

/** Why each rule refuses, in words. */
const RULES = { store_unavailable: "the store could not be asked", already_active: "a session or an attempt is under way", global: "attempts of all organizations", per_org: "attempts of this organization", cooldown: "cooldown after a failure", block: "block after a rate limit" };

/** What was said to a start-session, in words. */
function answered({ answer }) {
  if (answer === "unreachable") return "no answer, the process is not there";
  if (answer.granted) return `admitted, attempt ${answer.granted.attempt}`;
  return `refused: ${answer.denied.cause}`;
}

function ledgerOf(timeline, view) {
  if (!timeline.ledger.length) return null;
  const heads = ["at", "org", "answer", "why", "next possible", "what came of it"];
  const folded = foldRefusals(timeline.ledger);
  const rows = folded.slice(0, MOST_ASKED).map(({ first, last, count }) => {
    const go = () => view.approach(first.at);
    return el("tr", { class: first.answer.denied ? "denied" : "" },
      el("td", {}, el("button", { type: "button", class: "link", click: go }, point(first.at)), count > 1 ? ` to ${point(last.at)}, ${count} times` : ""),
      el("td", {}, first.org), el("td", {}, answered(first)), el("td", {}, why(first)), el("td", {}, next(first, last, timeline)), el("td", {}, cameOf(first)));
  });
  const rest = folded.length - rows.length;
  return el("details", { class: "ledger", open: folded.length <= 30 }, el("summary", {}, `Limiter's ledger of ${timeline.run.subject}: ${counted(timeline.ledger.length, "start")}`),
    el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows))),
    rest > 0 ? el("p", {}, `and ${grouped(rest)} rows more; the entries have all of them`) : null);
}

/** Refusals of one organization for the same reasons, with nothing between them, are one row. */
function foldRefusals(ledger) {
  const rows = [];
  for (const asked of ledger) {
    const row = rows.at(-1);
    const same = row && row.first.org === asked.org && row.first.answer.denied && asked.answer.denied && reasons(row.first) === reasons(asked);
    if (same) {
      row.last = asked;
      row.count += 1;
    } else {
      rows.push({ first: asked, last: asked, count: 1 });
    }
  }
  return rows;
}

const reasons = ({ answer }) => [answer.denied.cause, ...answer.denied.also].join(", ");

function why(asked) {
  const room = ({ used, max, per }, of) => `${used} of ${max} attempts ${of} in ${per}`;
  const quotas = [room(asked.global, "of all"), asked.per_org ? room(asked.per_org, "of this one") : null].filter(Boolean).join("; ");
  if (!asked.answer.denied) return asked.answer.granted ? quotas : "";
  const { cause, also } = asked.answer.denied;
  const rules = [cause, ...also].map((rule) => RULES[rule] ?? rule).join("; also ");
  return ["global", "per_org"].some((rule) => rule === cause || also.includes(rule)) ? `${rules} (${quotas})` : rules;
}

function next(first, last, timeline) {
  const at = ({ answer }) => answer.denied?.retry_at;
  if (!at(first)) return "";
  const told = wall(at(first), timeline.utc_offset);
  const wait = stretch(Math.max(0, at(first) - timeline.epoch - first.at));
  return at(last) !== at(first) ? `${told}, at last ${wall(at(last), timeline.utc_offset)}` : `${told} (in ${wait})`;
}

function cameOf({ at, answer }) {
  const granted = answer.granted;
  if (!granted) return "";
  const dialed = granted.dials.length ? `dialed ${granted.dials.length > 6 ? counted(granted.dials.length, "time") : `conn ${granted.dials.join(", ")}`}` : "never dialed";
  if (granted.undone) return `${granted.undone[1]} after ${stretch(granted.undone[0] - at)}`;
  return granted.spent !== undefined && granted.spent !== null ? `${dialed} after ${stretch(granted.spent - at)}` : dialed;
}

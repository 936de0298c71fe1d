// What a keep-alive costs: the study's answer, its tables and what it assumes. Its picture is in the markup.

/** Shows the study, where there is one; alone where nothing was run. */
function showStudy() {
  const study = known.keep_alive;
  if (!study) return;
  byId("keep-alive").hidden = false;
  byId("keep-alive-answer").textContent = study.answer;
  byId("keep-alive-tables").replaceChildren(...study.tables.flatMap(studyTable));
  byId("keep-alive-assumed").replaceChildren(...study.assumed.flatMap(([flags, what]) => [el("dt", {}, el("code", {}, flags)), el("dd", {}, what)]));
  const alone = known.runs.length === 0;
  byId("parts").hidden = alone;
  byId("totals").hidden = alone;
  byId("runs").hidden = alone;
  if (!alone) return;
  byId("headline").textContent = `${grouped(study.policies)} keep-alive policies, seed ${study.seed}, by squall ${known.version}`;
  byId("skip").href = "#keep-alive";
  byId("skip").textContent = "Skip to the study";
}

/** A table that scrolls by itself where the window is narrow, by a finger or by the keyboard. */
function studyTable({ about, head, rows }) {
  const column = (name) => el("th", { scope: "col" }, name);
  const row = ([name, ...cells]) => el("tr", {}, el("th", { scope: "row" }, name), ...cells.map((cell) => el("td", {}, cell)));
  const table = el("table", { class: "study" }, el("thead", {}, el("tr", {}, ...head.map(column))), el("tbody", {}, ...rows.map(row)));
  return [el("h3", {}, about), el("div", { class: "scroll", role: "region", "aria-label": about, tabindex: 0 }, table)];
}

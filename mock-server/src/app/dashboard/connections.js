// The connections that live: a row for each, which stays the same element for as long as it lives. So whoever is about to click
// or goes from button to button keeps the button, while what the row says goes on.

const HEADS = ["conn", "account", "stage", "since", "last activity", "received", "sent", "pings", "end it"];

const rows = new Map();

async function showConnections() {
  const { connections } = await ask("GET", "/admin/connections");
  const now = Date.now();
  const body = tableBody();
  for (const one of connections) {
    const row = rows.get(one.id) ?? rowOf(one.id, body);
    said(one, now).forEach((text, place) => {
      if (row.cells[place].textContent !== text) row.cells[place].textContent = text;
    });
  }
  const live = new Set(connections.map(({ id }) => id));
  for (const [id, row] of rows) if (!live.has(id)) letGo(id, row, body);
  byId("nobody").hidden = rows.size > 0;
  const waiting = connections.filter(({ registers }) => registers);
  byId("waiting").textContent = waiting.length ? `Waiting to be paired: ${waiting.map(({ id }) => `conn ${id}`).join(", ")}. Copy the text of its QR code, then one click scans it.` : "No client waits to be paired.";
}

/** What a connection's row says before its buttons. */
function said(one, now) {
  return [
    String(one.id),
    one.account ? `${one.account}${one.device === undefined ? "" : `:${one.device}`}` : "",
    one.registers ? `${one.stage}, waits to be paired` : one.stage,
    `${ago(one.since, now)} ago`,
    one.last_activity ? `${ago(one.last_activity, now)} ago` : "",
    `${counted(one.received.frames, "frame")}, ${bytes(one.received.bytes)}`,
    `${counted(one.sent.frames, "frame")}, ${bytes(one.sent.bytes)}`,
    `${one.pings.iq} IQ, ${one.pings.web_socket} WebSocket`,
  ];
}

function rowOf(id, body) {
  const end = (how) => attempt(() => ask("DELETE", `/admin/connections/${id}?how=${how}`).then(showConnections));
  const buttons = ["close", "eof", "reset"].map((how) => el("button", { type: "button", "aria-label": `${how} connection ${id}`, click: () => end(how) }, how));
  const row = el("tr", {}, el("th", { scope: "row" }), ...HEADS.slice(2).map(() => el("td")), el("td", { class: "ends" }, ...buttons));
  rows.set(id, row);
  body.append(row);
  return row;
}

/** A connection is gone. Its row stays while a pointer is over the table, so that no other button comes under it. */
function letGo(id, row, body) {
  if (body.matches(":hover")) {
    row.className = "gone";
    row.cells[2].textContent = "ended";
    for (const button of row.querySelectorAll("button")) button.disabled = true;
    return;
  }
  const hadFocus = row.contains(document.activeElement);
  const beside = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  rows.delete(id);
  if (hadFocus) (beside?.querySelector("button") ?? byId("connections-title")).focus();
}

function forgetConnections() {
  for (const row of rows.values()) row.remove();
  rows.clear();
}

/** Made once. */
function tableBody() {
  const table = byId("connections");
  if (!table.tBodies.length) {
    const nobody = el("tr", { id: "nobody" }, el("td", { colspan: HEADS.length }, "Nobody is connected."));
    table.append(el("thead", {}, el("tr", {}, ...HEADS.map((name) => el("th", { scope: "col" }, name)))), el("tbody"), el("tfoot", {}, nobody));
  }
  return table.tBodies[0];
}

// The connections that live.

const HEADS = ["conn", "account", "stage", "since", "last activity", "received", "sent", "pings", "end it"];

async function showConnections() {
  const { connections } = await ask("GET", "/admin/connections");
  const now = Date.now();
  const rows = connections.map((one) => el("tr", {},
    el("th", { scope: "row" }, String(one.id)),
    el("td", {}, one.account ? `${one.account}${one.device === undefined ? "" : `:${one.device}`}` : ""),
    el("td", {}, one.registers ? `${one.stage}, waits to be paired` : one.stage),
    el("td", {}, `${ago(one.since, now)} ago`),
    el("td", {}, one.last_activity ? `${ago(one.last_activity, now)} ago` : ""),
    el("td", {}, `${counted(one.received.frames, "frame")}, ${bytes(one.received.bytes)}`),
    el("td", {}, `${counted(one.sent.frames, "frame")}, ${bytes(one.sent.bytes)}`),
    el("td", {}, `${one.pings.iq} IQ, ${one.pings.web_socket} WebSocket`),
    el("td", { class: "ends" }, ...["close", "eof", "reset"].map((how) =>
      el("button", { type: "button", "aria-label": `${how} connection ${one.id}`, click: () => attempt(() => ask("DELETE", `/admin/connections/${one.id}?how=${how}`).then(showConnections)) }, how)))));
  const none = el("tr", {}, el("td", { colspan: HEADS.length }, "Nobody is connected."));
  // Whoever is about to click keeps the button under the pointer.
  const table = byId("connections");
  if (table.querySelector("button:hover, button:focus")) {
    const same = [...table.querySelectorAll("tbody th")].map((cell) => cell.textContent).join() === connections.map(({ id }) => id).join();
    if (same) return;
  }
  table.replaceChildren(el("thead", {}, el("tr", {}, ...HEADS.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...(rows.length ? rows : [none])));
  const waiting = connections.filter(({ registers }) => registers);
  byId("waiting").textContent = waiting.length ? `Waiting to be paired: ${waiting.map(({ id }) => `conn ${id}`).join(", ")}. Copy the text of its QR code, then one click scans it.` : "No client waits to be paired.";
}

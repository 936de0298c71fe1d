// The page: hears what happens, and asks how things are whenever something did.

const MOST_EVENTS = 500;
const timeline = new Timeline(byId("timeline"), byId("stretch"));
const events = [];

function showEvents() {
  const wanted = byId("find").value.trim().toLowerCase();
  const shown = events.filter((entry) => told(entry).toLowerCase().includes(wanted)).slice(-MOST_EVENTS).reverse();
  byId("events").replaceChildren(...shown.map((entry) => el("li", { class: gravity(entry) }, el("time", {}, entry.at.replace("T", " ").replace("Z", "")), ` ${told(entry)}`)));
}

/** Once for all that comes together. */
let soon = null;
function refresh() {
  soon ??= setTimeout(() => {
    soon = null;
    showEvents();
    timeline.draw();
    attempt(() => Promise.all([showConnections(), showFaults()]));
  }, 100);
}

hear((entry) => {
  events.push(entry);
  if (events.length > 2 * MOST_EVENTS) events.splice(0, MOST_EVENTS);
  timeline.hear(entry);
  refresh();
}, (missed) => {
  byId("link").textContent = `live; ${missed} earlier events are kept no more`;
}, (live) => {
  byId("link").textContent = live ? "live" : "the server does not answer; trying again";
  byId("link").className = live ? "live" : "gone";
});

byId("find").addEventListener("input", showEvents);
beginPhone();
attempt(async () => {
  byId("root-key").textContent = (await ask("GET", "/admin/root-key")).hex;
  await beginFaults();
  await showConnections();
});
setInterval(() => {
  timeline.draw();
  if (byId("link").className === "live") showConnections().catch(() => {});
}, 1000);

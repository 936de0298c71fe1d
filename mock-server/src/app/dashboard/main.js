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
    behind(() => Promise.all([showConnections(), showFaults()]));
  }, 100);
}

function showLink(live) {
  byId("link").textContent = live ? "live" : "the server does not answer; trying again";
  byId("link").className = live ? "live" : "gone";
}

hear({
  onEvent(entry) {
    events.push(entry);
    if (events.length > 2 * MOST_EVENTS) events.splice(0, MOST_EVENTS);
    timeline.hear(entry);
    refresh();
  },
  onGap(missed) {
    byId("link").textContent = `live; ${missed} earlier events are kept no more`;
  },
  onLink(live) {
    showLink(live);
    if (live) refresh();
  },
  /** What was heard so far is another server's. */
  onAnew(key) {
    byId("root-key").textContent = key;
    events.length = 0;
    timeline.clear();
    forgetConnections();
    forgetFaults();
  },
});

byId("find").addEventListener("input", showEvents);
beginPhone();
attempt(beginFaults);
setInterval(() => {
  timeline.draw();
  if (byId("link").className === "live") behind(showConnections);
}, 1000);

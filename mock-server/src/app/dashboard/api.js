// The control API of this server.

/** A page that was opened with a name and a password in its address may not ask relative to it. */
const address = (path) => new URL(path, location.origin).href;

/** Asks, and returns what is answered; a problem is told and thrown. */
async function ask(method, path, body) {
  const text = typeof body === "string";
  const headers = body === undefined ? {} : { "content-type": text ? "text/plain" : "application/json" };
  const response = await fetch(address(path), { method, headers, body: body === undefined || text ? body : JSON.stringify(body) });
  const answer = (await response.text()) || "null";
  const value = JSON.parse(answer);
  if (!response.ok) throw new Error(value?.detail ?? `${method} ${path}: ${response.status}`);
  return value;
}

/** Does something for somebody who clicked; what goes wrong is told on the page. */
async function attempt(act) {
  const problem = byId("problem");
  try {
    problem.hidden = true;
    await act();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

/** Hears everything that is kept and then what happens; the browser comes back by itself and goes on where it was. */
function hear(onEvent, onGap, onLink) {
  const source = new EventSource(address("/admin/events?since=0"));
  source.addEventListener("open", () => onLink(true));
  source.addEventListener("error", () => onLink(false));
  source.addEventListener("message", ({ data }) => onEvent(JSON.parse(data)));
  source.addEventListener("gap", ({ data }) => onGap(JSON.parse(data).gap.missed));
}

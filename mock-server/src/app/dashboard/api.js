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

/** Does something for somebody who clicked; what goes wrong is told on the page until their next click. */
async function attempt(act) {
  byId("problem").hidden = true;
  try {
    await act();
  } catch (error) {
    complain(error, "click");
  }
}

/** Does something that nobody clicked for: what goes wrong is told where no click's trouble is, until it goes well again. */
async function behind(act) {
  const problem = byId("problem");
  const isFree = () => problem.hidden || problem.dataset.cause === "page";
  try {
    await act();
    if (isFree()) problem.hidden = true;
  } catch (error) {
    if (isFree()) complain(error, "page");
  }
}

function complain({ message }, cause) {
  const problem = byId("problem");
  problem.textContent = message;
  problem.dataset.cause = cause;
  problem.hidden = false;
}

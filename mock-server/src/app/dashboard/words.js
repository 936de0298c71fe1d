// Events and amounts in words.

/** The name of an event, and what it says. */
function parts({ event }) {
  const [[name, what]] = Object.entries(event);
  return [name, what];
}

/** An event in a line. */
function told(entry) {
  const [name, what] = parts(entry);
  const { connection, account, fault, how, ...rest } = what;
  const of = [connection === undefined ? null : `conn ${connection}`, account ? `account ${account}` : null, fault === undefined ? null : `fault ${fault}`].filter(Boolean).join(", ");
  const ended = how === undefined ? "" : ` ${typeof how === "string" ? how : JSON.stringify(how)}`;
  const more = Object.entries(rest).filter(([, value]) => value !== null).map(([key, value]) => ` ${key} ${typeof value === "object" ? JSON.stringify(value) : value}`).join("");
  return `${of}${of ? ": " : ""}${name.replaceAll("_", " ")}${ended}${more}`;
}

/** How grave an event is. */
function gravity(entry) {
  const [name] = parts(entry);
  if (["closed", "refused", "upgrade_refused", "login_failed", "penalty", "revoked"].includes(name)) return "end";
  return name.startsWith("fault_") ? "fault" : "plain";
}

/** `1m 5s` ago. */
function ago(then, now) {
  const from = typeof then === "number" ? then : Date.parse(then);
  const seconds = Math.max(0, Math.round((now - from) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}h ${minutes}m` : minutes ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}

const bytes = (count) => (count < 10_000 ? `${count} B` : count < 10_000_000 ? `${Math.round(count / 1000)} kB` : `${Math.round(count / 1_000_000)} MB`);

/** A number and what it counts. */
const counted = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

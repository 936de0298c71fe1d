// Times for people. Points of a run are milliseconds since it began.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A point, as in every report: `1d 6h 0m 0.062s`. */
function point(ms) {
  const [days, hours, minutes] = [Math.floor(ms / DAY), Math.floor(ms / HOUR) % 24, Math.floor(ms / MINUTE) % 60];
  const parts = [];
  if (days) parts.push(`${days}d`);
  if (days || hours) parts.push(`${hours}h`);
  if (days || hours || minutes) parts.push(`${minutes}m`);
  const rest = Math.floor(ms % MINUTE);
  parts.push(`${Math.floor(rest / SECOND)}.${String(rest % SECOND).padStart(3, "0")}s`);
  return parts.join(" ");
}

/** A length in its two largest units: `3d 2h`, `1m 5s`, `40ms`. */
function stretch(ms) {
  const units = [[365 * DAY, "y"], [DAY, "d"], [HOUR, "h"], [MINUTE, "m"], [SECOND, "s"], [1, "ms"]];
  const first = units.findIndex(([size]) => ms >= size);
  if (first < 0) return "0s";
  let rest = Math.round(ms);
  const words = [];
  for (const [size, name] of units.slice(first, first + 2)) {
    if (rest >= size) words.push(`${Math.floor(rest / size)}${name}`);
    rest %= size;
  }
  return words.join(" ");
}

/** An instant of the wall clock, in milliseconds of the epoch, by the scenario's own offset in seconds. */
function wall(epoch, offset) {
  const shifted = new Date(epoch + offset * SECOND);
  if (Number.isNaN(shifted.getTime())) return "the end of time";
  const sign = offset < 0 ? "-" : "+";
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 3600), Math.floor(Math.abs(offset) / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return shifted.toISOString().replace("T", " ").replace("Z", "").replace(".000", "") + ` ${sign}${two(hours)}:${two(minutes)}`;
}

/** Steps of an axis that people count in, so that about `most` fit into a length. */
function step(length, most) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND,
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
    DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 180 * DAY, 365 * DAY];
  return steps.find((size) => length / size <= most) ?? Math.ceil(length / most / (365 * DAY)) * 365 * DAY;
}

/** A point of the axis, no finer than its steps. */
function tick(ms, size) {
  if (ms === 0) return "0";
  const days = Math.floor(ms / DAY);
  if (size >= DAY) return `${days}d`;
  const [hours, minutes] = [Math.floor(ms / HOUR) % 24, Math.floor(ms / MINUTE) % 60];
  if (size >= HOUR) return hours ? (days ? `${days}d ${hours}h` : `${hours}h`) : `${days}d`;
  if (size >= MINUTE) return minutes || !(hours || days) ? `${hours ? `${hours}h ` : ""}${minutes}m` : `${days ? `${days}d ` : ""}${hours}h`;
  const seconds = (ms % MINUTE) / SECOND;
  const shown = size >= SECOND ? String(Math.round(seconds)) : seconds.toFixed(3);
  return `${minutes ? `${minutes}m ` : ""}${shown}s`;
}

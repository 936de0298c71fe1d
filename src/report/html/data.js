// What the file holds: the runs at once, each timeline when it is wanted.

const known = JSON.parse(byId("known").textContent);

/** What each verdict is called, and how it is drawn. */
const VERDICTS = { held: "held", findings: "findings", inconclusive: "inconclusive", panicked: "panicked", not_deterministic: "not deterministic", unwritten: "trace not written" };

/** The verdict of a run; two traces of one seed, and one that could not be written, are graver than what they say. */
function verdictOf(run) {
  const differs = run.second_trace_blake3 !== null && run.second_trace_blake3 !== run.trace_blake3;
  if (run.verdict === "panicked") return "panicked";
  if (differs) return "not_deterministic";
  return run.unwritten ? "unwritten" : run.verdict;
}

const findingsOf = (run) => Object.values(run.counts).reduce((sum, count) => sum + count, 0);

/** The timeline of a run: base64 of zlib of JSON, in a block of its own. */
async function timelineOf(run) {
  if (!run.timeline) return null;
  if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot open what is compressed. Chrome 80, Safari 16.4, Firefox 113 and all later ones can.");
  const packed = Uint8Array.from(atob(byId(run.timeline).textContent), (char) => char.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const timeline = await new Response(unpacked).json();
  timeline.run = run;
  timeline.epoch = Date.parse(timeline.starts);
  return timeline;
}

/** A lane's name. */
function laneName(lane) {
  if (typeof lane === "string") return lane;
  const [[kind, org]] = Object.entries(lane);
  return kind === "session" ? `org ${org}` : `org ${org} wire`;
}

const laneKind = (lane) => (typeof lane === "string" ? lane : Object.keys(lane)[0]);

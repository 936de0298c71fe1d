// Which lanes a timeline has, and what stands on each.

const ROW = 14;
const MOST_ROWS = 6;

/** The lanes of a timeline that hold anything, from top to bottom, with their bars in rows and their marks in order. */
function lanesOf(timeline) {
  const lanes = timeline.lanes.map((lane) => ({ lane, name: laneName(lane), kind: laneKind(lane), bars: [], marks: [] }));
  for (const bar of timeline.bars) lanes[bar.lane].bars.push(bar);
  for (const mark of timeline.marks) lanes[mark.lane].marks.push(mark);
  const operator = lanes.find(({ kind }) => kind === "operator");
  operator.marks.push(...timeline.ledger.map(askedMark));
  operator.marks.sort((one, other) => one.at - other.at);
  const held = lanes.filter(({ bars, marks }) => bars.length || marks.length);
  let y = 0;
  for (const lane of held) {
    lane.rows = stack(lane.bars);
    lane.top = y;
    lane.height = lane.rows * ROW + 18;
    y += lane.height;
  }
  return held;
}

/** A start-session as a mark. */
function askedMark(asked) {
  return { at: asked.at, kind: asked.answer.denied ? "denied" : "plain", text: `start org ${asked.org}: ${answered(asked)}`, asked };
}

/** Gives each bar the first row in which nothing else stands; how many rows that makes. */
function stack(bars) {
  const ends = [];
  for (const bar of bars) {
    const free = ends.findIndex((end) => end <= bar.from);
    bar.row = free >= 0 ? free : Math.min(ends.length, MOST_ROWS - 1);
    ends[bar.row] = Math.max(ends[bar.row] ?? 0, bar.to);
  }
  return Math.max(ends.length, 1);
}

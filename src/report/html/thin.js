// What is drawn is thinned to what pixels can show; what is stored is not.

/** A mark takes so many pixels; those that would cover each other are drawn as one, with their number. */
const MARK_WIDTH = 12;

/** The graver of two kinds of marks is the one that is drawn. */
const GRAVITY = ["fold", "plain", "fault", "alert", "end", "denied", "finding"];

/** Marks by pixel: of each group the gravest, how many there are, and the first and last of them. */
function thinMarks(marks, view, width) {
  const groups = [];
  let group = null;
  for (let place = firstFrom(marks, view.from); place < marks.length && marks[place].at <= view.to; place += 1) {
    const mark = marks[place];
    const x = view.x(mark.at, width);
    if (group && x - group.x < MARK_WIDTH) {
      group.count += 1;
      group.last = mark;
      if (GRAVITY.indexOf(mark.kind) > GRAVITY.indexOf(group.mark.kind)) group.mark = mark;
    } else {
      group = { x, mark, count: 1, first: mark, last: mark };
      groups.push(group);
    }
  }
  return groups;
}

/** The place of the first mark at or after a point, in marks that are in order. */
function firstFrom(marks, at) {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (marks[middle].at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bars as pixels: those of one kind and row that are closer than a pixel are drawn as one. */
function thinBars(bars, view, width) {
  const drawn = [];
  const last = new Map();
  for (const bar of bars) {
    if (bar.to < view.from || bar.from > view.to) continue;
    const x = Math.max(view.x(bar.from, width), -2);
    const end = Math.min(view.x(bar.to, width), width + 2);
    const key = `${bar.row} ${bar.kind}`;
    const before = last.get(key);
    if (before && x - before.end < 1) {
      before.end = Math.max(before.end, end);
      before.count += 1;
    } else {
      const one = { bar, x, end, count: 1 };
      last.set(key, one);
      drawn.push(one);
    }
  }
  return drawn;
}

// The part of a run that is looked at; the timelines of one run share it.

class View {
  /** The whole of a run that ends here. `changed` is called whenever another part is looked at. */
  constructor(ends, changed) {
    this.ends = Math.max(ends, 1);
    this.changed = changed;
    [this.from, this.to] = [0, this.ends];
  }

  get length() {
    return this.to - this.from;
  }

  /** Looks at this part, or as much of it as there is. */
  show(from, to) {
    const length = Math.min(Math.max(to - from, View.SHORTEST), this.ends);
    this.from = Math.min(Math.max(from, 0), this.ends - length);
    this.to = this.from + length;
    this.changed();
  }

  whole() {
    this.show(0, this.ends);
  }

  /** Looks at so many times as much, around this point. */
  zoom(factor, around = (this.from + this.to) / 2) {
    const length = Math.min(Math.max(this.length * factor, View.SHORTEST), this.ends);
    const share = (around - this.from) / this.length;
    this.show(around - share * length, around + (1 - share) * length);
  }

  /** Moves by this share of what is looked at. */
  pan(share) {
    const by = this.length * share;
    this.show(this.from + by, this.to + by);
  }

  /** Looks closely at a point, so that what led to it is seen. */
  approach(at) {
    const length = Math.min(this.length, Math.max(this.ends / 50, 10 * MINUTE));
    this.show(at - length * 0.6, at + length * 0.4);
  }

  /** Where a point is, of so many pixels. */
  x(at, width) {
    return ((at - this.from) / this.length) * width;
  }

  /** Which point is there. */
  at(x, width) {
    return this.from + (x / width) * this.length;
  }
}

/** Nobody looks closer than this: the clock of a run has whole milliseconds. */
View.SHORTEST = 20;

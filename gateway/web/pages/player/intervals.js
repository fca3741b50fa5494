/*
 * Sets of half-open intervals [start, end), as sorted arrays of pairs. Pure arithmetic.
 */

/** The union of the intervals, as the fewest intervals; neighbours closer than `gap` become one. */
export function union(intervals, gap = 0) {
  const merged = [];
  for (const [start, end] of [...intervals].sort((left, right) => left[0] - right[0])) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1] + gap) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

export function total(intervals) {
  return intervals.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** A TimeRanges object as intervals of seconds. */
export function fromTimeRanges(ranges) {
  return Array.from({ length: ranges.length }, (_, index) => [ranges.start(index), ranges.end(index)]);
}

/* An empty chart: its size, scales, grid, ticks and names of axes. */

const MARGIN = { top: 12, right: 14, bottom: 44, left: 60 };

/** Round numbers between two ends, about so many; epochs are whole. */
function niceTicks(low, high, count, least = 0) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, power * [1, 2, 5, 10].find((factor) => factor * power >= rough));
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) ticks.push(tick);
  return ticks;
}

/** Powers of two; a few round numbers where the ends are less than two of them apart. */
function binaryTicks(low, high, count) {
  if (high < 4 * low) return niceTicks(low, high, count);
  const first = Math.ceil(Math.log2(low));
  const last = Math.floor(Math.log2(high));
  const every = Math.ceil((last - first + 1) / count);
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, at) => 2 ** (first + at * every));
}

function scale([low, high], [start, end], warp = (value) => value) {
  const [from, to] = [warp(low), warp(high)];
  return (value) => start + ((warp(value) - from) / (to - from || 1)) * (end - start);
}

/** An svg as wide as its place, with `x` and `y`: value -> pixel, and a layer cut at the axes. */
function chart(place, { height, x, y, binary = false, label }) {
  const width = Math.max(280, place.clientWidth - 12);
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const across = scale(x.range, [MARGIN.left, right], binary ? Math.log2 : undefined);
  const up = scale(y.range, [bottom, MARGIN.top]);
  const svg = draw("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
  const ticks = (binary ? binaryTicks : niceTicks)(...x.range, width > 500 ? 9 : 5, x.least);
  for (const tick of ticks) {
    svg.append(draw("line", { class: "grid", x1: across(tick), x2: across(tick), y1: MARGIN.top, y2: bottom }));
    svg.append(draw("text", { x: across(tick), y: bottom + 16, "text-anchor": "middle" }, tick.toLocaleString("en", { maximumSignificantDigits: 4 })));
  }
  for (const tick of niceTicks(...y.range, 6)) {
    svg.append(draw("line", { class: "grid", x1: MARGIN.left, x2: right, y1: up(tick), y2: up(tick) }));
    svg.append(draw("text", { x: MARGIN.left - 7, y: up(tick) + 4, "text-anchor": "end" }, String(Number(tick.toPrecision(4)))));
  }
  svg.append(draw("text", { x: (MARGIN.left + right) / 2, y: height - 8, "text-anchor": "middle" }, x.label));
  const middle = (MARGIN.top + bottom) / 2;
  svg.append(draw("text", { transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" }, y.label));
  const id = `cut-${place.dataset.figure}`;
  svg.append(draw("clipPath", { id }, draw("rect", { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: bottom - MARGIN.top })));
  const layer = draw("g", { "clip-path": `url(#${id})` });
  svg.append(layer);
  return { svg, layer, x: across, y: up, left: MARGIN.left, right, top: MARGIN.top, bottom };
}

/** The looks of the architectures that are shown. */
function key(shown) {
  const names = distinct(shown.map((one) => one.of[0]));
  return make("div", { class: "key" }, ...names.map((name) => make("span", {}, swatch(name), content.architectures[name].label)));
}

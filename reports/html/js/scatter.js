/* A score against peak memory: a mark for each configuration or trial, and for each run if one likes. */

const LABELLED = 500; // pixels of a chart whose marks have room for names

function scatter(place, figure) {
  const state = { runs: false };
  const body = make("div", { class: "paper" });
  if (figure.runs.length) {
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => ((state.runs = box.checked), show()));
    place.append(make("div", { class: "controls" }, make("label", {}, box, " each repeat as a mark of its own")));
  }
  place.append(body);
  const show = () => drawScatter(body, place, figure, state.runs);
  onFilter.push(show);
  new ResizeObserver(show).observe(place);
}

function drawScatter(body, place, figure, withRuns) {
  const points = figure.points.filter((point) => passes(point.of));
  const runs = withRuns ? figure.runs.filter((run) => passes(run.of)) : [];
  const every = withRuns ? [...figure.points, ...figure.runs] : figure.points;
  const range = figure.range.length ? spread(every.map((one) => one.mean), figure.range) : padded(every.map((one) => one.mean));
  const memories = [...figure.points.map((point) => point.x), ...figure.budgets];
  const arithmetic = figure.precision ? ` in ${figure.precision}` : "";
  const wide = place.clientWidth > LABELLED;
  const drawn = chart(place, {
    height: wide ? 400 : 320,
    x: { range: [Math.min(...memories) / 1.12, Math.max(...memories) * 1.12], label: wide ? `tensor peak memory of a training step${arithmetic}, in MB` : "peak memory (MB)" },
    y: { range, label: figure.y },
    binary: true,
    label: place.dataset.alt,
  });
  drawRules(drawn, figure.rules);
  drawBudgets(drawn, figure.budgets);
  drawFronts(drawn, points);
  for (const run of runs) run.node = drawMark(drawn, run, 0.55);
  if (figure.whiskers) for (const point of points) drawWhisker(drawn, point);
  for (const point of points) point.node = drawMark(drawn, point, figure.points.length > 60 ? 0.7 : 1);
  body.replaceChildren(key([...points, ...runs]), drawn.svg);
  explorable(drawn.svg, [...points, ...runs].map((one) => itemOf(drawn, one, figure)));
}

/** The ends of an axis with all these values, at least `range`; curves have more of them than a call takes arguments. */
function spread(values, range = [Infinity, -Infinity]) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], range);
}

/** The same with some room; of no values any. */
function padded(values) {
  const [low, high] = values.length ? spread(values) : [0, 1];
  const room = 0.08 * (high - low || 0.1);
  return [low - room, high + room];
}

function drawRules({ layer, svg, y, left, right, top, bottom }, rules) {
  if (rules.length) layer.append(draw("rect", { class: "worthless", x: left, width: right - left, y: y(rules[0][1]), height: Math.max(0, bottom - y(rules[0][1])) }));
  let above = -Infinity;
  for (const [name, value] of rules) {
    layer.append(draw("line", { class: "rule", x1: left, x2: right, y1: y(value), y2: y(value) }));
    const at = Math.max(y(value) - 4, above + 13);
    if (at < bottom) svg.append(draw("text", { x: right - 4, y: at, "text-anchor": "end" }, `${name} ${digits(value)}`));
    above = at;
  }
}

function drawBudgets({ layer, x, top, bottom }, budgets) {
  for (const budget of budgets) {
    layer.append(draw("line", { class: "budget", x1: x(budget), x2: x(budget), y1: top, y2: bottom }));
    // At the upper end: at the lower one are the names of the rules.
    layer.append(draw("text", { transform: `translate(${x(budget) - 4} ${top + 5}) rotate(-90)`, "text-anchor": "end" }, `${megabytes(budget)} MB`));
  }
}

/** The highest mean up to each memory, as steps. */
function drawFronts({ layer, x, y, right }, points) {
  for (const architecture of distinct(points.map((point) => point.of[0]))) {
    const front = points.filter((point) => point.front && point.of[0] === architecture).sort((a, b) => a.x - b.x);
    const look = content.architectures[architecture];
    const steps = front.map((point, at) => (at ? `H${x(point.x)}V${y(point.mean)}` : `M${x(point.x)} ${y(point.mean)}`));
    layer.append(draw("path", { d: steps.join(""), fill: "none", stroke: look.colour, "stroke-dasharray": look.dash }));
  }
}

/** The interval, with an arrow where it goes on beyond the axis. */
function drawWhisker({ layer, svg, x, y, top, bottom }, point) {
  if (point.low === null || point.low === undefined) return;
  const { colour } = content.architectures[point.of[0]];
  const at = x(point.x);
  layer.append(draw("line", { x1: at, x2: at, y1: y(point.low), y2: y(point.high), stroke: colour, "stroke-opacity": 0.55 }));
  if (y(point.low) > bottom) svg.append(draw("path", { d: `M${at - 4} ${bottom - 6}h8l-4 6z`, fill: colour }));
  if (y(point.high) < top) svg.append(draw("path", { d: `M${at - 4} ${top + 6}h8l-4 -6z`, fill: colour }));
}

function drawMark({ layer, svg, x, y, right }, point, size) {
  const look = content.architectures[point.of[0]];
  const place = `translate(${x(point.x)} ${y(point.mean)}) scale(${size})`;
  const mark = draw("path", { class: "item", d: look.marker, fill: look.colour, stroke: "#fff", "stroke-width": 0.7, transform: place });
  if (point.taken) svg.append(draw("circle", { class: "ring", cx: x(point.x), cy: y(point.mean), r: 11 }));
  if (point.label && right > LABELLED) svg.append(draw("text", { x: x(point.x) + 8, y: y(point.mean) + 14, "font-size": 10.5 }, point.label));
  layer.append(mark);
  return mark;
}

const MOST_IDS = 6; // of runs in a tip

function itemOf({ x, y }, point, figure) {
  const [left, top] = [x(point.x), y(point.mean)];
  const interval = point.low === null || point.low === undefined ? "" : ` [${digits(point.low)}, ${digits(point.high)}]`;
  const ids = point.runs.slice(0, MOST_IDS).map(([repeat, id]) => [repeat === null ? "run" : `repeat ${repeat}:`, id]);
  const more = point.runs.length > MOST_IDS ? [`and ${point.runs.length - MOST_IDS} more runs`] : [];
  return {
    node: point.node,
    lines: () => [point.title, `${figure.y} ${digits(point.mean)}${interval}`, `peak memory ${megabytes(point.x)} MB`, ...ids, ...more],
    at: (px, py) => ({ x: left, y: top, distance: px === null ? 0 : Math.hypot(px - left, py - top) }),
  };
}

/* Learning curves: a line for each run, in one metric at a time. */

function curves(place, figure) {
  const state = { metric: 0 };
  const body = make("div", { class: "paper" });
  const buttons = figure.metrics.map((metric, at) => {
    const button = make("button", { type: "button", class: "plain", "aria-pressed": String(at === 0) }, metric.label);
    button.addEventListener("click", () => {
      state.metric = at;
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      show();
    });
    return button;
  });
  place.append(make("div", { class: "controls" }, ...buttons), body);
  const show = () => drawCurves(body, place, figure, state.metric);
  onFilter.push(show);
  new ResizeObserver(show).observe(place);
}

function drawCurves(body, place, figure, metric) {
  const about = figure.metrics[metric];
  const shown = figure.lines.filter((line) => passes(line.of) && line.values[metric].length);
  const values = figure.lines.flatMap((line) => line.values[metric]).filter((value) => value !== null);
  const epochs = Math.max(2, ...figure.lines.map((line) => line.values[metric].length));
  const [low, high] = padded(values);
  const range = about.top === null ? [low, high] : [0, about.top];
  const drawn = chart(place, {
    height: place.clientWidth > 520 ? 380 : 300,
    x: { range: [1, epochs], label: "epoch", least: 1 },
    y: { range, label: about.label },
    label: place.dataset.alt,
  });
  if (about.rule !== null) {
    const at = drawn.y(about.rule);
    drawn.layer.append(draw("line", { class: "budget", x1: drawn.left, x2: drawn.right, y1: at, y2: at }));
    drawn.svg.append(draw("text", { x: drawn.left + 5, y: at - 5 }, `base rate ${digits(about.rule)}`));
  }
  const items = shown.map((line) => curveItem(drawn, line, metric, about));
  body.replaceChildren(key(shown), drawn.svg);
  explorable(drawn.svg, items);
}

function curveItem({ layer, x, y }, line, metric, about) {
  const look = content.architectures[line.of[0]];
  const places = line.values[metric].flatMap((value, at) => (value === null ? [] : [{ epoch: at + 1, value, x: x(at + 1), y: y(value) }]));
  const complete = line.state === "complete";
  const path = places.map((one, at) => `${at ? "L" : "M"}${one.x.toFixed(1)} ${one.y.toFixed(1)}`).join("");
  const node = draw("path", {
    class: "item curve",
    d: places.length > 1 ? path : `${path}h4`,
    stroke: complete ? look.colour : "#8c8c8c",
    "stroke-dasharray": complete ? look.dash : "2 3",
  });
  layer.append(node);
  return {
    node,
    lines: (place) => [line.title, `epoch ${place.epoch}: ${about.label} ${digits(place.value)}`, ...(complete ? [] : [line.state.replace("_", " ")]), ["run", line.run]],
    at: (px, py) => nearestPlace(places, px, py),
  };
}

/** The point of a line that is nearest to the pointer; without one the last. */
function nearestPlace(places, px, py) {
  let best = { ...places[places.length - 1], distance: px === null ? 0 : Infinity };
  if (px === null) return best;
  for (const place of places) {
    const distance = Math.hypot(place.x - px, place.y - py);
    if (distance < best.distance) best = { ...place, distance };
  }
  return best;
}

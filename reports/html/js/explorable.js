/* Finding a mark by pointer, by tap and by keys: one at a time is told of in the tip. */

const REACH = 28; // pixels from the pointer to the mark that it means
const tip = make("div", { id: "tip", role: "status", hidden: "" });

/** Shows lines beside a place of the window; the first is a heading, those that are arrays are ids. */
function showTip(lines, x, y) {
  tip.replaceChildren(
    ...lines.map((line, at) => (Array.isArray(line) ? make("div", {}, `${line[0]} `, make("code", {}, line[1])) : make(at ? "div" : "b", {}, line))),
  );
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, x + 14), window.innerWidth - width - 8);
  const above = y - height - 14;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 8 ? above : Math.min(y + 18, window.innerHeight - height - 8)}px`;
}

/** Makes the items of a drawing ({node, lines, at(x, y) -> {x, y, distance}}) answer; arrow keys lead along them. */
function explorable(svg, items) {
  let current = null;
  const point = (item, place) => {
    const box = svg.getBoundingClientRect();
    showTip(item.lines(place), box.left + place.x, box.top + place.y);
  };
  const emphasise = (item) => {
    if (current) current.node.classList.remove("at");
    current = item;
    svg.classList.toggle("exploring", item !== null);
    if (item) item.node.classList.add("at");
    else tip.hidden = true;
  };
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    for (const item of items) {
      const place = item.at(x, y);
      if (place.distance < (best ? best.place.distance : REACH)) best = { item, place };
    }
    return best;
  };
  const follow = (event) => {
    const found = nearest(event);
    emphasise(found && found.item);
    if (found) point(found.item, found.place);
  };
  svg.onpointermove = follow;
  svg.onpointerdown = follow;
  svg.onpointerleave = (event) => event.pointerType === "mouse" && emphasise(null);
  items.forEach((item, at) => {
    item.node.setAttribute("tabindex", at ? -1 : 0);
    item.node.setAttribute("role", "img");
    item.node.setAttribute("aria-label", item.lines(item.at(null, null)).flat().join(", "));
    item.node.onfocus = () => {
      emphasise(item);
      point(item, item.at(null, null));
    };
    item.node.onblur = () => emphasise(null);
    item.node.onkeydown = (event) => moveFocus(event, items, at);
  });
}

function moveFocus(event, items, at) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  if (event.key === "Escape") event.target.blur();
  if (!(event.key in steps)) return;
  event.preventDefault();
  const next = items[(at + steps[event.key] + items.length) % items.length].node;
  event.target.setAttribute("tabindex", -1);
  next.setAttribute("tabindex", 0);
  next.focus();
}

/* What is shown: everything that has an `of` (architecture, depth, memory in MB) is asked by `passes`. */

const filter = { architectures: new Set(), depths: new Set(), memory: Infinity };
const onFilter = [];

/** Whether something is to be shown; of several subjects, as of a comparison of two, one is enough. */
function passes([architecture, depth, memory]) {
  return (
    !filter.architectures.has(architecture) &&
    !filter.depths.has(depth) &&
    (filter.memory === Infinity || (memory !== null && memory <= filter.memory))
  );
}

/** All subjects of the page. */
function subjects() {
  return [...document.querySelectorAll("tr[data-of]")].flatMap((row) => JSON.parse(row.dataset.of));
}

function distinct(values) {
  return [...new Set(values)].sort((a, b) => (a === null) - (b === null) || a - b);
}

/** A box for each value; what is not ticked is in `hidden`. A single value is no choice. */
function choices(legend, values, hidden, label) {
  if (values.length < 2) return null;
  const boxes = values.map((value) => {
    const box = make("input", { type: "checkbox", checked: "" });
    box.addEventListener("change", () => {
      box.checked ? hidden.delete(value) : hidden.add(value);
      changed();
    });
    return make("label", {}, box, ...label(value));
  });
  return make("fieldset", {}, make("legend", {}, legend), make("div", { class: "choices" }, ...boxes));
}

/** A slider whose stops are the memories that occur. */
function memorySlider(memories) {
  if (memories.length < 2) return null;
  const last = memories.length - 1;
  const said = make("output", {}, "any");
  const slider = make("input", { type: "range", min: 0, max: last, value: last, id: "budget", "aria-label": "largest peak memory" });
  slider.addEventListener("input", () => {
    const at = Number(slider.value);
    filter.memory = at === last ? Infinity : memories[at];
    said.textContent = at === last ? "any" : `at most ${megabytes(memories[at])} MB`;
    slider.setAttribute("aria-valuetext", said.textContent);
    changed();
  });
  return make("fieldset", {}, make("legend", {}, "memory budget: ", said), slider);
}

function resetButton(form) {
  const button = make("button", { type: "button", class: "plain" }, "Show all");
  button.addEventListener("click", () => {
    form.reset();
    filter.architectures.clear();
    filter.depths.clear();
    filter.memory = Infinity;
    for (const slider of form.querySelectorAll("input[type=range]")) slider.dispatchEvent(new Event("input"));
    changed();
  });
  return button;
}

function changed() {
  for (const listener of onFilter) listener();
}

function buildFilters() {
  const all = subjects();
  const parts = [
    choices("architecture", distinct(all.map((of) => of[0])), filter.architectures, (of) => [swatch(of), content.architectures[of].label]),
    choices("depth", distinct(all.map((of) => of[1])), filter.depths, (depth) => [depth === null ? "none" : String(depth)]),
    memorySlider(distinct(all.map((of) => of[2])).filter((memory) => memory !== null)),
  ].filter(Boolean);
  const place = document.getElementById("filters");
  if (!parts.length) return place.remove();
  const form = make("form", {}, ...parts);
  form.append(resetButton(form));
  const said = make("span", { role: "status" }); // no output, on which a click would not open the details
  const details = make("details", {}, make("summary", {}, "Filters ", said), form);
  details.open = window.innerWidth > 700;
  place.append(details);
  onFilter.push(() => (said.textContent = summaryOfRows()));
}

/** `9 of 12 configurations, 27 of 36 runs`. */
function summaryOfRows() {
  const told = ["configurations", "runs"].map((name) => {
    const rows = [...document.querySelectorAll(`#${name} tbody tr`)];
    return rows.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} ${name}` : "";
  });
  return told.filter(Boolean).join(", ");
}

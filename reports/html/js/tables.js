/* Tables whose rows are filtered and sorted, and ids that are copied. */

function filterRows() {
  for (const row of document.querySelectorAll("tr[data-of]")) row.hidden = !JSON.parse(row.dataset.of).some(passes);
}

const PREFIXES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** What a cell is sorted by: the number that it begins with, or its text, as of an id or of `144x4x4`. */
function sortKey(cell) {
  const text = cell.textContent.trim().replace("−", "-");
  const found = /^([+-]?[\d,]*\.?\d+)(?!\w)(?:\s([kMGT])\b)?/.exec(text);
  return found ? Number(found[1].replaceAll(",", "")) * (PREFIXES[found[2]] || 1) : text;
}

/** Numbers before texts, and a dash, which stands for nothing, last whatever the direction. */
function inOrder(direction) {
  return ([a], [b]) => {
    if ((a === "–") !== (b === "–")) return a === "–" ? 1 : -1;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return direction * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };
}

function sortBy(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const ascending = heads[column].getAttribute("aria-sort") !== "ascending";
  heads.forEach((head, at) => (at === column ? head.setAttribute("aria-sort", ascending ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
  body.append(...rows.sort(inOrder(ascending ? 1 : -1)).map(([, row]) => row));
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => sortBy(table, column));
    head.replaceChildren(button);
  });
}

function makeCopyable(code) {
  const button = make("button", { type: "button", class: "copy", "aria-label": `copy ${code.textContent}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
      setTimeout(() => (button.textContent = "copy"), 1500);
    } catch {
      getSelection().selectAllChildren(code); // where a browser does not let pages copy, one does it oneself
    }
  });
  code.after(button);
}

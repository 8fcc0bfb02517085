/* The start: everything above comes to life. */

const KINDS = { scatter, curves, masks };

document.documentElement.classList.add("scripted");
document.body.append(tip);
document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll(".id").forEach(makeCopyable);
onFilter.push(filterRows);
buildFilters();
for (const place of document.querySelectorAll("[data-figure]")) {
  const figure = content.figures[place.dataset.figure];
  KINDS[figure.kind](place, figure);
}
changed();
document.addEventListener(
  "scroll",
  () => {
    tip.hidden = true;
    document.activeElement?.onfocus?.(); // reached by keys, which may be what scrolled: its tip goes along
  },
  { passive: true },
);

/* Scene after scene: image, truth, and what each architecture makes of it. */

function masks(place, figure) {
  const state = { at: 0, what: "errors" };
  const said = make("output", { for: "scene", "aria-live": "polite" });
  const slider = make("input", { type: "range", id: "scene", min: 0, max: figure.scenes.length - 1, value: 0, "aria-label": "scene" });
  const body = make("div", { class: "scene" });
  const show = () => {
    const scene = figure.scenes[state.at];
    said.textContent = `${state.at + 1} of ${figure.scenes.length}: ${scene.name}`;
    slider.setAttribute("aria-valuetext", said.textContent);
    body.replaceChildren(...pictures(scene, state.what));
  };
  slider.addEventListener("input", () => ((state.at = Number(slider.value)), show()));
  const buttons = ["errors", "mask"].map((what) => {
    const button = make("button", { type: "button", class: "plain", "aria-pressed": String(what === state.what) }, what === "mask" ? "predicted mask" : what);
    button.addEventListener("click", () => {
      state.what = what;
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      show();
    });
    return button;
  });
  place.append(make("div", { class: "controls" }, make("label", { for: "scene" }, "scene"), slider, said), make("div", { class: "controls" }, ...buttons), body);
  onFilter.push(show);
}

function pictures(scene, what) {
  const difference = scene.difference === null ? "" : `Δ IoU ${signed(scene.difference)}`;
  return [
    picture("image", scene.image, scene.name, [scene.about, difference]),
    picture("truth", scene.truth, `true mask of ${scene.name}`, []),
    ...scene.predictions.filter((one) => passes(one.of)).map((one) => prediction(one, what)),
  ];
}

function prediction(one, what) {
  const told = [`IoU ${digits(one.iou)}`, `${one.missed} px missed, ${one.invented} px invented`];
  const shown = picture(one.title, one[what], `${what} of ${one.title}: ${told.join(", ")}`, told);
  shown.title = `run ${one.run}`;
  return shown;
}

function picture(heading, source, alt, lines) {
  const small = lines.filter(Boolean).map((line) => make("small", {}, line));
  return make("figure", {}, make("img", { src: source, alt }), make("figcaption", {}, make("b", {}, heading), ...small));
}

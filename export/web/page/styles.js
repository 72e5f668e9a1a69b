// The controls that choose one style of a network, or blend several.

/**
 * Fills `list` with a button and a slider per style.
 *
 * @param {string[]} names In the order of the network's `style_blend`.
 * @param {() => void} onChange Called after each change by the user.
 * @returns {{shares: () => number[]}} What the sliders say, 0 to 100 each.
 */
export function showStyles(list, names, onChange) {
  const sliders = names.map((name, index) => {
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 0;
    slider.max = 100;
    slider.value = index === 0 ? 100 : 0;
    slider.setAttribute("aria-label", `Share of ${name}`);
    return slider;
  });
  const rows = names.map((name, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.title = `Only ${name}`;
    const output = document.createElement("output");
    button.addEventListener("click", () => {
      sliders.forEach((slider, other) => {
        slider.value = other === index ? 100 : 0;
      });
      changed();
    });
    sliders[index].addEventListener("input", () => changed());
    const row = document.createElement("li");
    row.append(button, sliders[index], output);
    return row;
  });

  const shares = () => sliders.map((slider) => slider.valueAsNumber);

  function showShares() {
    const values = shares();
    const sum = values.reduce((total, value) => total + value, 0);
    let before = 0;
    rows.forEach((row, index) => {
      const share = sum ? values[index] / sum : 0;
      // Rounded such that what is shown adds up to 100.
      const percent =
        Math.round((before + share) * 100) - Math.round(before * 100);
      before += share;
      row.querySelector("output").textContent = `${percent} %`;
      const button = row.querySelector("button");
      button.setAttribute("aria-pressed", String(share === 1));
    });
  }

  function changed() {
    showShares();
    onChange();
  }

  list.replaceChildren(...rows);
  showShares();
  return { shares };
}

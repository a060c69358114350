// Confusion matrices as tables: a cell is a button, where it opens something; the arrow keys move
// within a matrix.

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function table(matrix, data, open) {
  const head = element("tr", {}, element("td", {}), ...data.classes.map(({ code, name }) =>
    element("th", { scope: "col", title: `predicted ${name}`, textContent: code })));
  const buttons = [];
  const rows = matrix.cells.map((cells, i) => element("tr", {},
    element("th", { scope: "row", title: `true ${data.classes[i].name}`,
      textContent: data.classes[i].code }),
    ...cells.map((cell, j) => {
      const button = element(data.clickable ? "button" : "div", { textContent: cell.text,
        title: cell.label });
      if (data.clickable) {
        button.type = "button";
        button.tabIndex = i + j ? -1 : 0;
        button.onclick = () => open({ run: matrix.key, true: i, predicted: j });
      } else button.setAttribute("role", "img");
      button.setAttribute("aria-label", cell.label);
      button.style.background = cell.ground;
      button.style.color = cell.ink;
      if (i === j) button.className = "right";
      const [key, row, column] = data.open;
      if (key === matrix.key && row === i && column === j)
        button.setAttribute("aria-current", "true");
      buttons.push(button);
      return element("td", {}, button);
    })));
  rows[data.first_benign].className = "benign";
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  made.style.setProperty("--benign", data.first_benign);
  made.querySelectorAll("tr").forEach(row =>
    row.children[data.first_benign + 1].classList.add("benign"));
  const side = data.classes.length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side };
  made.onkeydown = event => {
    const from = buttons.indexOf(event.target.closest("button"));
    const to = from + steps[event.key];
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (!buttons[to] || (sideways && Math.floor(from / side) !== Math.floor(to / side))) return;
    event.preventDefault();
    buttons[from].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  };
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const open = cell => setTriggerValue("cell", cell);
  let place = parentElement.querySelector(".matrices");
  if (!place) parentElement.append(place = element("div", { className: "matrices" }));
  const focused = parentElement.activeElement ?? document.activeElement;
  const label = place.contains(focused) ? focused.getAttribute("aria-label") : null;
  const of = label && [...place.children].indexOf(focused.closest("figure"));
  place.replaceChildren(...data.matrices.map(matrix => {
    const caption = element("figcaption", {},
      element("b", { textContent: matrix.title }), element("span", { textContent: matrix.note }));
    const drawn = table(matrix, data, open);
    drawn.setAttribute("aria-label",
      `Confusion matrix of ${matrix.title}: rows true, columns predicted. ${matrix.note}`);
    return element("figure", {}, caption, drawn);
  }));
  if (label) [...place.children[of]?.querySelectorAll("button") ?? []]
    .find(button => button.getAttribute("aria-label") === label)?.focus();
}

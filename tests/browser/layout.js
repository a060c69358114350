// What is cut off, lies over something else, or makes the page scroll sideways: a list of words.
() => {
  const main = document.querySelector("[data-testid=stMain]");
  const found = [];
  const wide = Math.max(main.scrollWidth - main.clientWidth,
    document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) found.push(`the page scrolls sideways by ${wide} px`);

  const called = element => (element.getAttribute("aria-label") || element.innerText ||
    element.textContent || element.className.baseVal || element.className || element.tagName)
    .trim().replace(/\s+/g, " ").slice(0, 50);
  const styles = new Map();
  const style = element => styles.get(element) ??
    styles.set(element, getComputedStyle(element)).get(element);
  const roots = [main, ...document.querySelectorAll("[role=dialog]")];
  const up = element => element.parentElement ?? element.getRootNode().host;
  const everything = root => [...root.querySelectorAll("*")].flatMap(element =>
    element.shadowRoot ? [element, ...everything(element.shadowRoot)] : [element]);
  const seen = element => element.checkVisibility({ opacityProperty: true,
    visibilityProperty: true }) && style(element).clipPath === "none" &&
    style(element).color !== "rgba(0, 0, 0, 0)";
  const unseen = element => {
    for (let at = element; at && at !== main; at = up(at)) {
      const { width, height } = at.getBoundingClientRect();
      if (style(at).clipPath !== "none" || (style(at).overflow !== "visible" &&
        (width <= 1 || height <= 1)) || at.inert) return true;
    }
    return false;
  };
  // Of a box, what its ancestors leave of it, and whether one cuts that cannot be scrolled.
  const shown = (element, box) => {
    let { left, top, right, bottom } = box;
    let cut = 0;
    for (let at = element; at && at !== main && at !== document.body; at = up(at)) {
      const of = style(at);
      if (of.position === "fixed") break;
      if (of.overflowX === "visible" && of.overflowY === "visible" &&
        !(at.tagName === "svg" && of.overflow !== "visible")) continue;
      const edge = at.getBoundingClientRect();
      if (!/auto|scroll/.test(of.overflowX) && !at.closest("[title]") && of.overflowX !== "visible")
        cut = Math.max(cut, edge.left - left, right - edge.right);
      if (!/auto|scroll/.test(of.overflowY) && of.overflowY !== "visible")
        cut = Math.max(cut, edge.top - top - 4, bottom - edge.bottom - 4); // of a line's own leading
      left = Math.max(left, edge.left); right = Math.min(right, edge.right);
      top = Math.max(top, edge.top); bottom = Math.min(bottom, edge.bottom);
    }
    return { left, top, right, bottom, cut };
  };

  const texts = [];
  for (const element of roots.flatMap(everything)) {
    if (!seen(element) || ["STYLE", "SCRIPT", "CANVAS"].includes(element.tagName)) continue;
    if (element.closest("canvas, [data-testid=stIconMaterial], .modebar, .hoverlayer")) continue;
    for (const node of element.childNodes) {
      if (node.nodeType !== 3 || !node.textContent.trim()) continue;
      if (unseen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const boxes = element.tagName === "text" || element.tagName === "tspan" ?
        [element.getBoundingClientRect()] : [...range.getClientRects()];
      for (const box of boxes) {
        if (box.width < 2) continue;
        const rest = shown(element, box);
        if (rest.cut > 2) found.push(`cut by ${Math.round(rest.cut)} px: "${called(element)}"`);
        // the box of a turned text is larger than the text
        if (rest.right - rest.left > 1 && rest.bottom - rest.top > 1 &&
          !/rotate\(-?(?!0|90|270)/.test(element.getAttribute("transform")))
          texts.push({ element, ...rest });
      }
    }
  }
  const over = (one, other, least) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > least &&
    Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > least;
  const layer = element => {
    for (let at = element; at && at !== main; at = up(at))
      if (["fixed", "sticky"].includes(style(at).position) || at.getAttribute("role") === "dialog")
        return at;
    return main;
  };
  texts.sort((one, other) => one.top - other.top);
  texts.forEach((one, i) => {
    for (let j = i + 1; j < texts.length && texts[j].top < one.bottom; j++) {
      const other = texts[j];
      const least = one.element.ownerSVGElement ? 2 : 4;
      if (one.element !== other.element && over(one, other, least) &&
        !one.element.contains(other.element) && !other.element.contains(one.element) &&
        layer(one.element) === layer(other.element))
        found.push(`"${called(one.element)}" lies over "${called(other.element)}"`);
    }
  });

  const controls = roots.flatMap(everything).filter(element => element.matches(
    "a[href], button, input, select, textarea, summary, [role=button], [role=tab], [role=slider], " +
    "[role=combobox], [role=switch], [role=checkbox], [role=radio]") && !element.disabled &&
    // Streamlit's own: the arrows of tabs that scroll lie over the first and the last that show
    !element.matches("[aria-label^='Scroll tabs']") &&
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !unseen(element))
    .map(element => ({ element, ...shown(element, element.getBoundingClientRect()) }))
    .filter(box => box.right - box.left > 4 && box.bottom - box.top > 4);
  controls.forEach((one, i) => {
    for (const other of controls.slice(i + 1))
      if (over(one, other, 2) && !one.element.contains(other.element) &&
        !other.element.contains(one.element) && layer(one.element) === layer(other.element))
        found.push(`control "${called(one.element)}" lies over control "${called(other.element)}"`);
  });
  return [...new Set(found)];
}

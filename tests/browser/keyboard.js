// Readies a page for being walked by Tab: `hamStop()` then says what has the focus, and the contrast
// of what shows it, against what the same element looked like before; `hamMissed()` what was never
// reached.
() => {
  const up = element => element.parentElement ?? element.getRootNode().host;
  const everything = root => [...root.querySelectorAll("*")].flatMap(element =>
    element.shadowRoot ? [element, ...everything(element.shadowRoot)] : [element]);
  const called = element => (element.getAttribute("aria-label") || element.innerText ||
    element.getAttribute("title") || element.closest("[data-testid]")?.dataset.testid ||
    element.tagName).trim().replace(/\s+/g, " ").slice(0, 60);
  const near = element => {
    const found = [element, ...[...element.querySelectorAll("*")].slice(0, 6)];
    for (let at = up(element); at && found.length < 14; at = up(at)) found.push(at);
    return found.flatMap(one => [[one, null], [one, "::before"], [one, "::after"]]);
  };
  const looks = ([element, part]) => {
    const of = getComputedStyle(element, part);
    return { outline: of.outlineStyle === "none" || of.outlineWidth === "0px" ? "" : of.outlineColor,
      shadow: of.boxShadow === "none" ? "" : of.boxShadow, border: parseFloat(of.borderTopWidth) ?
      of.borderTopColor : "", line: parseFloat(of.borderBottomWidth) ? of.borderBottomColor : "",
      ground: of.backgroundColor, content: of.content };
  };
  const finish = () => document.getAnimations().forEach(one => { try { one.finish(); } catch {} });
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const ground = element => {
    const layers = [];
    for (let at = element; at; at = up(at)) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3]) layers.push(color);
      if (color[3] === 255) break;
    }
    return layers.reverse().reduce((under, [r, g, b, a]) =>
      [r, g, b].map((one, i) => one * a / 255 + under[i] * (1 - a / 255)), [255, 255, 255]);
  };
  const bright = color => color.slice(0, 3).map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => {
    const [low, high] = [bright(one), bright(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const flat = (color, under) => {
    const [r, g, b, a] = rgba(color);
    return [r, g, b].map((one, i) => one * a / 255 + under[i] * (1 - a / 255));
  };
  const before = new Map();
  finish();
  const controls = everything(document.body).filter(element => element.matches(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [tabindex], " +
    "[role=tab], [role=slider], [role=combobox], [role=switch]") && !element.disabled);
  for (const element of controls) before.set(element, near(element).map(looks));
  const reached = new Set();
  window.hamStop = () => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (!element || element === document.body) return null;
    finish();
    const again = reached.has(element);
    reached.add(element);
    const box = element.getBoundingClientRect();
    let best = 0;
    const were = before.get(element);
    if (were) near(element).forEach(([at, part], i) => {
      const now = looks([at, part]), was = were[i];
      if (!was) return;
      const under = ground(up(at) ?? at);
      for (const name of ["outline", "border", "line", "ground"])
        if (now[name] && now[name] !== was[name])
          best = Math.max(best, contrast(flat(now[name], under), under));
      if (now.shadow && now.shadow !== was.shadow)
        for (const color of now.shadow.match(/(rgba?|color|oklab|oklch)\([^)]*\)/g) ?? [])
          best = Math.max(best, contrast(flat(color, under), under));
    });
    return { name: called(element), again, contrast: were ? Math.round(best * 10) / 10 : null,
      seen: box.bottom > 0 && box.top < innerHeight };
  };
  // of a row of choices Tab reaches one, the arrow keys the others
  window.hamMissed = () => controls.filter(element => element.isConnected && !reached.has(element) &&
    element.getAttribute("role") !== "radio" &&
    element.checkVisibility({ opacityProperty: false, visibilityProperty: true }) &&
    element.tabIndex >= 0 && !element.closest("[inert], [aria-hidden=true]") &&
    element.getBoundingClientRect().width > 2)
    .map(element => `${element.tagName} ${called(element)}`);
}

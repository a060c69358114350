// Draws each figure when it comes near, as light or dark as the reader's browser is, and light on paper.
(function () {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = JSON.parse(document.getElementById("config").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paper = 660; // px that fit a sheet of A4 between its margins
  const drawn = new Set();
  function show(id, isDark, isPaper) {
    const place = document.getElementById(id);
    const figure = figures[id][isDark ? 1 : 0];
    const layout = Object.assign({}, figure.layout, { autosize: !isPaper });
    if (isPaper) {
      const columns = Number(place.closest(".charts").className.match(/charts-(\d)/)[1]);
      layout.width = Math.floor(paper / Math.min(columns, 2)) - 8;
    }
    if ((layout.width || place.clientWidth) < 420) {
      const title = layout.title || {};
      const subtitle = Object.assign({}, title.subtitle, { font: { size: 11 } });
      layout.title = Object.assign({}, title, { font: { size: 13 }, subtitle: subtitle });
    }
    Plotly.react(place, figure.data, layout, config);
    drawn.add(id);
    document.documentElement.dataset.drawn = drawn.size;
    place.dataset.ground = isDark ? "dark" : "light";
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      if (!drawn.has(entry.target.id)) show(entry.target.id, dark.matches, false);
    }
  }, { rootMargin: "1200px" });
  Object.keys(figures).forEach((id) => seen.observe(document.getElementById(id)));
  dark.addEventListener("change", () => drawn.forEach((id) => show(id, dark.matches, false)));
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("main > section > details:not([open])")];
    opened.forEach((one) => { one.open = true; });
    Object.keys(figures).forEach((id) => show(id, false, true));
  });
  addEventListener("afterprint", () => {
    opened.forEach((one) => { one.open = false; });
    drawn.forEach((id) => show(id, dark.matches, false));
  });
})();

"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const table = byId("list");
  const generated = byId("generated");

  const ago = () => {
    const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(generated.dateTime)) / 60000));
    const days = Math.floor(minutes / 1440);
    const hours = Math.floor(minutes / 60);
    const told = days ? `${days} d ago` : hours ? `${hours} h ago` : minutes ? `${minutes} min ago` : "just now";
    const place = byId("age");
    place.textContent = days ? `(${told}: this page is old)` : `(${told})`;
    place.classList.toggle("old", days > 0);
  };
  ago();
  setInterval(ago, 60000);
  if (!table) return;

  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, order) => ({
    row,
    order,
    text: row.textContent.toLowerCase(),
    keys: [...row.cells].map((cell) => cell.dataset.v || cell.textContent.trim().toLowerCase()),
  }));
  const heads = [...table.tHead.rows[0].cells];
  const search = byId("q");
  const state = byId("state");
  const scan = byId("scan");
  const only = byId("only");
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  let sort = "";
  let down = false;

  const arrange = () => {
    const index = heads.findIndex((head) => head.dataset.k === sort);
    const sorted = [...rows].sort((one, other) => {
      const by = index < 0 ? 0 : compare(one.keys[index], other.keys[index]);
      return (down ? -by : by) || one.order - other.order;
    });
    body.append(...sorted.map((item) => item.row));
    heads.forEach((head, at) => {
      if (at === index) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };

  const sift = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits =
        words.every((word) => text.includes(word)) &&
        (!state.value || row.dataset.s === state.value) &&
        (!scan.value || row.dataset.c === scan.value) &&
        (!only.checked || row.dataset.a === "1");
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("shown").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    byId("nothing").hidden = shown > 0;
    byId("clear").hidden = shown === rows.length && !sort;
  };

  const remember = () => {
    const told = new URLSearchParams();
    if (search.value) told.set("q", search.value);
    if (state.value) told.set("state", state.value);
    if (scan.value) told.set("scan", scan.value);
    if (only.checked) told.set("only", "attention");
    if (sort) told.set("sort", down ? `-${sort}` : sort);
    history.replaceState(null, "", `#?${told}`);
  };

  const choose = (select, value) => {
    select.value = value;
    if (select.selectedIndex < 0) select.value = "";
  };

  const recall = () => {
    if (!location.hash.startsWith("#?")) return;
    const told = new URLSearchParams(location.hash.slice(2));
    search.value = told.get("q") || "";
    choose(state, told.get("state") || "");
    choose(scan, told.get("scan") || "");
    only.checked = told.get("only") === "attention";
    sort = told.get("sort") || "";
    down = sort.startsWith("-");
    sort = sort.replace(/^-/, "");
    arrange();
    sift();
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      down = sort === head.dataset.k && !down;
      sort = head.dataset.k;
      arrange();
      sift();
      remember();
    });
  }
  for (const control of [search, state, scan, only]) {
    control.addEventListener("input", () => {
      sift();
      remember();
    });
  }
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    byId("controls").reset();
    sort = "";
    down = false;
    arrange();
    sift();
    history.replaceState(null, "", "#sources");
    search.focus();
  });
  byId("controls").hidden = false;
  sift();
  recall();
  addEventListener("hashchange", () => {
    recall();
    if (location.hash.startsWith("#?")) byId("sources").scrollIntoView();
  });
})();

// The start: charts are drawn at once, tables when they are opened; paper gets all of them.
const PAPER = 680; // width of a chart on paper [pixels]

const tables = new Map(page.tables.map((table) => [table.name, table]));
const opened = [];
for (const place of document.querySelectorAll("details[data-table]")) {
  const made = new DataTable(place, tables.get(place.dataset.table));
  opened.push(made);
  place.addEventListener("toggle", () => { if (place.open) made.make(); });
}

const charts = [];
for (const place of document.querySelectorAll("[data-chart]")) {
  charts.push(new PlotChart(place, page.charts[Number(place.dataset.chart)]));
}

let wait = 0;
window.addEventListener("resize", () => {
  window.clearTimeout(wait);
  wait = window.setTimeout(() => charts.forEach((chart) => chart.resize()), 120);
});

const find = document.getElementById("find");
if (find) {
  find.addEventListener("input", () => {
    const words = find.value.trim().toLowerCase();
    const listed = [...document.querySelectorAll("#tables details[data-table]")];
    for (const place of listed) {
      const text = `${place.querySelector("summary").textContent} ${place.dataset.table}`;
      place.hidden = !text.toLowerCase().includes(words);
    }
    for (const station of document.querySelectorAll(".station")) {
      station.hidden = !station.querySelector("details:not([hidden])");
    }
    const shown = listed.filter((place) => !place.hidden).length;
    const counts = { shown: whole(shown), rows: whole(listed.length) };
    document.getElementById("found").textContent = words ? fill(texts.found, counts) : "";
  });
}

let before = [];
window.addEventListener("beforeprint", () => {
  before = opened.map(({ place }) => place.open);
  charts.forEach((chart) => chart.resize(PAPER));
  for (const made of opened) {
    made.place.append(made.printed(made.place.open));
    made.place.open = true;
  }
});
window.addEventListener("afterprint", () => {
  document.querySelectorAll(".printed").forEach((each) => each.remove());
  opened.forEach(({ place }, n) => { place.open = before[n]; });
  charts.forEach((chart) => chart.resize());
});

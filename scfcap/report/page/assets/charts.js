// Charts: from the page's data to what ECharts draws, and to the table beside it.
const INK = "#1c2733";
const SOFT = "#5b6776";
const FAINT = "#dfe4ea";
const SCALE = ["#f4f7fa", "#c9dcec", "#7fb0d6", "#2f77ad", "#1f3a5f"];
const BEYOND = "#d55e00";
const FONT = getComputedStyle(document.body).fontFamily;

class PlotChart {
  constructor(place, chart) {
    this.place = place;
    this.chart = chart;
    this.plot = place.querySelector(".plot");
    this.beside = place.querySelector("details");
    this.number = numeral(chart.format);
    this.tick = tick(chart.format);
    this.view = chart.views[0];
    const select = place.querySelector(".pick select");
    if (select) {
      select.addEventListener("change", () => {
        this.view = chart.views[Number(select.value)];
        this.draw();
      });
    }
    this.beside.addEventListener("toggle", () => this.list());
    this.plot.style.height = `${this.height()}px`;
    this.drawn = echarts.init(this.plot, null, { renderer: "svg" });
    this.draw();
  }

  get narrow() {
    return this.plot.clientWidth < 520;
  }

  height() {
    if (this.chart.kind === "heat") return 84 + 24 * this.view.rows.length;
    if (this.chart.kind === "bars") {
      const { labels, lines } = this.view;
      return 70 + labels.length * (14 + 16 * lines.length);
    }
    if (this.chart.kind === "flows") {
      const side = [0, 2].map((depth) => this.view.nodes.filter((node) => node.depth === depth).length);
      return Math.max(320, 60 + (this.narrow ? 48 : 34) * Math.max(...side));
    }
    return 340;
  }

  draw() {
    const height = this.height();
    this.plot.style.height = `${height}px`;
    this.drawn.resize({ height });
    this.drawn.setOption(this.option(), true);
    this.list();
  }

  resize(width) {
    this.drawn.resize({ width: width === undefined ? "auto" : width, height: this.height() });
    this.drawn.setOption(this.option(), true);
  }

  option() {
    const build = {
      stack: () => this.over(), lines: () => this.over(), fan: () => this.over(),
      bars: () => this.bars(), heat: () => this.heat(), flows: () => this.flows(),
      curve: () => this.curve(),
    }[this.chart.kind];
    return { animation: false, textStyle: { fontFamily: FONT, color: INK }, ...build() };
  }

  valued(value) {
    return `${this.number(value)} ${this.chart.unit}`;
  }

  axis(about = {}) {
    return {
      type: "value",
      axisLabel: { color: SOFT, formatter: this.tick },
      splitLine: { lineStyle: { color: FAINT } },
      splitNumber: this.narrow ? 3 : 5,
      ...about,
    };
  }

  categories(labels, about = {}) {
    return {
      type: "category",
      data: labels,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: "#9aa5b1" } },
      axisLabel: { color: SOFT, hideOverlap: true },
      ...about,
    };
  }

  frame(about = {}) {
    const lines = this.view.lines.filter((line) => line.role !== "band");
    const single = lines.length < 2;
    const deep = Math.min(this.legendLines(lines), 4);
    return {
      grid: { left: 4, right: 34, top: single ? 16 : 20 + 22 * deep, bottom: 4, containLabel: true },
      legend: single
        ? { show: false }
        : {
            type: deep < 4 ? "plain" : "scroll", top: 0, left: 0, itemWidth: 16, itemHeight: 10, itemGap: 16,
            textStyle: { color: INK }, data: lines.map((line) => line.name),
          },
      tooltip: {
        trigger: "axis", confine: true, axisPointer: { type: "shadow" },
        valueFormatter: (value) => this.valued(value),
      },
      ...about,
    };
  }

  // Lines that a legend takes, its names beside each other.
  legendLines(lines) {
    const room = this.plot.clientWidth - 10;
    let [deep, used] = [1, 0];
    for (const { name } of lines) {
      const wide = 40 + [...name].reduce((sum, sign) => sum + (sign > "\u2e7f" ? 13 : 7), 0);
      if (used + wide > room && used) [deep, used] = [deep + 1, 0];
      used += wide;
    }
    return deep;
  }

  // Figures over time: columns upon each other, lines, a fan.
  over() {
    const kind = this.chart.kind;
    const few = this.view.labels.length <= 40;
    const bands = kind === "fan" ? this.bands() : [];
    const lines = this.view.lines.filter((line) => line.role !== "band");
    const series = lines.map((line) => {
      const look = { name: line.name, data: line.values, itemStyle: { color: line.colour } };
      if (kind === "stack" && line.role !== "line") {
        return { ...look, type: "bar", stack: "all", barMaxWidth: 44, barCategoryGap: "28%" };
      }
      return {
        ...look, type: "line", z: 5, symbol: "circle", symbolSize: 5, showSymbol: few && kind !== "fan",
        lineStyle: { width: 2, color: line.colour, type: line.dashed ? "dashed" : "solid" },
      };
    });
    return {
      ...this.frame(),
      xAxis: this.categories(this.view.labels, { boundaryGap: kind === "stack" }),
      yAxis: this.axis(),
      series: [...bands, ...series],
    };
  }

  // Bands as areas upon an unseen line at their lower end.
  bands() {
    const lines = this.view.lines.filter((line) => line.role === "band");
    const found = [];
    for (let n = 0; n < lines.length; n += 2) {
      const [low, high] = [lines[n], lines[n + 1]];
      const look = {
        type: "line", symbol: "none", stack: `band${n}`, stackStrategy: "all", silent: true,
        lineStyle: { opacity: 0 }, tooltip: { show: false },
      };
      found.push({ ...look, name: low.name, data: low.values });
      const between = high.values.map((value, at) => value - low.values[at]);
      found.push({ ...look, name: high.name, data: between, areaStyle: { color: low.colour, opacity: 1 } });
    }
    return found;
  }

  bars() {
    const { labels, lines } = this.view;
    const series = lines.map((line) => ({
      name: line.name, type: "bar", data: line.values, itemStyle: { color: line.colour },
      barMaxWidth: 18,
      label: {
        show: true, position: "right", color: INK, fontSize: 11,
        formatter: (about) => this.number(about.value),
      },
    }));
    const label = { color: INK, width: this.narrow ? 110 : 200, overflow: "break" };
    const frame = this.frame();
    return {
      ...frame,
      grid: { ...frame.grid, right: 64 },
      xAxis: this.axis({ splitNumber: 4 }),
      yAxis: this.categories(labels, { inverse: true, axisLabel: label }),
      series,
    };
  }

  heat() {
    const { labels, rows, cells, marks } = this.view;
    const data = [];
    const all = [];
    cells.forEach((line, y) => line.forEach((value, x) => {
      if (value === null) return;
      data.push([x, y, value]);
      all.push(value);
    }));
    const least = Math.min(0, ...all);
    const most = this.chart.most === undefined ? Math.max(...all, least + 1e-12) : this.chart.most;
    const side = { color: INK, width: this.narrow ? 150 : 250, overflow: "truncate", interval: 0 };
    const room = (this.plot.clientWidth - (this.narrow ? 150 : 250)) / labels.length;
    const names = { color: SOFT, fontSize: 11, hideOverlap: true, interval: room > 54 ? 0 : "auto" };
    const over = { position: "top", axisLabel: names };
    return {
      grid: { left: 4, right: 8, top: 8, bottom: 44, containLabel: true },
      tooltip: { confine: true, formatter: (about) => this.told(about) },
      xAxis: this.categories(labels, over),
      yAxis: this.categories(rows, { inverse: true, axisLabel: side }),
      visualMap: {
        type: "continuous", min: least, max: most, seriesIndex: 0, dimension: 2, calculable: false,
        orient: "horizontal", left: "center", bottom: 0, itemHeight: 160, itemWidth: 12,
        text: [most, least].map((value) => (value === 0 ? this.tick(0) : this.number(value))), textStyle: { color: SOFT },
        inRange: { color: SCALE }, outOfRange: { color: BEYOND },
      },
      series: [
        { type: "heatmap", data, itemStyle: { borderColor: "#fff", borderWidth: 1 } },
        {
          type: "scatter", data: marks.map(([y, x]) => [x, y]), symbolSize: 7, silent: true,
          itemStyle: { color: "#e69f00", borderColor: "#fff", borderWidth: 1 },
        },
      ],
    };
  }

  // The box beside the pointer, for charts whose own would not do.
  told(about) {
    const box = element("div");
    if (this.chart.kind === "heat") {
      const [x, y, value] = about.value;
      const marked = this.view.marks.some(([row, column]) => row === y && column === x);
      box.append(element("div", {}, this.view.rows[y]), element("div", {}, this.view.labels[x]));
      box.append(element("strong", {}, this.number(value) + (marked ? ` · ${this.chart.mark}` : "")));
      return box;
    }
    if (about.dataType === "edge") {
      const [from, to] = [about.data.source, about.data.target].map((n) => this.view.nodes[Number(n)].name);
      box.append(element("div", {}, `${from} → ${to}`));
    } else box.append(element("div", {}, this.view.nodes[Number(about.name)].name));
    box.append(element("strong", {}, this.valued(about.value)));
    return box;
  }

  flows() {
    const { nodes, flows } = this.view;
    const amounts = nodes.map((node, n) => {
      const sum = (side) => flows.reduce((total, flow) => total + (flow[side] === n ? flow[2] : 0), 0);
      return Math.max(sum(0), sum(1));
    });
    const side = this.narrow ? 100 : 250;
    const label = {
      color: INK, fontSize: this.narrow ? 10 : 12, width: side - 8, overflow: this.narrow ? "break" : "none",
      formatter: (about) => `${nodes[Number(about.name)].name}  ${this.number(amounts[Number(about.name)])}`,
    };
    return {
      tooltip: { confine: true, formatter: (about) => this.told(about) },
      series: [
        {
          type: "sankey", left: side, right: side, top: 28, bottom: 12, nodeWidth: 14,
          nodeGap: this.narrow ? 26 : 16, draggable: false, emphasis: { focus: "adjacency" },
          layoutIterations: 0, label,
          data: nodes.map((node, n) => ({
            name: String(n), depth: node.depth, itemStyle: { color: node.colour },
            label: { position: ["left", "top", "right"][node.depth] },
          })),
          links: flows.map(([from, to, value]) => ({
            source: String(from), target: String(to), value,
            lineStyle: { color: from === 0 ? "target" : "source", opacity: 0.35 },
          })),
        },
      ],
    };
  }

  curve() {
    const across = this.chart.across;
    const named = { nameLocation: "middle", nameTextStyle: { color: SOFT } };
    const axis = { ...this.axis({ scale: true }), ...named, nameGap: 30 };
    return {
      ...this.frame({ tooltip: { trigger: "item", confine: true, formatter: (about) => this.point(about) } }),
      grid: { left: 30, right: 24, top: 48, bottom: 30, containLabel: true },
      xAxis: {
        ...axis, name: across.label, axisLabel: { color: SOFT, formatter: tick(across.format) },
        splitLine: { show: false },
      },
      yAxis: { ...axis, name: this.chart.head, nameGap: 56 },
      series: this.view.lines.map((line) => ({
        name: line.name, type: "line", symbol: "circle", symbolSize: 6,
        data: line.values.map((value, n) => [line.over[n], value]),
        itemStyle: { color: line.colour }, lineStyle: { width: 2, color: line.colour },
      })),
    };
  }

  point(about) {
    const [x, y] = about.value;
    const lead = `${this.chart.across.label} ${numeral(this.chart.across.format)(x)}`;
    const end = `${this.chart.head} ${this.number(y)} ${this.chart.unit}`;
    return element("div", {}, element("div", {}, about.seriesName), element("div", {}, `${lead} · ${end}`));
  }

  // The table beside the chart, of the same figures; made when it is opened.
  list() {
    if (!this.beside.open) return;
    const place = emptied(this.beside.querySelector(".scroll"));
    const { heads, lines } = this.listed();
    const head = element("tr", {}, ...heads.map((text, n) => element("th", { scope: "col", class: n ? "" : "text" }, text)));
    const rows = lines.map(([name, ...cells]) => element("tr", {}, element("th", { scope: "row" }, name), ...cells));
    place.append(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
  }

  listed() {
    const { chart, view } = this;
    const cell = (value) => element("td", {}, this.number(value));
    const unit = chart.unit ? ` (${chart.unit})` : "";
    if (chart.kind === "heat") {
      const marked = new Set(view.marks.map(([y, x]) => `${y}:${x}`));
      const lines = view.rows.map((name, y) => [
        name,
        ...view.cells[y].map((value, x) => {
          if (!marked.has(`${y}:${x}`)) return cell(value);
          return element("td", { class: "mark", title: chart.mark }, this.number(value));
        }),
      ]);
      return { heads: [chart.head + unit, ...view.labels], lines };
    }
    if (chart.kind === "flows") {
      const lines = view.flows.map(([from, to, amount]) => [
        view.nodes[from].name,
        element("td", { class: "text" }, view.nodes[to].name),
        cell(amount),
      ]);
      return { heads: [texts.from, texts.to, texts.amount + unit], lines };
    }
    if (chart.kind === "curve") {
      const across = numeral(chart.across.format);
      const lines = view.lines.flatMap((line) => line.values.map((value, n) => [
        line.name, element("td", {}, across(line.over[n])), cell(value),
      ]));
      return { heads: ["", `${chart.across.label}${unit}`, `${chart.head}${unit}`], lines };
    }
    const heads = [chart.head + unit, ...view.lines.map((line) => line.name)];
    const lines = view.labels.map((name, at) => [name, ...view.lines.map((line) => cell(line.values[at]))]);
    return { heads, lines };
  }
}

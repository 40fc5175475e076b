// Tables: search, filters, sorting, and what is printed of them.
const CHOICES = 60; // a column with more different texts is searched, not chosen from
const FILTERS = 8;
const LONG = 48; // a text of more signs may break its line
const PRINTED_ROWS = 25; // of a table that is closed
const PRINTED_OPEN = 500; // of one that is open
const PRINTED_WIDTH = 200; // signs beside each other on a printed page

class DataTable {
  constructor(place, table) {
    this.place = place;
    this.table = table;
    this.held = table.columns.length ? table.columns[0].values.length : 0;
    this.show = table.columns.map((column) => this.shower(column));
    this.order = { column: -1, down: false };
    this.filters = new Map();
    this.words = "";
    this.made = false;
  }

  // What a cell of a column shows, by row.
  shower(column) {
    if (column.kind !== "number") {
      return (row) => (column.values[row] < 0 ? "" : column.texts[column.values[row]]);
    }
    const usual = numeral(column.format);
    if (!column.others) return (row) => usual(column.values[row]);
    const others = new Set(column.others);
    const other = numeral(column.otherwise);
    return (row) => (others.has(row) ? other : usual)(column.values[row]);
  }

  make() {
    if (this.made) return;
    this.made = true;
    this.status = element("output", { "aria-live": "polite" });
    this.body = element("tbody");
    const grid = element("table", {}, element("thead", {}, this.head()), this.body);
    const about = { class: "scroll", tabindex: "0", role: "region", "aria-label": this.table.title };
    this.place.append(
      element("div", { class: "shown" }, this.tools(), ...this.notes(), element("div", about, grid)),
    );
    this.draw();
  }

  notes() {
    const found = [];
    if (this.table.note) found.push(element("p", { class: "note" }, this.table.note));
    if (this.table.rows > this.held) {
      const places = { held: whole(this.held), rows: whole(this.table.rows) };
      const code = `tables/${this.table.name}.parquet`;
      found.push(element("p", { class: "cut" }, fill(texts.cut, { ...places, code })));
    }
    return found;
  }

  tools() {
    const search = element("input", { type: "search" });
    search.addEventListener("input", () => {
      this.words = search.value.trim().toLowerCase();
      this.draw();
    });
    const choices = this.choices();
    const clear = element("button", { type: "button" }, texts.clear);
    clear.addEventListener("click", () => {
      search.value = "";
      this.words = "";
      this.filters.clear();
      for (const [, select] of choices) select.value = "";
      this.draw();
    });
    return element(
      "div",
      { class: "tools" },
      element("label", {}, texts.search, search),
      ...choices.map(([label, select]) => element("label", {}, label, select)),
      clear,
      this.status,
    );
  }

  // A filter for each column of few different texts.
  choices() {
    const found = [];
    this.table.columns.forEach((column, place) => {
      const few = column.kind !== "number" && column.texts.length > 1;
      if (!few || column.texts.length > Math.min(CHOICES, this.held - 1)) return;
      if (found.length >= FILTERS || column.texts.some((text) => text.length > 2 * LONG)) return;
      const select = element("select", { "data-column": place }, element("option", { value: "" }, texts.all));
      column.texts.forEach((text, code) => select.append(element("option", { value: code }, text)));
      select.addEventListener("change", () => {
        if (select.value === "") this.filters.delete(place);
        else this.filters.set(place, Number(select.value));
        this.draw();
      });
      found.push([column.label, select]);
    });
    return found;
  }

  head() {
    this.heads = this.table.columns.map((column, place) => {
      const button = element("button", { type: "button", title: fill(texts.sort, { name: column.label }) }, column.label);
      button.addEventListener("click", () => this.sort(place));
      const about = { scope: "col", "aria-sort": "none", class: column.kind === "number" ? "" : "text" };
      return element("th", about, button);
    });
    return element("tr", {}, ...this.heads);
  }

  // First click: up for texts and days, down for numbers; then the other way; then as it was.
  sort(place) {
    const first = this.table.columns[place].kind === "number";
    if (this.order.column !== place) this.order = { column: place, down: first };
    else if (this.order.down === first) this.order = { column: place, down: !first };
    else this.order = { column: -1, down: false };
    this.heads.forEach((head, n) => {
      const way = this.order.down ? "descending" : "ascending";
      head.setAttribute("aria-sort", n === this.order.column ? way : "none");
    });
    this.draw();
  }

  // Places of the rows that are shown, in their order.
  rows() {
    const found = [];
    for (let row = 0; row < this.held; row += 1) if (this.fits(row)) found.push(row);
    if (this.order.column < 0) return found;
    const column = this.table.columns[this.order.column];
    const text = column.kind === "number" ? null : column.texts;
    const sign = this.order.down ? -1 : 1;
    const missing = (value) => value === null || (text !== null && value < 0);
    return found.sort((a, b) => {
      const [x, y] = [column.values[a], column.values[b]];
      if (missing(x) || missing(y)) return missing(x) - missing(y) || a - b;
      const order = text === null ? x - y : text[x].localeCompare(text[y], page.language, { numeric: true });
      return sign * order || a - b;
    });
  }

  fits(row) {
    for (const [place, code] of this.filters) {
      if (this.table.columns[place].values[row] !== code) return false;
    }
    return !this.words || this.show.some((show) => show(row).toLowerCase().includes(this.words));
  }

  draw() {
    const rows = this.rows();
    const places = this.table.columns.map((column, place) => place);
    emptied(this.body).append(...rows.map((row) => this.line(row, places)));
    if (!rows.length) {
      const cell = element("td", { class: "text", colspan: places.length }, texts.none);
      this.body.append(element("tr", {}, cell));
    }
    const counts = { shown: whole(rows.length), rows: whole(this.held) };
    this.status.textContent = fill(rows.length === this.held ? texts.count_all : texts.count, counts);
  }

  line(row, places) {
    return element("tr", {}, ...places.map((place) => this.cell(place, row)));
  }

  cell(place, row) {
    const text = this.show[place](row);
    if (this.table.columns[place].kind === "number") return element("td", {}, text);
    return element("td", { class: text.length > LONG ? "text long" : "text" }, text);
  }

  // Static tables for paper: as many columns beside each other as fit, with those that name a row.
  printed(open) {
    const rows = this.rows().slice(0, open ? PRINTED_OPEN : PRINTED_ROWS);
    const made = element("div", { class: "print-only printed" });
    for (const places of this.parts(rows)) {
      const heads = places.map((place) => {
        const column = this.table.columns[place];
        return element("th", { class: column.kind === "number" ? "" : "text" }, column.label);
      });
      const lines = rows.map((row) => this.line(row, places));
      made.append(
        element("table", {}, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...lines)),
      );
    }
    if (rows.length < this.table.rows) {
      const counts = { held: whole(rows.length), rows: whole(this.table.rows) };
      made.append(element("p", { class: "cut" }, fill(texts.printed, counts)));
    }
    return made;
  }

  parts(rows) {
    const width = this.table.columns.map((column, place) => {
      const longest = rows.reduce((most, row) => Math.max(most, this.show[place](row).length), 0);
      return 3 + Math.min(Math.max(longest, Math.ceil(column.label.length / 2)), LONG);
    });
    const total = (places) => places.reduce((sum, place) => sum + width[place], 0);
    const all = this.table.columns.map((column, place) => place);
    if (total(all) <= PRINTED_WIDTH) return [all];
    const first = all.findIndex((place) => this.table.columns[place].kind === "number" || width[place] > 40);
    const keys = all.slice(0, Math.min(Math.max(first, 1), 4));
    const found = [];
    let part = [];
    for (const place of all.filter((each) => !keys.includes(each))) {
      if (part.length && total([...keys, ...part, place]) > PRINTED_WIDTH) {
        found.push([...keys, ...part]);
        part = [];
      }
      part.push(place);
    }
    return [...found, [...keys, ...part]];
  }
}



// What the page's parts share: its data, numbers as they are shown, elements.
const page = JSON.parse(document.getElementById("data").textContent);
const texts = page.texts;
const NUDGE = 1 + Math.pow(2, -51); // a half in decimals is rounded up, as Excel does

// A text with its [places] filled.
function fill(text, places) {
  return text.replace(/\[(\w+)\]/g, (whole, key) => (key in places ? String(places[key]) : whole));
}

function separated(digits) {
  const [whole, part] = digits.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part === undefined ? grouped : grouped + "." + part;
}

function science(value) {
  const [digits, power] = value.toExponential(1).split("e");
  const size = power.slice(1).padStart(2, "0");
  return digits + "E" + power[0] + size;
}

// How a number is shown: thousands separated, negative in brackets, zero as a dash.
function numeral(format) {
  const scale = format.scale === undefined ? 1 : format.scale;
  const decimals = format.decimals || 0;
  const suffix = format.suffix || "";
  return (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "";
    if (value === 0 && format.dash !== false) return "–";
    if (format.science) return science(value);
    const text = separated(((Math.abs(value) / scale) * NUDGE).toFixed(decimals)) + suffix;
    if (value >= 0) return text;
    return format.brackets === false ? "−" + text : "(" + text + ")";
  };
}

// The same for an axis: no more decimals than are needed.
function tick(format) {
  const scale = format.scale === undefined ? 1 : format.scale;
  const suffix = format.suffix || "";
  return (value) => {
    const shown = Number((value / scale).toPrecision(8));
    const digits = separated(String(Math.abs(shown)));
    return (shown < 0 ? "−" : "") + digits + suffix;
  };
}

// An element with its class, attributes and text or children; texts are never read as HTML.
function element(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(about)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") made.className = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function emptied(parent) {
  parent.replaceChildren();
  return parent;
}

// A whole number.
const whole = numeral({ dash: false });

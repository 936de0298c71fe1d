// Elements. Text becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element of this id. */
const byId = (id) => document.getElementById(id);

/** An element with attributes and children; a child that is no node becomes text. */
function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in SVG. */
function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A line to copy, with a button that does it. */
function copyable(label, text) {
  const said = el("span", { class: "said", role: "status" });
  const copy = async () => {
    said.textContent = (await copied(text)) ? "copied" : "select it and copy it by hand";
  };
  return el("div", { class: "copyable" }, el("code", { tabindex: 0 }, text),
    el("button", { type: "button", class: "copy", "aria-label": label, click: copy }, "Copy"), said);
}

/** A page that is opened from a file may not have the clipboard; then the old way is tried. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A number and what it counts. */
const counted = (number, what) => `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;

/** 1261440 as 1,261,440. */
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

"use strict";

const SVG = "http://www.w3.org/2000/svg";
const content = JSON.parse(document.getElementById("content").textContent);

/** An element of HTML with attributes and children, which are elements or texts: no text is read as HTML. */
function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** An architecture's mark on paper, as in the figures. */
function swatch(architecture) {
  const look = content.architectures[architecture];
  const mark = draw("path", { d: look.marker, fill: look.colour });
  return draw("svg", { class: "swatch", viewBox: "-9 -9 18 18", width: 18, height: 18, "aria-hidden": "true" }, mark);
}

const digits = (value, places = 3) => (value === null || value === undefined ? "–" : value.toFixed(places));
const signed = (value) => (value < 0 ? "−" : "+") + digits(Math.abs(value));
const megabytes = (value) => value.toLocaleString("en", { maximumSignificantDigits: value < 1000 ? 3 : 4 });

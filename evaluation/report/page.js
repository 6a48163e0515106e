"use strict";

const SVG = "http://www.w3.org/2000/svg";

// Maps: the name of the point under the pointer, or of the one that the arrow keys have come to.
for (const map of document.querySelectorAll(".points")) {
  const points = [...map.querySelectorAll("[data-name]")];
  const name = map.parentElement.querySelector("output");
  const ring = document.createElementNS(SVG, "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", "7");
  let at = -1;
  const show = (number) => {
    at = number;
    const point = points[at];
    ring.setAttribute("cx", point.getAttribute("x"));
    ring.setAttribute("cy", point.getAttribute("y"));
    map.querySelector("svg").append(ring);
    name.textContent = point.dataset.name;
  };
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  map.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    show((Math.max(at, -1) + steps[event.key] + points.length) % points.length);
  });
  for (const kind of ["pointerover", "click"]) {
    map.addEventListener(kind, (event) => {
      const point = event.target.closest("[data-name]");
      if (point) show(points.indexOf(point));
    });
  }
}

// Recordings: one at a time; or both of a trial, one after the other.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) {
    if (other !== event.target) other.pause();
  }
}, true);
for (const button of document.querySelectorAll("button.both")) {
  button.hidden = false;
  const [first, second] = button.closest(".trial").querySelectorAll("audio");
  button.addEventListener("click", () => {
    first.currentTime = 0;
    second.currentTime = 0;
    first.addEventListener("ended", () => second.play(), { once: true });
    first.play();
  });
}

// On paper everything is open.
const opened = new Set();
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    opened.add(part);
    part.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
  opened.clear();
});

"use strict";
// Pan, zoom and hover. Without it the page still shows the picture and the table.
const view = document.getElementById("view");
const tip = document.getElementById("tip");
const svg = view.querySelector("svg");
const size = svg.viewBox.baseVal;
let zoom = 1, left = 0, top_ = 0, grip = null;

function show() {
  svg.style.transform = `translate(${left}px, ${top_}px) scale(${zoom})`;
}

function fit() {
  zoom = Math.min(1, view.clientWidth / size.width);
  left = Math.max(0, (view.clientWidth - size.width * zoom) / 2);
  top_ = 0;
  view.style.height = `${Math.min(0.75 * innerHeight, size.height * zoom)}px`;
  show();
}

function scale(by, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  const next = Math.min(4, Math.max(0.05, zoom * by));
  left = x - ((x - left) * next) / zoom;
  top_ = y - ((y - top_) * next) / zoom;
  zoom = next;
  show();
}

function pick(thing) {
  for (const near of svg.querySelectorAll(".near")) near.classList.remove("near");
  svg.classList.toggle("picked", thing !== null && "node" in thing.dataset);
  if (!svg.classList.contains("picked")) return;
  thing.classList.add("near");
  for (const edge of svg.querySelectorAll("[data-edge]")) {
    const ends = edge.dataset.edge.split("-");
    if (!ends.includes(thing.dataset.node)) continue;
    edge.classList.add("near");
    for (const end of ends) svg.querySelector(`[data-node="${end}"]`).classList.add("near");
  }
}

function tell(thing, x, y) {
  tip.style.display = thing ? "block" : "none";
  if (!thing) return;
  tip.textContent = thing.dataset.tip;
  const room = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 16, innerWidth - room.width - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(y + 16, innerHeight - room.height - 8))}px`;
}

// The browser's own tooltips give way to ours, which appear at once.
for (const thing of svg.querySelectorAll("[data-node], [data-edge]")) {
  const title = thing.querySelector("title");
  thing.dataset.tip = title.textContent;
  title.remove();
}

view.addEventListener("pointermove", (event) => {
  if (grip) {
    left = grip.left + event.clientX - grip.x;
    top_ = grip.top + event.clientY - grip.y;
    show();
    return;
  }
  const thing = event.target.closest("[data-node], [data-edge]");
  pick(thing);
  tell(thing, event.clientX, event.clientY);
});
view.addEventListener("pointerleave", () => { pick(null); tell(null); });
view.addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest("button")) return;
  grip = { x: event.clientX, y: event.clientY, left, top: top_ };
  view.setPointerCapture(event.pointerId);
  tell(null);
});
for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => { grip = null; });
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = view.getBoundingClientRect();
  if (event.ctrlKey || event.metaKey) scale(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  else { left -= event.deltaX; top_ -= event.deltaY; show(); }
}, { passive: false });
view.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  if (step) { left += step[0]; top_ += step[1]; show(); }
  else if (event.key === "+" || event.key === "=") scale(1.25);
  else if (event.key === "-") scale(0.8);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
});
document.getElementById("in").addEventListener("click", () => scale(1.25));
document.getElementById("out").addEventListener("click", () => scale(0.8));
document.getElementById("fit").addEventListener("click", fit);
view.classList.add("live");
document.getElementById("tools").classList.add("live");
view.tabIndex = 0;
fit();

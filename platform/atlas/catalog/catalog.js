"use strict";
(() => {
  const field = document.getElementById("search");
  const state = document.getElementById("state");
  const count = document.getElementById("count");
  const rows = [...document.querySelectorAll("#pipelines tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const all = count.textContent.split(" of ")[1];
  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = (!state.value || row.dataset.state.split(" ").includes(state.value))
        && words.every((word) => texts[index].includes(word));
      if (row.hidden === fits) row.hidden = !fits;
      shown += fits;
    });
    count.textContent = `${shown.toLocaleString("en")} of ${all}`;
    const query = new URLSearchParams();
    if (field.value) query.set("q", field.value);
    if (state.value) query.set("state", state.value);
    history.replaceState(null, "", query.size ? `#${query}` : "#");
  };
  const asked = new URLSearchParams(location.hash.slice(1));
  field.value = asked.get("q") || "";
  state.value = asked.get("state") || "";
  field.addEventListener("input", show);
  state.addEventListener("input", show);
  document.querySelector(".search").hidden = false;
  if (field.value || state.value) show();
})();

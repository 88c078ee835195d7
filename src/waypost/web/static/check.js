// Waypost: a check shows how far it has come, and its answer takes the place of that. Without it the page renews itself.
"use strict";
(() => {
  const page = document.querySelector(".checking");
  if (!page || !window.EventSource) return;
  const steps = page.querySelector(".steps"), finds = page.querySelector(".finds"), none = page.querySelector(".none");
  const now = page.querySelector(".now"), says = now.querySelector(".says"), clock = now.querySelector(".clock b");
  const began = performance.now() - 1000 * Number(page.dataset.began);
  const grave = ["error", "warning"];
  let faults = finds.querySelectorAll(".s-error, .s-warning").length, over = false;

  const ticking = setInterval(() => { clock.textContent = Math.floor((performance.now() - began) / 1000); }, 500);
  const source = new EventSource(page.dataset.events);
  source.addEventListener("stage", (event) => stage(JSON.parse(event.data)));
  source.addEventListener("finding", (event) => finding(JSON.parse(event.data)));
  source.addEventListener("over", answer);
  source.addEventListener("error", () => {
    if (over) return;
    says.textContent = now.dataset.lost;
    if (source.readyState === EventSource.CLOSED) setTimeout(answer, 2000);
  });

  function stage(one) {
    const row = steps.querySelector(`[data-stage="${one.stage}"]`);
    if (row) {
      row.dataset.state = one.state;
      row.querySelector("span").textContent = steps.dataset[one.state];
    }
    says.textContent = one.says + " · " + steps.dataset[one.state] + (faults ? " · " + now.dataset.faults.replace("{count}", faults) : "");
  }
  function finding(one) {
    const row = document.createElement("li");
    row.className = "come s-" + one.severity;
    row.append(part("grade", one.says), " ", part("what", one.title), " ", part("about mono", one.about));
    finds.append(row);
    none.hidden = true;
    if (grave.includes(one.severity)) faults += 1;
    const step = steps.querySelector(`[data-stage="${one.stage}"]`);
    const order = ["", "ok", "note", "warning", "error"];
    if (step && order.indexOf(one.severity) > order.indexOf(step.dataset.worst)) step.dataset.worst = one.severity;
  }
  function part(kind, text) {
    const element = document.createElement("span");
    element.className = kind;
    element.textContent = text;
    return element;
  }
  async function answer() {
    if (over) return;
    over = true;
    source.close();
    clearInterval(ticking);
    try {
      const told = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      show(new DOMParser().parseFromString(await told.text(), "text/html"));
    } catch { location.reload(); }
  }
  function show(told) {
    const main = document.querySelector("main"), fresh = told.querySelector("main");
    if (!fresh || fresh.querySelector(".checking")) { location.reload(); return; }
    main.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    document.title = told.title;
    scrollTo({ top: 0, behavior: "instant" });
    main.querySelector("h1")?.focus();
  }
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted && !over) location.reload(); });
})();

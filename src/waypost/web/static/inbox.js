// Waypost: new mail appears in an open list by itself. Without it a reload does the same. Nothing of the mail passes through here: the
// list is asked for anew, as the page that the server makes of it.
"use strict";
(() => {
  const sign = document.querySelector(".live");
  const list = document.querySelector("[data-live] [data-list]");
  if (!sign || !list || !window.EventSource) return;
  let source = null, asking = false, again = false;

  function tell(on) {
    sign.dataset.state = on ? "on" : "off";
    sign.textContent = on ? sign.dataset.on : sign.dataset.off;
  }
  function open() {
    if (source || document.hidden) return;
    source = new EventSource(sign.dataset.events);
    source.addEventListener("open", () => { tell(true); refresh(); });
    source.addEventListener("change", refresh);
    source.addEventListener("error", () => {
      tell(false);
      if (source && source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 5000); }
    });
  }
  function close() {
    if (source) source.close();
    source = null;
  }
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    again = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream tells when the server is back */ }
    setTimeout(() => { asking = false; if (again) refresh(); }, 300);
  }
  function show(page) {
    const fresh = page.querySelector("[data-list]");
    if (!fresh || fresh.innerHTML === list.innerHTML) return;
    const known = new Set([...list.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
    const focused = document.activeElement && document.activeElement.closest("[data-id]");
    const first = known.size === 0 && !list.querySelector("[data-id]");
    list.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    for (const row of list.querySelectorAll("[data-id]")) {
      if (!known.has(row.dataset.id) || first) row.classList.add("arrived");
      if (focused && row.dataset.id === focused.dataset.id) row.querySelector("a").focus();
    }
  }

  // A browser opens six connections to a server at most: pages that nobody looks at keep none.
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  tell(false);
  open();
})();

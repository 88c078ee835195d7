// Waypost: what pages do beyond being read. Everything works without it. No library, nothing inline, nothing from elsewhere.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = (() => { try { return localStorage.getItem("theme"); } catch { return null; } })();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;

  document.addEventListener("DOMContentLoaded", () => {
    themes();
    const forms = [...document.querySelectorAll("form.find")];
    forms.forEach(searching);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || /^(input|textarea|select)$/i.test(document.activeElement.tagName)) return;
      event.preventDefault();
      forms.at(-1)?.querySelector("input").focus();
    });
  });

  function themes() {
    const button = document.querySelector("button.theme");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the choice lasts for this page alone */ }
    });
  }

  function searching(form, number) {
    const input = form.querySelector("input");
    const source = new URL(form.dataset.index, document.baseURI);
    const list = document.createElement("div");
    let index = null, loading = null, chosen = -1;
    list.className = "hits";
    list.id = "hits-" + number;
    list.setAttribute("role", "listbox");
    list.hidden = true;
    form.append(list);
    form.hidden = false;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-autocomplete", "list");

    function load() {
      loading ??= fetch(source).then((answer) => answer.json()).then((rows) => { index = rows; }, () => { form.hidden = form.getAttribute("action") === "#"; });
      return loading;
    }
    function show() {
      const asked = input.value.trim().toLowerCase();
      const rows = asked && index ? index.map((row) => [score(row, asked), row]).filter(([points]) => points) : [];
      rows.sort((a, b) => b[0] - a[0]);
      list.replaceChildren(...rows.slice(0, 12).map(([, row]) => hit(row)));
      if (asked && index && !rows.length) {
        const none = document.createElement("p");
        none.textContent = input.dataset.nothing;
        list.append(none);
      }
      open(Boolean(asked && index));
      choose(rows.length ? 0 : -1);
    }
    function hit(row) {
      const link = document.createElement("a");
      const [path, fragment] = row.p.split("#");
      link.href = new URL(path + form.dataset.suffix + (fragment ? "#" + fragment : ""), source);
      link.setAttribute("role", "option");
      link.append(part("span", "code d" + row.d, row.c), part("span", "", row.t === row.c ? "" : row.t), part("small", "", row.k));
      return link;
    }
    function part(name, kind, text) {
      const element = document.createElement(name);
      element.className = kind;
      element.textContent = text;
      return element;
    }
    function open(wanted) {
      list.hidden = !wanted;
      input.setAttribute("aria-expanded", String(wanted));
    }
    function choose(place) {
      const links = list.querySelectorAll("a");
      chosen = links.length ? (place + links.length) % links.length : -1;
      links.forEach((link, at) => link.setAttribute("aria-selected", String(at === chosen)));
      if (chosen >= 0) links[chosen].scrollIntoView({ block: "nearest" });
    }
    input.addEventListener("focus", load);
    input.addEventListener("input", () => load().then(show));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") open(false);
      if (list.hidden) return;
      if (event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
      if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen - 1); }
    });
    form.addEventListener("submit", (event) => {
      const link = list.hidden ? null : list.querySelectorAll("a")[chosen];
      if (link) { event.preventDefault(); location.assign(link.href); }
      else if (form.getAttribute("action") === "#") event.preventDefault();
    });
    document.addEventListener("click", (event) => { if (!form.contains(event.target)) open(false); });
  }

  // The same as in reference/finding.py.
  function score(row, asked) {
    const code = row.c.toLowerCase(), title = row.t.toLowerCase();
    if (asked === code || asked === code.replace(/^x\./, "")) return 100;
    if (code.startsWith(asked) || (code.startsWith("x.") && /^[245]\.[\d.]*$/.test(asked) && code.slice(1).startsWith(asked.slice(1)))) return 60;
    const words = asked.split(/\s+/);
    let text = code + " " + title;
    if (words.every((word) => text.includes(word))) return title.startsWith(asked) ? 40 : 30;
    text += " " + row.a.toLowerCase();
    if (words.every((word) => text.includes(word))) return 20;
    return words.every((word) => (text + " " + row.m.toLowerCase()).includes(word)) ? 10 : 0;
  }
})();

// The page works without this. It copies, hides empty fields from the address, and answers again when a field changes.
"use strict";
(() => {
  const progress = document.getElementById("progress");
  let latest = 0;

  function said(form) {
    const kept = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim()) kept.set(name, value);
    return kept;
  }

  async function again(form) {
    if (!form.reportValidity()) return;
    const mine = ++latest;
    const address = "?" + said(form);
    progress.textContent = "Working it out …";
    document.body.classList.add("busy");
    try {
      const answer = await fetch("./" + address, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== latest) return;
      show(page);
      history.pushState(null, "", address);
      const verdict = document.getElementById("verdict");
      progress.textContent = verdict ? "Answered: " + verdict.textContent : "There is something to mend.";
    } catch {
      if (mine === latest) progress.textContent = "The service did not answer. Try again.";
    } finally {
      if (mine === latest) document.body.classList.remove("busy");
    }
  }

  function show(page) {
    const focused = document.activeElement ? document.activeElement.id : "";
    const open = new Map([...document.querySelectorAll("details[id]")].map((d) => [d.id, d.open]));
    document.getElementById("page").replaceChildren(...page.getElementById("page").childNodes);
    document.title = page.title;
    for (const [id, was] of open) { const d = document.getElementById(id); if (d) d.open = d.open || was; }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    prepare();
  }

  function prepare() {
    for (const button of document.querySelectorAll("button[hidden]")) button.hidden = false;
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "task") return;
    event.preventDefault();
    location.assign("./?" + said(event.target));
  });

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.id === "task" && document.getElementById("verdict")) again(form);
  });

  async function keep(request) {
    progress.textContent = "Keeping it …";
    try {
      const answer = await fetch("recommendations", { method: "POST", headers: { "Content-Type": "application/json" }, body: request });
      const kept = await answer.json();
      if (!answer.ok) throw new Error(kept.detail);
      location.assign("history?id=" + kept.id);
    } catch (error) {
      progress.textContent = "It could not be kept. " + error.message;
    }
  }

  document.addEventListener("click", async (event) => {
    const keeper = event.target.closest("button[data-keep]");
    if (keeper) { keep(keeper.dataset.keep); return; }
    const button = event.target.closest("button[data-copy-href], button[data-copy-text]");
    if (!button) return;
    const text = button.dataset.copyHref
      ? document.getElementById(button.dataset.copyHref).href
      : document.getElementById(button.dataset.copyText).textContent;
    try {
      await navigator.clipboard.writeText(text);
      progress.textContent = "Copied.";
    } catch {
      progress.textContent = "The browser did not let us copy; select the text instead.";
    }
  });

  addEventListener("popstate", () => location.reload());
  prepare();
})();

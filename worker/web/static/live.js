// Keeps the page as it would be if it were loaded again: every few seconds, while somebody looks at it.
// Without this the page is whole, and stands still.
(() => {
  const main = document.querySelector("main[data-every]");
  if (!main) return;
  const every = Number(main.dataset.every) * 1000;
  const state = document.querySelector("[data-live]");
  const keep = {
    ignoreActiveValue: true,
    callbacks: {
      // What the reader has opened stays open.
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.nodeName === "DETAILS"),
    },
  };
  const say = (text, lost) => {
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle("lost", lost);
  };

  async function refresh() {
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main[data-every]");
    if (!fresh) throw new Error("another page");
    const chosen = getSelection();
    if (chosen && !chosen.isCollapsed && main.contains(chosen.anchorNode)) return; // it would be lost
    Idiomorph.morph(main, fresh, { ...keep, morphStyle: "outerHTML" });
    for (const badge of document.querySelectorAll("[data-badge]")) {
      const now = page.querySelector(`[data-badge="${badge.dataset.badge}"]`);
      if (now) badge.textContent = now.textContent;
    }
  }

  async function turn() {
    if (!document.hidden) {
      try {
        await refresh();
        say("live", false);
      } catch {
        say("no answer from feedmill", true);
      }
    }
    setTimeout(turn, every);
  }

  say("live", false);
  setTimeout(turn, every);
})();
